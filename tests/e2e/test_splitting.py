"""Texts with ends of lines, wherever they come from: no header line and no line of the log is made of them."""

import contextlib
import json
import re
import subprocess

import pytest

import postgres
from conftest import DATABASE, Program, clean_environment
from fastcgi import Connection, job
from injections import CONTROLS, SPLITS

AUTHORIZE = "--authorize=REMOTE_USER"
KNOWN = ("default", "data-import-2024-06-01")
VARIABLES = ("REMOTE_USER", "HTTP_IF_NONE_MATCH", "QUERY_STRING", "SCRIPT_NAME", "SERVER_PROTOCOL", "HTTP_HOST",
             "CONTENT_TYPE")
OPTIONS = ("socket-group", "threads", "schema", "compat", "prepare", "cache", "poll-hints", "authorize", "challenge",
           "timeout", "log-level", "log", "accept-unknown-status", "")
BODY = ["Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"]
HEADERS = {200: BODY + ["ETag"], 204: ["Allow"], 304: ["Cache-Control", "ETag"],
           401: BODY + ["WWW-Authenticate"], 404: BODY, 405: ["Allow"] + BODY, 422: BODY, 500: BODY, 503: BODY}


def check_headers(answer, head=False):
    """One block of the headers that belong to the status, and then the body: one JSON value, or nothing."""
    assert [name for name, _ in answer.headers if name != "Retry-After"] == HEADERS[answer.status], answer
    assert all(re.fullmatch("[ -~]+", value) for _, value in answer.headers), answer
    assert re.fullmatch("1|[1-9]|[12][0-9]|30", answer.header("Retry-After") or "1")
    if head or answer.status in (204, 304):
        assert answer.body == b""
    else:
        assert str(len(answer.body)) == answer.header("Content-Length")
        json.loads(answer.body)
    assert answer.stderr == b""
    return answer


@pytest.fixture
def right(admin):
    """Of one, to read the job that is there."""
    admin("insert into jobstatus.readers (workspace, principal) values (%s, 'alice')", KNOWN[:1])
    yield
    admin("delete from jobstatus.readers")


def test_nothing_of_a_request_is_in_a_header(run_program, right):
    """Whichever variable it is in."""
    program = run_program(AUTHORIZE, "--log-level=debug")
    tag = program.get(*KNOWN, REMOTE_USER="alice").header("ETag")
    seen = set()
    with Connection(program.socket) as connection:
        for text in SPLITS + CONTROLS + [text + "\0" + more for text in ("x", tag, "") for more in SPLITS[:4]]:
            cases = [job(KNOWN[0], text), job(text, KNOWN[1]), job(text, text), job(*KNOWN, method=text)]
            cases += [job(*KNOWN, **{variable: value}) for variable in (*VARIABLES, text)
                      for value in (text, tag + text, "*" + text)]
            for case in cases + [dict(case, REQUEST_METHOD="HEAD") for case in cases]:
                answer = connection.ask({"REMOTE_USER": "alice", **case})
                check_headers(answer, case["REQUEST_METHOD"] == "HEAD")
                assert answer.header("ETag") in (None, tag)
                seen.add(answer.status)
    assert seen == {200, 304, 401, 404, 405, 422}
    assert not re.search(r"[^\n -~]", program.log) and program.lines("error") == []


@pytest.fixture(scope="module")
def loose(cluster):
    """Tables without constraints, with each text in a job, a step and a task; and a view that raises it."""
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("""
            create schema loose; create schema raising;
            create table loose.jobs (like jobstatus.jobs including defaults);
            alter table loose.jobs alter revision drop not null, alter revision drop default, alter revision type text;
            create table loose.steps (like jobstatus.steps including defaults);
            create table loose.tasks (like jobstatus.tasks including defaults);
            create function loose.raise(code text, message text) returns json language plpgsql as
                $$ begin raise exception using errcode = code, message = message; end $$;
            create view raising.jobs as select workspace, name, id, attempt, status,
                loose.raise(workspace, id) as status_details, error_details, revision, created_at, updated_at from loose.jobs;
            create view raising.steps as table loose.steps; create view raising.tasks as table loose.tasks;
            grant usage on schema loose, raising to reader;
            grant select on all tables in schema loose, raising to reader""")
        for number, text in enumerate(SPLITS):
            cursor.execute("""
                insert into loose.jobs (workspace, name, id, status, status_details, revision) values
                    ('job', %(n)s, %(t)s, %(t)s, %(d)s, %(t)s), ('job', 'none' || %(n)s, %(t)s, %(t)s, %(d)s, null),
                    ('step', %(n)s, 's' || %(n)s, 'active', %(d)s, %(t)s),
                    ('task', %(n)s, 't' || %(n)s, 'active', %(d)s, null),
                    ('22000', %(n)s, %(t)s, 'active', '{}', null), ('22P05', %(n)s, %(t)s, 'active', '{}', null),
                    ('P0001', %(n)s, %(t)s, 'active', '{}', null);
                insert into loose.steps (workspace, job_id, position, id, name, status, status_details) values
                    ('step', 's' || %(n)s, 0, %(t)s, %(t)s, %(t)s, %(d)s),
                    ('task', 't' || %(n)s, 0, 's', 's', 'active', %(d)s);
                insert into loose.tasks (workspace, job_id, step_position, position, id, name, status, status_details,
                    error_stack) values ('task', 't' || %(n)s, 0, 0, %(t)s, %(t)s, %(t)s, %(d)s, %(t)s)""",
                           {"n": str(number), "t": text, "d": json.dumps({text: text + "\0"})})
        yield
        cursor.execute("set client_min_messages = error; drop schema loose, raising cascade")


def test_nothing_of_a_row_is_in_a_header(loose, run_program):
    """It is in the document, at its level."""
    program = run_program("--schema=loose", "--accept-unknown-status=yes")
    for number, text in enumerate(SPLITS):
        for key in ("job", number), ("job", "none%d" % number), ("step", number), ("task", number):
            answer = check_headers(program.get(*key))
            rows = [json.loads(answer.body)]
            rows += rows[0]["steps"] + [task for step in rows[0]["steps"] for task in step["tasks"]]
            assert [text, text] in [[row["id"], row["status"]] for row in rows] and answer.status == 200
            unchanged = check_headers(program.get(*key, HTTP_IF_NONE_MATCH=answer.header("ETag") + text))
            assert (unchanged.status, unchanged.header("ETag")) == (304, answer.header("ETag"))
            assert check_headers(program.get(*key, method="HEAD"), head=True).headers == answer.headers


def lines(program):
    """How many the log has; all are whole, and without control characters."""
    log = program.log_path.read_bytes()
    assert log.endswith(b"\n") and not re.search(rb"[\0-\x09\x0b-\x1f\x7f]|^X-Injected", log, re.M)
    return log.count(b"\n")


@pytest.mark.native
def test_each_line_of_the_log_is_the_programs_own(loose, directory, run_program):
    """One for each row that cannot be answered, for each that the database refuses, and for its coming back."""
    programs = {schema: run_program("--schema=" + schema, "--log-level=debug") for schema in ("loose", "raising")}
    for number in range(len(SPLITS)):
        for schema, workspace, status in (
                ("loose", "job", 500), ("loose", "step", 500), ("loose", "task", 500),
                ("raising", "22000", 500), ("raising", "22P05", 500), ("raising", "P0001", 503),
                ("raising", "none", 404)):
            before = lines(programs[schema])
            assert check_headers(programs[schema].get(workspace, number)).status == status
            assert lines(programs[schema]) == before + 1
    assert all(program.log.count("X-Injected") > 10 for program in programs.values())
    program = Program(directory, name="x\n\x1bX-Injected")
    program.start().stop()
    assert "X-Injected" in program.log and lines(program) == 3  # ready, stopping, stopped


def test_challenges(run_program):
    """Those that could be taken go out as they are."""
    for text in ("%s%n%999d", 'Basic realm="x", Bearer\\r\\nX-Injected: 1', "%0d%0aX-Injected:%201", "x" * 255, ": "):
        answer = check_headers(run_program(AUTHORIZE, "--challenge=" + text).get("w", "job"))
        assert (answer.status, answer.header("WWW-Authenticate")) == (401, text)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_with_line_ends_are_refused(option):
    """In one line."""
    for text in SPLITS[:8]:
        for value in (text, "Basic x" + text):
            done = subprocess.run([str(postgres.program()), "--%s=%s" % (option, value)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment(), cwd="/")
            assert done.returncode == 64
            assert re.fullmatch(rb"(jobstatus: |time=)[^\0-\x1f\x7f]*\n", done.stderr), done.stderr
