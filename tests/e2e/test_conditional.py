"""Entity tags and conditional requests: what a tag depends on, and when the answer is 304.

Equal tags must mean equal bodies: 3,000 random changes in some 5 seconds; JOBSTATUS_LONG makes 1,000,000, in half an
hour.
"""

import hashlib
import json
import os
import random
import subprocess

import pytest

import postgres
from conditional import JOB, ask, check_unchanged, make, tag_of  # noqa: F401
from conftest import clean_environment
from fastcgi import Answer, Connection, job

LONG = bool(os.environ.get("JOBSTATUS_LONG"))
CHANGES = 1000000 if LONG else 3000


def test_the_same_of_every_process(make, jobstatus, run_program):
    tag = tag_of(jobstatus.get(*JOB))
    assert tag_of(jobstatus.get(*JOB, method="HEAD")) == tag
    for options in ((), ("--prepare=no",), ("--cache=0",), ("--poll-hints=no", "--threads=1")):
        program = run_program(*options)
        assert tag_of(program.get(*JOB)) == tag
        check_unchanged(ask(program, tag), tag)
        program.stop()
        check_unchanged(ask(program.start(), tag), tag)


def test_plain_cgi(make, jobstatus, conninfo):
    """A process of its own for each, and the same headers."""
    def cgi(**more):
        done = subprocess.run([str(postgres.program())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              timeout=60, env=clean_environment(JOBSTATUS_DATABASE=conninfo, **dict(
                                  job(*JOB, **more), PATH_INFO=job(*JOB)["PATH_INFO"].decode())))
        return Answer(done.stdout)
    tag = tag_of(jobstatus.get(*JOB))
    assert tag_of(cgi()) == tag_of(cgi(method="HEAD")) == tag
    for method in ("GET", "HEAD"):
        check_unchanged(cgi(method=method, HTTP_IF_NONE_MATCH='"x", ' + tag), tag)
    assert tag_of(cgi(HTTP_IF_NONE_MATCH='"x"')) == tag


def test_another_with_options_that_change_bytes(make, jobstatus, run_program):
    tags = {tag_of(jobstatus.get(*JOB))}
    for options in (("--compat=nemo-platform",), ("--accept-unknown-status=yes",),
                    ("--compat=nemo-platform", "--accept-unknown-status=yes")):
        tags.add(tag_of(run_program(*options).get(*JOB)))
    assert len(tags) == 4


def test_none_of_what_is_no_document(make, jobstatus):
    tag = tag_of(jobstatus.get(*JOB))
    for status, of, method in ((404, ("conditional", "none"), "GET"), (422, ("x" * 256, "y"), "GET"),
                               (405, JOB, "POST"), (204, JOB, "OPTIONS")):
        for field in ("", "*", tag):
            answer = ask(jobstatus, field, *of, method=method)
            assert (answer.status, answer.header("ETag")) == (status, None)


def test_without_a_database(run_program):
    program = run_program(conninfo="host=/nonexistent")
    for field in ("", "*", '"x"'):
        answer = ask(program, field)
        assert (answer.status, answer.header("ETag"), answer.header("Retry-After")) == (503, None, "1")


ROWS = {"jobs": "id = 'id'", "steps": "job_id = 'id' and position = 0", "tasks": "job_id = 'id' and step_position = 1"}
COLUMNS = {"name": "'x'", "status": "'active'", "status_details": "'{\"a\":1}'", "error_details": "'{\"a\":1}'",
           "created_at": "'2020-01-01Z'", "updated_at": "'2030-01-01Z'"}
VISIBLE = ["update jobstatus.%s set %s = %s where workspace = 'conditional' and %s" % (table, column, value, where)
           for table, where in ROWS.items() for column, value in COLUMNS.items() if (table, column) != ("jobs", "name")]
VISIBLE += ["update jobstatus.%s set id = 'x' where workspace = 'conditional' and %s" % (table, ROWS[table])
            for table in ("steps", "tasks")]
VISIBLE += [
    "update jobstatus.tasks set error_stack = 'x' where workspace = 'conditional'",
    "update jobstatus.tasks set step_position = 0, position = 5, name = 'x' where workspace = 'conditional' and step_position = 1",
    "update jobstatus.tasks set position = 10 - position where workspace = 'conditional' and step_position = 0",
    "update jobstatus.steps set position = 10 - position where workspace = 'conditional' and position >= 2",
    "update jobstatus.steps set attempt = 1 where workspace = 'conditional' and position = 2",
    "insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status) values ('conditional', 'id', 1,"
    " 1, 'x', 'x', 'created'); update jobstatus.tasks set attempt = 1 where workspace = 'conditional' and step_position = 1",
    "delete from jobstatus.tasks where workspace = 'conditional' and step_position = 1",
    "insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)"
    " values ('conditional', 'id', 2, 0, 'x', 'x', 'created')",
    "delete from jobstatus.steps where workspace = 'conditional' and position = 1",
    "insert into jobstatus.steps (workspace, job_id, position, id, name, status)"
    " values ('conditional', 'id', 9, 'x', 'x', 'created')",
    "update jobstatus.jobs set attempt = 1 where workspace = 'conditional'",
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


# Of each function a call that changes something, in an order in which all may follow.
CALLS = ["report_step('conditional', 'job', 'a', 'active')", "report_step('conditional', 'job', 'new', 'created')",
         "report_task('conditional', 'job', 'b', 't', null, '{\"progress\": 1}')",
         "report_task('conditional', 'job', 'a', 'u', null, null, null, 'Traceback')",
         "report_tasks('conditional', 'job', 'a', '[{\"name\":\"t\",\"status\":\"active\"},{\"name\":\"new\"}]')",
         "report_job_details('conditional', 'job', '{\"a\": 1}')", "pause_job('conditional', 'job')",
         "report_step('conditional', 'job', 'a', 'paused')", "resume_job('conditional', 'job')",
         "report_step('conditional', 'job', 'a', 'active')", "report_step('conditional', 'job', 'a', 'completed')",
         "cancel_job('conditional', 'job')", "rerun_job('conditional', 'job')"]


def test_changes_with_each_function(make, jobstatus, admin):
    """And with nothing else: a report that changes nothing leaves the tag, too."""
    tags = [tag_of(jobstatus.get(*JOB))]
    for call in CALLS:
        before = jobstatus.get(*JOB)
        admin("select from jobstatus." + call)
        after = ask(jobstatus, ", ".join(tags))
        assert tag_of(after) not in tags and after.body != before.body, call
        tags.append(tag_of(after))
        if call.startswith("report"):
            admin("select from jobstatus." + call)
            check_unchanged(ask(jobstatus, tags[-1]), tags[-1])
    admin("update jobstatus.steps set status = 'error' where workspace = 'conditional' and attempt = 0")  # an earlier run
    check_unchanged(ask(jobstatus, tags[-1]), tags[-1])
    admin("delete from jobstatus.steps where workspace = 'conditional'")
    admin("update jobstatus.jobs set status = 'active' where workspace = 'conditional'")
    tags.append(tag_of(ask(jobstatus, tags[-1])))
    admin("select from jobstatus.complete_job('conditional', 'job')")
    assert tag_of(ask(jobstatus, ", ".join(tags))) not in tags
    admin("select from jobstatus.delete_job('conditional', 'job')")
    assert ask(jobstatus, ", ".join(tags)).status == 404


def test_of_another_id_or_name_is_another(jobstatus, make, admin):
    admin("delete from jobstatus.steps where workspace = 'conditional'")
    admin("delete from jobstatus.transitions where workspace = 'conditional'")
    tags = [tag_of(jobstatus.get(*JOB))]
    admin("update jobstatus.jobs set id = 'other' where workspace = 'conditional'")
    tags.append(tag_of(ask(jobstatus, tags[0])))
    admin("update jobstatus.jobs set name = 'other' where workspace = 'conditional'")
    assert ask(jobstatus, tags[1]).status == 404
    tags.append(tag_of(ask(jobstatus, ", ".join(tags), "conditional", "other")))
    assert len(set(tags)) == 3


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


def digest(body):
    return hashlib.blake2b(body, digest_size=16).digest()


def test_equal_tags_mean_equal_bodies(make, jobstatus, run_program, admin):
    """Over many random changes, asked of two processes, one of which keeps no document.

    The converse does not hold: what is as it was before is another revision, and its tag another tag.
    """
    chance = random.Random(17)
    bare = run_program("--cache=0")
    bodies, tags, tag, known = {}, {}, '"x"', 0
    with Connection(jobstatus.socket) as kept, Connection(bare.socket) as other:
        for number in range(CHANGES):
            admin(changes(chance))
            was = tag
            for connection in (kept, other):
                answer = connection.ask(job(*JOB, HTTP_IF_NONE_MATCH=was))
                if answer.status == 304:
                    check_unchanged(answer, was)
                    answer = connection.ask(job(*JOB))
                    assert tag_of(answer) == was
                tag = tag_of(answer)
                assert bodies.setdefault(tag, digest(answer.body)) == digest(answer.body)
            assert len(bodies) == known + (tag != was)
            known = len(bodies)
            tags.setdefault(digest(answer.body), set()).add(tag)
    assert CHANGES / 2 < len(bodies) < CHANGES and len(tags) > CHANGES / 100
    again = sum(len(of) > 1 for of in tags.values())
    print("%d changes: %d tags of %d bodies, %d of which came again" % (CHANGES, len(bodies), len(tags), again))
    assert again > 0


@pytest.mark.parametrize("form", [
    "%s", "W/%s", '"x", %s', '"x,y" ,W/"z",\t%s, "u"', ",, %s", "%.33s-gzip\"", 'W/%.33s-br"', '%.33s-deflate"',
    pytest.param('"x", ' * 10000 + "%s", id="the last of many"), pytest.param('"%s",' % ("x" * 100000) + "%s", id="long")])
def test_matches(make, jobstatus, form):
    tag = tag_of(jobstatus.get(*JOB))
    for method in ("GET", "HEAD"):
        check_unchanged(ask(jobstatus, form % tag, method=method), tag)


@pytest.mark.parametrize("form", ["", '"x"', "%.33s", "%.33s-x\"", 'x, %s', '"y" x, %s', "*, %s", "*\x01", "**", '"*"',
                                  "w/%s", 'W/ %s', "\xff %s", '"', ",", '"x" %s', '%.32s"', '"x%s', '"%.32s"'])
def test_does_not_match(make, jobstatus, form):
    """The whole document, as without the header."""
    expected = jobstatus.get(*JOB)
    field = form % tag_of(expected) if "%" in form else form
    assert ask(jobstatus, field).stdout == expected.stdout
    assert ask(jobstatus, field, method="HEAD").headers == expected.headers


def test_whatever_there_is(make, jobstatus, run_program):
    """`*` is a 304 for what would be a 200, and for nothing else."""
    tag = tag_of(jobstatus.get(*JOB))
    for program in (jobstatus, run_program("--cache=0")):
        check_unchanged(ask(program, " * "), tag)
        assert ask(program, "*", "conditional", "none").status == 404
        assert ask(program, "*", "x" * 256, "y").status == 422


@pytest.mark.parametrize("revision", [7, None])
def test_a_broken_row_is_no_304(odd_program, run_program, odd, admin, revision):
    """A status that the contract does not know, in a view, to who has the document before it and who has none."""
    cold = run_program("--schema=" + odd, "--cache=0")
    admin("insert into odd.jobs (workspace, name, id, revision) values ('c', 'j', 'j', %s)", (revision,))
    try:
        tag = tag_of(odd_program.get("c", "j"))
        for program in (odd_program, cold):
            check_unchanged(ask(program, "*", "c", "j"), tag)
            check_unchanged(ask(program, tag, "c", "j"), tag)
        admin("update odd.jobs set status = 'odd', revision = revision + 1 where workspace = 'c'")
        for program in (odd_program, cold, run_program("--schema=" + odd)):
            for field in ("*", tag, '"x"', ""):
                answer = ask(program, field, "c", "j")
                assert answer.status == 500 and answer.header("ETag") is None
        admin("update odd.jobs set status = 'paused' where workspace = 'c'")
        assert tag_of(ask(odd_program, tag, "c", "j")) != tag
    finally:
        admin("delete from odd.jobs where workspace = 'c'")


def test_without_a_revision_the_bytes_decide(odd_program, admin):
    admin("insert into odd.jobs (workspace, name, id) values ('c', 'j', 'j')")
    admin("insert into odd.steps (workspace, job_id) values ('c', 'j')")
    admin("insert into odd.tasks (workspace, job_id, error_stack) values ('c', 'j', repeat('x', 300000))")
    try:
        tags, tag = {}, '"x"'
        for change in ("tasks set status = 'paused'", "jobs set id = 'k'", "jobs set id = 'j'", "tasks set status = 'active'",
                       "jobs set updated_at = '2030-01-01Z'", "tasks set error_stack = 'short'", "tasks set name = 'u'"):
            admin("update odd.%s where workspace = 'c'" % change)
            answer = ask(odd_program, tag, "c", "j")
            tag = tag_of(answer)
            assert tags.setdefault(tag, answer.body) == answer.body
            check_unchanged(ask(odd_program, tag, "c", "j"), tag)
            check_unchanged(ask(odd_program, "*", "c", "j", method="HEAD"), tag)
            assert odd_program.get("c", "j").body == answer.body
        assert len(tags) == len(set(tags.values())) == 6
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
