"""Entity tags and conditional requests: what a tag depends on, and when the answer is 304."""

import contextlib
import json
import os
import random
import re

import pytest

import fronts
from backends import OwnSocket
from conftest import DATABASE
from fastcgi import job

LONG = bool(os.environ.get("JOBSTATUS_LONG"))
CHANGES = 1000000 if LONG else 800
JOB = ("conditional", "job")


@pytest.fixture
def make(admin):
    """The job with two steps of a task each, anew for each test."""
    admin("delete from jobstatus.jobs where workspace = 'conditional'")
    admin("select from jobstatus.create_job('conditional', 'job', '{a,b}', 'id')")
    for step in "ab":
        admin("select from jobstatus.report_task('conditional', 'job', %s, 't', 'created')", (step,))
    yield
    admin("delete from jobstatus.jobs where workspace = 'conditional'")


def tag_of(answer):
    assert answer.status == 200, answer
    tag = answer.header("ETag")
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    return tag


def ask(program, field, *of, method="GET"):
    return program.get(*(of or JOB), method=method, HTTP_IF_NONE_MATCH=field)


def check_unchanged(answer, tag):
    """A 304 has these headers and no others, but for the hint."""
    assert (answer.status, answer.reason, answer.body) == (304, "Not Modified", b""), answer
    assert [(name, value) for name, value in answer.headers if name != "Retry-After"] == \
        [("Cache-Control", "no-cache"), ("ETag", tag)]


def test_the_same_of_every_process(make, jobstatus, run_program):
    tag = tag_of(jobstatus.get(*JOB))
    assert tag_of(jobstatus.get(*JOB, method="HEAD")) == tag
    for options in ((), ("--prepare=no",), ("--cache=0",), ("--poll-hints=no", "--threads=1")):
        program = run_program(*options)
        assert tag_of(program.get(*JOB)) == tag
        check_unchanged(ask(program, tag), tag)


def test_another_with_options_that_change_bytes(make, jobstatus, run_program):
    tags = {tag_of(jobstatus.get(*JOB))}
    for options in (("--compat=nemo-platform",), ("--accept-unknown-status=yes",),
                    ("--compat=nemo-platform", "--accept-unknown-status=yes")):
        tags.add(tag_of(run_program(*options).get(*JOB)))
    assert len(tags) == 4


def test_none_of_what_is_no_document(make, jobstatus):
    for answer in (jobstatus.get("conditional", "none"), jobstatus.get("x" * 256, "y"),
                   jobstatus.get(*JOB, method="POST"), jobstatus.get(*JOB, method="OPTIONS")):
        assert answer.status != 200 and answer.header("ETag") is None


ROWS = {"jobs": "id = 'id'", "steps": "job_id = 'id' and position = 0", "tasks": "job_id = 'id' and step_position = 1"}
COLUMNS = {"name": "'x'", "status": "'active'", "status_details": "'{\"a\":1}'", "error_details": "'{\"a\":1}'",
           "created_at": "'2020-01-01Z'", "updated_at": "'2030-01-01Z'"}
VISIBLE = ["update jobstatus.%s set %s = %s where workspace = 'conditional' and %s" % (table, column, value, where)
           for table, where in ROWS.items() for column, value in COLUMNS.items() if (table, column) != ("jobs", "name")]
VISIBLE += ["update jobstatus.%s set id = 'x' where workspace = 'conditional' and %s" % (table, ROWS[table])
            for table in ("steps", "tasks")]
VISIBLE += [
    "update jobstatus.tasks set error_stack = 'x' where workspace = 'conditional'",
    "update jobstatus.tasks set step_position = 0, position = 1, name = 'u' where workspace = 'conditional' and step_position = 1",
    "delete from jobstatus.tasks where workspace = 'conditional' and step_position = 1",
    "delete from jobstatus.steps where workspace = 'conditional' and position = 1",
    "insert into jobstatus.steps (workspace, job_id, position, id, name, status)"
    " values ('conditional', 'id', 2, 'x', 'x', 'created')",
    "update jobstatus.jobs set attempt = 1 where workspace = 'conditional'",
    "select from jobstatus.report_step('conditional', 'job', 'a', 'active')",
    "select from jobstatus.report_task('conditional', 'job', 'b', 't', null, '{\"progress\": 1}')",
    "select from jobstatus.report_job_details('conditional', 'job', '{\"a\": 1}')",
    "select from jobstatus.cancel_job('conditional', 'job'); select from jobstatus.rerun_job('conditional', 'job')",
]


@pytest.mark.parametrize("change", VISIBLE)
def test_changes_with_what_is_visible(make, jobstatus, admin, change):
    before = jobstatus.get(*JOB)
    tag = tag_of(before)
    check_unchanged(ask(jobstatus, tag), tag)
    admin(change)
    after = ask(jobstatus, tag)
    assert tag_of(after) != tag and after.body != before.body
    assert tag_of(jobstatus.get(*JOB)) == tag_of(after)


def test_a_job_made_anew_is_another(make, jobstatus, admin):
    """Under the same name and id, with the very same times."""
    frozen = "update jobstatus.jobs set created_at = '2020-01-01Z', updated_at = '2020-01-01Z' where workspace = 'conditional'"
    tags = set()
    for _ in range(5):
        admin("delete from jobstatus.jobs where workspace = 'conditional'")
        assert ask(jobstatus, ", ".join(tags) or "*").status == 404
        admin("select from jobstatus.create_job('conditional', 'job', '{}', 'id')")
        admin(frozen)
        tags.add(tag_of(ask(jobstatus, ", ".join(tags))))
    assert len(tags) == 5


def changes(chance):
    """Random statements on the job, visible or not, legal or not."""
    number = chance.randrange(4)
    details = json.dumps({"n": number})
    where = "where workspace = 'conditional' and %s = 'id'"
    return chance.choice([
        "update jobstatus.jobs set status = '%s' %s" % (chance.choice(["active", "paused"]), where % "id"),
        "update jobstatus.steps set status_details = '%s' %s" % (details, where % "job_id"),
        "update jobstatus.tasks set error_stack = %s %s" % (chance.choice(["null", "''", "'x'"]), where % "job_id"),
        "update jobstatus.tasks set updated_at = '2020-01-0%dZ' %s" % (number + 1, where % "job_id"),
        "update jobstatus.jobs set updated_at = '2020-01-01Z' %s" % where % "id",
        "delete from jobstatus.tasks %s and step_position = %d" % (where % "job_id", number % 2),
        "insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status, created_at, updated_at)"
        " select workspace, job_id, position, %d, 't', 'n%d', 'created', '2020-01-01Z', '2020-01-01Z' from jobstatus.steps"
        " where workspace = 'conditional' and position = %d on conflict do nothing" % (number, number, number % 2),
        "update jobstatus.jobs set status = 'completed' %s; select from jobstatus.rerun_job('conditional', 'job');"
        " update jobstatus.steps set id = name, created_at = '2020-01-01Z', updated_at = '2020-01-01Z' %s" % (
            where % "id", where % "job_id"),
        "with gone as (delete from jobstatus.jobs %s returning *) select 1 from gone;"
        " insert into jobstatus.jobs (workspace, name, id, status, created_at, updated_at)"
        " values ('conditional', 'job', 'id', 'active', '2020-01-01Z', '2020-01-01Z');"
        " insert into jobstatus.steps (workspace, job_id, position, id, name, status, created_at, updated_at)"
        " select 'conditional', 'id', p, 's', 's' || p, 'active', '2020-01-01Z', '2020-01-01Z' from generate_series(0, 1) p"
        % where % "id",
    ])


def test_equal_tags_mean_equal_bodies(make, jobstatus, run_program, admin):
    """Over many random changes, asked of two processes, one of which keeps no document."""
    chance = random.Random(17)
    bare = run_program("--cache=0")
    bodies, seen = {}, set()
    for number in range(CHANGES):
        admin(changes(chance))
        answer = (jobstatus if number % 3 else bare).get(*JOB)
        tag = tag_of(answer)
        assert bodies.setdefault(tag, hash(answer.body)) == hash(answer.body)
        seen.add(answer.body)
        check_unchanged(ask(jobstatus if number % 2 else bare, tag), tag)
    assert len(seen) > CHANGES / 100 and len(bodies) >= len(seen)


@pytest.mark.parametrize("form", ["%s", "W/%s", '"x", %s', '"x,y" ,W/"z",\t%s, "u"', ",, %s", "%.33s-gzip\"", 'W/%.33s-br"'])
def test_matches(make, jobstatus, form):
    tag = tag_of(jobstatus.get(*JOB))
    for method in ("GET", "HEAD"):
        check_unchanged(ask(jobstatus, form % tag, method=method), tag)


@pytest.mark.parametrize("form", ["", '"x"', "%.33s", "%.33s-x\"", 'x, %s', "%s x, *", "*, %s" "\x01"])
def test_does_not_match(make, jobstatus, form):
    tag = tag_of(jobstatus.get(*JOB))
    field = form % tag if "%" in form and form != "%s x, *" else form.replace("%s", '"y"')
    assert tag_of(ask(jobstatus, field)) == tag


def test_whatever_there_is(make, jobstatus, run_program):
    """`*` is a 304 for what would be a 200, and for nothing else."""
    tag = tag_of(jobstatus.get(*JOB))
    for program in (jobstatus, run_program("--cache=0")):
        check_unchanged(ask(program, " * "), tag)
        assert ask(program, "*", "conditional", "none").status == 404
        assert ask(program, "*", "x" * 256, "y").status == 422


def test_a_broken_row_is_no_304(odd_program, admin):
    """A status that the contract does not know, in a view: with a tag, and with `*`."""
    admin("insert into odd.jobs (workspace, name, id, revision) values ('c', 'j', 'j', 7)")
    try:
        tag = tag_of(odd_program.get("c", "j"))
        check_unchanged(ask(odd_program, "*", "c", "j"), tag)
        admin("update odd.jobs set status = 'odd', revision = 8 where workspace = 'c'")
        for field in ("*", tag, '"x"'):
            answer = ask(odd_program, field, "c", "j")
            assert answer.status == 500 and answer.header("ETag") is None
    finally:
        admin("delete from odd.jobs where workspace = 'c'")


def test_without_a_revision_the_bytes_decide(odd_program, admin):
    admin("insert into odd.jobs (workspace, name, id) values ('c', 'j', 'j')")
    admin("insert into odd.steps (workspace, job_id) values ('c', 'j')")
    admin("insert into odd.tasks (workspace, job_id, error_stack) values ('c', 'j', repeat('x', 300000))")
    try:
        tags = set()
        for status in ("active", "paused", "active", "error", "active"):
            admin("update odd.tasks set status = %s where workspace = 'c'", (status,))
            answer = odd_program.get("c", "j")
            tags.add(tag_of(answer))
            check_unchanged(ask(odd_program, tag_of(answer), "c", "j"), tag_of(answer))
            assert odd_program.get("c", "j").body == answer.body
        assert len(tags) == 3
    finally:
        for table in ("jobs", "steps", "tasks"):
            admin("delete from odd.%s where workspace = 'c'" % table)


def test_relations_without_the_column(run_program, admin):
    """Views over ours that leave the revision out."""
    admin("""create schema bare; grant usage on schema bare to jobstatus_reader;
        create view bare.jobs as select workspace, name, id, attempt, status, status_details, error_details, created_at,
            updated_at from jobstatus.jobs;
        create view bare.steps as select * from jobstatus.steps; create view bare.tasks as select * from jobstatus.tasks;
        grant select on all tables in schema bare to jobstatus_reader""")
    try:
        for prepare in ("yes", "no"):
            program = run_program("--schema=bare", "--prepare=" + prepare)
            tag = tag_of(program.get("default", "data-import-2024-06-01"))
            check_unchanged(ask(program, tag, "default", "data-import-2024-06-01"), tag)
    finally:
        admin("drop schema bare cascade")


# Behind fronts

class GzipNginx(fronts.Nginx):
    access = "access_log off; gzip on; gzip_types application/json; gzip_min_length 1;"


class DeflateProxy(fronts.ApacheProxy):
    modules = (*fronts.ApacheProxy.modules, "filter", "deflate")
    more = "SetOutputFilter DEFLATE\n"


class DeflateLighttpd(fronts.Lighttpd):
    def write(self, name, text, **values):
        return super().write(name, text + 'server.modules += ("mod_deflate")\ndeflate.mimetypes = ("application/json")\n'
                             'deflate.allowed-encodings = ("gzip")\n', **values)


@pytest.mark.parametrize("name", fronts.SITES)
def test_behind_each_front(make, admin, run_site, name):
    path = fronts.path_of(*JOB)
    front = run_site(name).front
    status, headers, body = front.request("GET", path)
    tag = headers["ETag"]
    assert (status, headers["Retry-After"]) == (200, "1") and body
    for field in (tag, "W/" + tag, '"x", ' + tag, "*"):
        status, headers, body = front.request("GET", path, headers={"If-None-Match": field})
        assert (status, headers["ETag"], headers["Cache-Control"], body) == (304, tag, "no-cache", b"")
        assert headers["Content-Type"] is None
    admin("update jobstatus.jobs set status = 'active' where workspace = 'conditional'")
    status, headers, body = front.request("GET", path, headers={"If-None-Match": tag})
    assert (status, json.loads(body)["status"]) == (200, "active") and headers["ETag"] != tag


@pytest.mark.parametrize("name, kind", [("nginx systemd", GzipNginx), ("apache proxy", DeflateProxy),
                                        ("lighttpd socket", DeflateLighttpd)])
def test_behind_a_front_that_compresses(make, admin, run_site, name, kind):
    """The tag that the client sees is another one, or weak; sent back, it is known."""
    path = fronts.path_of(*JOB)
    front = run_site(name, front=kind, backend=OwnSocket if name == "apache proxy" else None).front
    gzip = {"Accept-Encoding": "gzip"}
    status, headers, _ = front.request("GET", path, headers=gzip)
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    plain = front.request("GET", path)[1]["ETag"]
    assert headers["ETag"] != plain
    field = dict(gzip, **{"If-None-Match": headers["ETag"]})
    assert front.request("GET", path, headers=field)[::2] == (304, b"")
    admin("update jobstatus.jobs set status = 'active' where workspace = 'conditional'")
    assert front.request("GET", path, headers=field)[0] == 200


def test_plain_cgi(make, jobstatus, run_site):
    tag = tag_of(jobstatus.get(*JOB))
    front = run_site("apache cgi").front
    status, headers, body = front.request("HEAD", fronts.path_of(*JOB), headers={"If-None-Match": tag})
    assert (status, headers["ETag"], body) == (304, tag, b"")
