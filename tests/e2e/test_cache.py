"""The documents that the program keeps: what they spare, that none is ever old, and how much they take."""

import contextlib
import json
import os
import pathlib
import random
import re
import subprocess
import threading
import time

import pytest

import fastcgi
import postgres
from conftest import DATABASE, clean_environment, sanitized, wait_for
from fastcgi import Connection, job

pytestmark = pytest.mark.threads

LONG = bool(os.environ.get("JOBSTATUS_LONG"))
SECONDS = 120 if LONG else 1.5
MEGABYTE = 1024 * 1024


# How the server's log shows the statements, prepared or not.
STATEMENTS = {"revision": r"execute (?:jobstatus_revision|<unnamed>(?=.*where job\.workspace = \$1)(?!.*order by)):",
              "read": r"execute (?:jobstatus_read|<unnamed>(?=.*order by)):"}


@pytest.fixture
def jobs(admin):
    """Makes jobs of the workspace `cache`, which go with the test."""
    def make(count, size=100):
        admin("insert into jobstatus.jobs (workspace, name, id, status, status_details) select 'cache', i, i, 'active',"
              " json_build_object('x', repeat('x', %s)) from generate_series(1, %s) i", (size, count))
        return [("cache", str(i)) for i in range(1, count + 1)]
    yield make
    admin("delete from jobstatus.jobs where workspace = 'cache'")


@pytest.fixture
def start(run_program, cluster):
    """Starts a program whose statements are logged, and gives it and a function that counts them from now on."""
    def start(*options):
        program = run_program(*options, conninfo=cluster.conninfo(dbname=DATABASE) + " options='-c log_statement=all'")
        place = [0]

        def count():
            """How many lookups and how many reads there were since the last time."""
            text = pathlib.Path(cluster.log).read_text(errors="replace")
            new, place[0] = text[place[0]:], len(text)
            return tuple(len(re.findall(STATEMENTS[name], new)) for name in ("revision", "read"))
        count()
        return program, count
    return start


def get(program, of, **more):
    answer = program.get(*of, **more)
    assert answer.status == 200, answer
    return answer


def test_an_unchanged_job_costs_a_lookup(start, jobs, admin):
    program, count = start()
    of, = jobs(1)
    first = get(program, of)
    assert count() == (0, 1)
    for method in ("GET", "HEAD", "GET"):
        answer = get(program, of, method=method)
        assert answer.headers == first.headers and answer.body == (first.body if method == "GET" else b"")
        assert count() == (1, 0)
    admin("update jobstatus.jobs set status = 'paused' where workspace = 'cache'")
    assert json.loads(get(program, of).body)["status"] == "paused"
    assert count() == (1, 1)
    get(program, of)
    assert count() == (1, 0)
    admin("delete from jobstatus.jobs where workspace = 'cache'")
    assert program.get(*of).status == 404
    assert count() == (1, 0)


@pytest.mark.parametrize("options", [(), ("--cache=0",), ("--prepare=no",), ("--cache=0", "--prepare=no")])
def test_a_304_costs_a_lookup(start, jobs, options):
    program, count = start(*options)
    of, = jobs(1)
    tag = get(program, of).header("ETag")
    assert count() == (0, 1)
    for _ in range(3):
        assert program.get(*of, HTTP_IF_NONE_MATCH=tag).status == 304
        assert count() == (1, 0)
    assert program.get(*of, HTTP_IF_NONE_MATCH='"x"').status == 200
    assert count() == ((1, 1) if "--cache=0" in options else (1, 0))
    for _ in range(2):
        assert program.get(*of).status == 200
        assert count() == ((0, 1) if "--cache=0" in options else (1, 0))


@pytest.mark.parametrize("options", [(), ("--cache=0",)])
def test_whatever_there_is_costs_a_read(start, jobs, options):
    """Once: a document that is kept was not broken. And a job that is not there costs what its request does."""
    program, count = start(*options)
    of, = jobs(1)
    assert program.get(*of, HTTP_IF_NONE_MATCH="*").status == 304
    assert count() == (0, 1)
    for _ in range(2):
        assert program.get(*of, HTTP_IF_NONE_MATCH="*").status == 304
        assert count() == ((0, 1) if options else (1, 0))
    for field, cost in (("*", (0, 1)), ('"x"', (1, 0))):
        assert program.get("cache", "none", HTTP_IF_NONE_MATCH=field).status == 404
        assert count() == cost


def test_without_a_cache_nobody_looks(start, jobs):
    program, count = start("--cache=0")
    of, = jobs(1)
    for _ in range(3):
        get(program, of)
        assert count() == (0, 1)


def test_without_a_revision_nobody_looks_twice(start, odd, admin):
    """The first lookup of a thread finds none; the read is all there is to do then."""
    program, count = start("--schema=" + odd, "--threads=1")
    admin("insert into odd.jobs (workspace, name, id) values ('cache', 'j', 'j')")
    try:
        tag = program.get("cache", "j", HTTP_IF_NONE_MATCH='"x"').header("ETag")
        assert count() == (1, 1)
        for _ in range(3):
            assert program.get("cache", "j", HTTP_IF_NONE_MATCH=tag).status == 304
            assert count() == (0, 1)
        admin("update odd.jobs set revision = 1 where workspace = 'cache'")
        get(program, ("cache", "j"))
        get(program, ("cache", "j"))
        assert count() == (1, 1)
    finally:
        admin("delete from odd.jobs where workspace = 'cache'")


def test_without_the_column_nobody_looks_twice(start, jobs, admin):
    program, count = start("--schema=no_revision", "--threads=1")
    of, = jobs(1)
    admin("""create schema no_revision;
        create view no_revision.jobs as select workspace, name, id, attempt, status, status_details, error_details,
            created_at, updated_at from jobstatus.jobs;
        create view no_revision.steps as select * from jobstatus.steps;
        create view no_revision.tasks as select * from jobstatus.tasks""")
    try:
        tag = get(program, of).header("ETag")
        assert program.get(*of, HTTP_IF_NONE_MATCH=tag).status == 304
        get(program, of)
        assert count() == (0, 3)
    finally:
        admin("drop schema no_revision cascade")


def test_one_thread_keeps_for_all(start, jobs):
    """Once each has a session: a document from before the newest session is not used."""
    program, count = start("--threads=4")
    of, = jobs(1)

    def round():
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(Connection(program.socket)) for _ in range(4)]
            for connection in connections:
                connection.send(fastcgi.encode(job(*of), keep=True))
            assert [connection.receive().status for connection in connections] == [200] * 4
        return count()
    wait_for(lambda: round() == (4, 0), "four lookups and no read")


def test_the_least_recently_used_goes(start, jobs):
    """Some 16 documents have room; one that is asked for all the time stays."""
    program, count = start("--cache=32K", "--threads=1")
    first, *others = jobs(40, 1700)
    get(program, first)
    for of in others:
        get(program, of)
        count()
        get(program, first)
        assert count() == (1, 0)
    get(program, others[0])
    assert count() == (0, 1)
    get(program, others[-1])
    assert count() == (1, 0)


def test_what_is_too_large_is_not_kept(start, jobs, admin):
    program, count = start("--cache=100K", "--threads=1")
    small, large = jobs(2, 1000)
    admin("update jobstatus.jobs set status_details = json_build_object('x', repeat('x', 102400)) where id = '2'"
          " and workspace = 'cache'")
    for _ in range(3):
        get(program, small)
        get(program, large)
    assert count() == (2, 4)
    program, count = start("--threads=1")
    admin("update jobstatus.jobs set status_details = json_build_object('x', repeat('x', 256 * 1024)) where id = '1'"
          " and workspace = 'cache'")
    for _ in range(3):
        get(program, small)
        get(program, large)
    assert count() == (2, 4)


@pytest.mark.skipif(sanitized(), reason="a sanitizer's memory says nothing")
@pytest.mark.parametrize("options, count, least, most", [((), 3200, 12, 26), (("--cache=1M",), 800, 0.5, 4)])
def test_memory_is_bounded(run_program, jobs, options, count, least, most):
    """Many times as much as has room, in documents of 20 kB."""
    program = run_program(*options)
    of = jobs(count, 20000)
    before = program.memory("RssAnon")
    for name in of:
        get(program, name)
    assert least * MEGABYTE < program.memory("RssAnon") - before < most * MEGABYTE


def test_an_older_session_proves_nothing(start, jobs, admin):
    """A revision that is given away again by a server that has lost its latest transactions."""
    program, count = start("--threads=1")
    of, = jobs(1)
    get(program, of)
    admin("""select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'jobstatus'""")
    admin("set session_replication_role = replica")
    admin("update jobstatus.jobs set status = 'paused' where workspace = 'cache'")  # at the same revision
    admin("reset session_replication_role")
    assert json.loads(get(program, of).body)["status"] == "paused"
    get(program, of)
    assert count() == (2, 2)


# All that the read names; without `revision` there is none, which is no fault.
COMMON = ["workspace", "attempt", "id", "name", "status", "status_details", "error_details", "created_at", "updated_at"]
NAMED = {"jobs": COMMON, "steps": [*COMMON, "job_id", "position"],
         "tasks": [*COMMON, "job_id", "step_position", "position", "error_stack"]}
BREAKS = [("alter table jobstatus.%s rename column %s to away" % (table, column),
           "alter table jobstatus.%s rename column away to %s" % (table, column))
          for table, columns in NAMED.items() for column in columns]
BREAKS += [(form % table, mended % table) for table in NAMED for form, mended in (
    ("alter table jobstatus.%s rename to away", "alter table jobstatus.away rename to %s"),
    ("revoke select on jobstatus.%s from jobstatus_reader", "grant select on jobstatus.%s to jobstatus_reader"))]
BREAKS += [("revoke usage on schema jobstatus from jobstatus_reader", "grant usage on schema jobstatus to jobstatus_reader")]


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_what_the_read_refuses_the_lookup_refuses(run_program, jobs, admin, prepare):
    """A document is kept, and current, and yet: 503 while anything that the read needs is missing."""
    program = run_program("--prepare=" + prepare)
    of, = jobs(1)
    tag = get(program, of).header("ETag")
    for broken, mended in BREAKS:
        admin(broken)
        try:
            for field in ("", tag):
                answer = program.get(*of, HTTP_IF_NONE_MATCH=field)
                assert (answer.status, answer.header("ETag")) == (503, None), broken
        finally:
            admin(mended)
        wait_for(lambda: program.get(*of).status == 200, "200 again")
        assert program.get(*of, HTTP_IF_NONE_MATCH=tag).status == 304
    admin("alter table jobstatus.jobs rename column revision to away")
    try:
        assert tag != get(program, of).header("ETag") == get(program, of).header("ETag")  # of the document's bytes
    finally:
        admin("alter table jobstatus.jobs rename column away to revision")
    assert get(run_program(), of).header("ETag") == tag


def test_whoever_changes_it_the_next_answer_knows(run_program, cluster, jobs, admin):
    """Plain SQL, a function, another program, each with a document that is kept and current."""
    writer = cluster.conninfo(user="writer", dbname=DATABASE)

    def report(*arguments):
        subprocess.run([str(postgres.report()), *arguments], check=True, timeout=60,
                       env=clean_environment(JOBSTATUS_DATABASE=writer))

    def call(text):
        with contextlib.closing(cluster.connect(dbname=DATABASE, user="writer")) as connection:
            connection.cursor().execute("select from jobstatus." + text)
    changes = [
        lambda: report("step", "cache/1", "s", "active"), lambda: report("task", "cache/1", "s", "t", "active"),
        lambda: call("report_task('cache', '1', 's', 't', 'completed')"), lambda: call("pause_job('cache', '1')"),
        lambda: admin("update jobstatus.tasks set error_stack = 'x' where workspace = 'cache'"),
        lambda: admin("delete from jobstatus.tasks where workspace = 'cache'"), lambda: report("delete", "cache/1")]
    program, bare, of = run_program("--threads=1"), run_program("--cache=0"), jobs(1)[0]
    for change in changes:
        assert get(program, of).stdout == get(program, of).stdout
        before = get(program, of)
        change()
        answer, expected = program.get(*of), bare.get(*of)
        assert (answer.status, answer.headers, answer.body) == (expected.status, expected.headers, expected.body)
        assert answer.body != before.body
    assert answer.status == 404


# Consistency

class Version:
    """A job whose version is written to every level in one transaction; what is begun, and what is committed."""

    def __init__(self, name):
        self.name, self.begun, self.committed = name, 0, 0


def write(connection, versions, chance, over):
    while not over.is_set():
        version = chance.choice(versions)
        version.begun += 1
        with connection, connection.cursor() as cursor:
            cursor.execute("select 1 from jobstatus.jobs where workspace = 'cache' and id = %s for update", (version.name,))
            for table in chance.sample(["tasks", "steps", "jobs"], 3):
                cursor.execute("update jobstatus.%s set status_details = json_build_object('v', %%s) where workspace ="
                               " 'cache' and %s = %%s" % (table, "id" if table == "jobs" else "job_id"),
                               (version.begun, version.name))
        version.committed = version.begun


def read(program, versions, seed, over, failures, counts):
    chance, tags = random.Random(seed), {}
    while not over.is_set():
        version = chance.choice(versions)
        least = version.committed
        tag, number = tags.get(version.name, (None, None)) if chance.random() < 0.7 else (None, None)
        answer = program.get("cache", version.name, **({"HTTP_IF_NONE_MATCH": tag} if tag else {}))
        most = version.begun
        if answer.status == 200:
            body = json.loads(answer.body)
            found = {level["status_details"]["v"] for level in [body, *body["steps"], *body["steps"][0]["tasks"]]}
            number = max(found)
            if len(found) != 1:
                failures.append(found)
            tags[version.name] = answer.header("ETag"), number
        elif answer.status != 304:
            failures.append(answer)
            continue
        counts[answer.status] = counts.get(answer.status, 0) + 1
        if not least <= number <= most:
            failures.append((answer.status, least, number, most))


@pytest.mark.native
@pytest.mark.parametrize("options", [(), ("--cache=0",), ("--prepare=no",)])
def test_every_answer_is_of_a_moment_of_its_request(run_program, cluster, jobs, admin, options):
    """Whole, and neither older than the request nor of a transaction that had not begun when it ended."""
    program = run_program(*options)
    versions = [Version(name) for _, name in jobs(8)]
    admin("update jobstatus.jobs set status_details = '{\"v\":0}' where workspace = 'cache'")
    admin("insert into jobstatus.steps (workspace, job_id, position, id, name, status, status_details)"
          " select 'cache', id, 0, 's', 's', 'active', '{\"v\":0}' from jobstatus.jobs where workspace = 'cache'")
    admin("insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status, status_details)"
          " select 'cache', job_id, 0, p, 't', 't' || p, 'active', '{\"v\":0}' from jobstatus.steps,"
          " generate_series(0, 1) p where workspace = 'cache'")
    over, failures, counts = threading.Event(), [], {}
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(cluster.connect(dbname=DATABASE))) for _ in range(2)]
        for connection in connections:
            connection.autocommit = False
        # Each writer has jobs of its own, so that `begun` and `committed` are its own too.
        threads = [threading.Thread(target=write, args=(connection, versions[i::4], random.Random(i), over))
                   for i, connection in enumerate(connections)]
        threads += [threading.Thread(target=read, args=(program, versions, i, over, failures, counts)) for i in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert counts[200] > 50 and counts[304] > 50 and max(version.committed for version in versions) > 10
