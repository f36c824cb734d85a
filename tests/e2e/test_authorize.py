"""Who may read: what is shown to whom, whatever is kept, asked for under a condition or looked up together."""

import contextlib
import json
import os
import pathlib
import random
import subprocess
import threading

import pytest

import postgres
from conftest import DATABASE, clean_environment, install, wait_for
from fastcgi import Connection, encode, job

LONG = bool(os.environ.get("JOBSTATUS_LONG"))
PROBES = 1000000 if LONG else 12000
CLIENTS = 4
AUTHORIZE = "--authorize=REMOTE_USER"
PRIVATE = "private, no-cache"
# Who may read what: alice both, bob one, carol none.
RIGHTS = {("access-1", "alice"), ("access-2", "alice"), ("access-2", "bob")}
WORKSPACES = ("access-1", "access-2")
PRINCIPALS = ("alice", "bob", "carol")
KEEPING = [(), ("--cache=0",), ("--prepare=no",)]


@pytest.fixture
def rights(admin):
    """Jobs of two workspaces, and who may read them."""
    admin("insert into jobstatus.jobs (workspace, name, id, status) select workspace, 'n' || i, 'j' || i, 'active'"
          " from unnest(%s) workspace, generate_series(0, 3) i", (list(WORKSPACES),))
    for right in RIGHTS:
        admin("insert into jobstatus.readers (workspace, principal) values (%s, %s)", right)
    yield
    admin("delete from jobstatus.jobs where workspace like 'access-%'; delete from jobstatus.readers")


def get(program, principal, workspace, name="n0", **more):
    return program.get(workspace, name, REMOTE_USER=principal, **more)


@pytest.mark.parametrize("options", KEEPING)
def test_who_may_read_does(run_program, rights, options):
    program = run_program(AUTHORIZE, *options)
    for _ in range(3):
        for workspace, principal in sorted(RIGHTS):
            answer = get(program, principal, workspace)
            assert answer.status == 200 and answer.header("Cache-Control") == PRIVATE
            assert json.loads(answer.body)["name"] == "n0"
            unchanged = get(program, principal, workspace, HTTP_IF_NONE_MATCH=answer.header("ETag"))
            assert (unchanged.status, unchanged.body) == (304, b"")
            assert unchanged.header("Cache-Control") == PRIVATE


@pytest.mark.parametrize("options", KEEPING)
def test_a_job_that_may_not_be_seen_is_not_there(run_program, rights, options):
    """By not a byte can it be told from one that does not exist, though others have just read it."""
    program = run_program(AUTHORIZE, *options)
    tag = get(program, "alice", "access-1").header("ETag")
    absent = get(program, "alice", "access-1", "none")
    assert absent.status == 404 and absent.body == b'{"detail":"Job not found"}'
    assert absent.header("Cache-Control") == PRIVATE
    for principal in ("bob", "carol", "Alice", "alice ", "alice'--", "*", "%"):
        for method in ("GET", "HEAD"):
            for more in ({}, {"HTTP_IF_NONE_MATCH": tag}, {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_IF_NONE_MATCH": '"x"'}):
                expected = get(program, "alice", "access-1", "none", method=method, **more)
                assert get(program, principal, "access-1", method=method, **more).stdout == expected.stdout
                assert get(program, principal, "nowhere", method=method, **more).stdout == expected.stdout


@pytest.mark.parametrize("principal", [None, "", "a\x01", "a\n", b"\xff", "é" * 256])
def test_nobody_is_refused(run_program, rights, principal):
    program = run_program(AUTHORIZE, "--challenge=Bearer realm=\"x\"")
    more = {} if principal is None else {"REMOTE_USER": principal}
    for workspace, name in (("access-1", "n0"), ("access-1", "none"), ("access-1", "a\x01")):
        answer = program.get(workspace, name, **more)
        assert answer.status == 401 and answer.body == b'{"detail":"Unauthorized"}'
        assert answer.header("WWW-Authenticate") == 'Bearer realm="x"'
        assert answer.header("Cache-Control") == PRIVATE
        head = program.get(workspace, name, method="HEAD", **more)
        assert (head.headers, head.body) == (answer.headers, b"")


def test_the_longest_principal(run_program, rights, admin):
    program = run_program(AUTHORIZE)
    admin("insert into jobstatus.readers (workspace, principal) values ('access-1', %s)", ("é" * 255,))
    assert get(program, "é" * 255, "access-1").status == 200
    assert get(program, "é" * 254, "access-1").status == 404


def test_the_order_of_judgement(run_program, rights):
    """Path, method, principal, parameters, job."""
    program = run_program(AUTHORIZE)
    assert program.ask({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}).status == 404
    assert program.get("w", "n", method="POST").status == 405
    assert program.get("w", "n", method="OPTIONS").status == 204
    assert program.get("w", "a\x01").status == 401
    assert get(program, "carol", "w", "a\x01").status == 422
    for answer in (program.ask({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}), program.get("w", "n", method="POST"),
                   get(program, "carol", "w", "a\x01")):
        assert answer.header("Cache-Control") == PRIVATE and answer.header("WWW-Authenticate") is None


def test_a_right_lasts_as_long_as_its_row(run_program, rights, admin):
    program = run_program(AUTHORIZE)
    tag = get(program, "bob", "access-2").header("ETag")
    for _ in range(3):
        admin("delete from jobstatus.readers where principal = 'bob'")
        assert get(program, "bob", "access-2").status == 404
        assert get(program, "bob", "access-2", HTTP_IF_NONE_MATCH=tag).status == 404
        admin("insert into jobstatus.readers (workspace, principal) values ('access-2', 'bob')")
        assert get(program, "bob", "access-2").status == 200
        assert get(program, "bob", "access-2", HTTP_IF_NONE_MATCH=tag).status == 304


def test_without_the_option_nobody_asks(run_program, rights):
    program = run_program()
    answer = get(program, "carol", "access-1")
    assert answer.status == 200 and answer.header("Cache-Control") == "no-cache"


def test_another_variable(run_program, rights):
    program = run_program("--authorize=HTTP_X_REMOTE_USER")
    assert get(program, "alice", "access-1").status == 401
    assert program.get("access-1", "n0", REMOTE_USER="carol", HTTP_X_REMOTE_USER="alice").status == 200


def test_the_database_being_away_says_nothing(run_program):
    program = run_program(AUTHORIZE, conninfo="host=/nonexistent")
    assert program.get("access-1", "n0").status == 401
    for principal in ("alice", "carol"):
        answer = get(program, principal, "access-1")
        assert answer.status == 503 and answer.header("Cache-Control") == PRIVATE


def test_what_is_wrong_with_a_job_is_not_told(run_program, rights, admin):
    """A job that cannot be answered, in a row or by a view, is not there either for those who may not see it."""
    admin("""
        create schema wrong;
        create view wrong.jobs as select workspace, name, id, attempt, case name when 'n1' then 'Active' else status end
            as status, case name when 'n2' then '{' else '{}' end::json as status_details, error_details, revision,
            created_at, updated_at from jobstatus.jobs union all select workspace, name, id, attempt, status,
            status_details, error_details, revision, created_at, updated_at from jobstatus.jobs where name = 'n3';
        create view wrong.steps as table jobstatus.steps; create view wrong.tasks as table jobstatus.tasks;
        create view wrong.readers as table jobstatus.readers;
        grant usage on schema wrong to jobstatus_reader; grant select on all tables in schema wrong to jobstatus_reader""")
    try:
        program = run_program(AUTHORIZE, "--schema=wrong")
        absent = get(program, "alice", "access-1", "none").stdout
        assert get(program, "alice", "access-1", "n0").status == 200
        for _ in range(6):  # by then the server has one plan for all
            for name in ("n1", "n2", "n3"):
                assert get(program, "alice", "access-1", name).status == 500
                for more in ({}, {"HTTP_IF_NONE_MATCH": '"x"'}, {"HTTP_IF_NONE_MATCH": "*"}):
                    assert get(program, "carol", "access-1", name, **more).stdout == absent
    finally:
        admin("drop schema wrong cascade")


def test_plain_cgi(conninfo, rights):
    def run(**more):
        done = subprocess.run([str(postgres.program())], stdout=subprocess.PIPE, env=clean_environment(
            REQUEST_METHOD="GET", PATH_INFO="/apis/jobs/v2/workspaces/access-1/jobs/n0/status",
            JOBSTATUS_DATABASE=conninfo, JOBSTATUS_AUTHORIZE="REMOTE_USER", **more), check=True)
        return done.stdout
    assert run().startswith(b"Status: 401 Unauthorized\r\n")
    assert run(REMOTE_USER="carol").startswith(b"Status: 404 Not Found\r\n")
    allowed = run(REMOTE_USER="alice")
    assert allowed.startswith(b"Status: 200 OK\r\n") and b"\r\nCache-Control: private, no-cache\r\n" in allowed


def probe(program, pairs, results):
    """Asks for each of PAIRS and says which were answered as they should not be."""
    dice = random.Random(len(results))
    tags = {}
    with Connection(program.socket) as connection:
        for principal, workspace, name in pairs:
            more = {"HTTP_IF_NONE_MATCH": dice.choice([tags.get((workspace, name), '"x"'), "*"])}
            answer = connection.ask(job(workspace, name, REMOTE_USER=principal, **more if dice.random() < 0.5 else {}))
            allowed = (workspace, principal) in RIGHTS
            if allowed and answer.status == 200:
                tags[workspace, name] = answer.header("ETag")
            if answer.status not in ((200, 304) if allowed else (404,)):
                results.append((principal, workspace, name, answer.status))


def test_probes_across_workspaces(run_program, rights):
    """Everybody asks for everything, many at once: lookups of several principals go in one statement."""
    program = run_program(AUTHORIZE, "--threads=2")
    dice = random.Random(1)
    results = []
    threads = [threading.Thread(target=probe, args=(program, [
        (dice.choice(PRINCIPALS), dice.choice(WORKSPACES), "n%d" % dice.randrange(4))
        for _ in range(PROBES // CLIENTS)], results)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == []


@pytest.fixture(scope="module")
def own():
    """A PostgreSQL of our own, whose rights can be taken away, and whose log has all statements."""
    with postgres.Cluster(settings=["log_statement=all"]) as cluster:
        install(cluster, demo=False)
        yield cluster


@pytest.fixture(scope="module")
def cursor(own):
    with contextlib.closing(own.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("insert into jobstatus.jobs (workspace, name, id, status) select w, 'n0', 'j', 'active'"
                       " from unnest(%s) w", (list(WORKSPACES),))
        for right in RIGHTS:
            cursor.execute("insert into jobstatus.readers (workspace, principal) values (%s, %s)", right)
        yield cursor


def open_sessions(program, cursor):
    """Asks for a job that is not there, so is not kept, until both sessions are open."""
    def both():
        cursor.execute("select count(*) from pg_stat_activity where usename = 'reader'")
        return cursor.fetchone()[0] == 2

    def ask():
        while not done.is_set():
            get(program, "alice", "access-1", "none")
    done = threading.Event()
    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        wait_for(both, "both sessions")
    finally:
        done.set()
        for client in clients:
            client.join()


def answers_of_held(program, cursor, requests):
    """Sends all while nobody can read the jobs, and gives the answers."""
    def waiting():
        cursor.execute("select count(*) from pg_locks where not granted and relation = 'jobstatus.jobs'::regclass")
        return cursor.fetchone()[0] >= 2
    cursor.execute("begin; lock jobstatus.jobs in access exclusive mode")
    with contextlib.ExitStack() as stack:
        try:
            connections = [stack.enter_context(Connection(program.socket)) for _ in requests]
            for connection, (principal, workspace) in zip(connections, requests):
                connection.send(encode(job(workspace, "n0", REMOTE_USER=principal), keep=True))
            wait_for(waiting, "sessions that wait")
        finally:
            cursor.execute("commit")
        return [connection.receive() for connection in connections]


def test_lookups_that_go_together(own, cursor, run_program):
    """Each is answered for the one who asks."""
    def count():
        return pathlib.Path(own.log).read_text().count("execute jobstatus_revisions:")
    program = run_program(AUTHORIZE, "--threads=2", conninfo=own.conninfo(user="reader", dbname=DATABASE))
    open_sessions(program, cursor)
    for workspace in WORKSPACES:
        assert get(program, "alice", workspace).status == 200
    requests = [(principal, workspace) for principal in PRINCIPALS for workspace in WORKSPACES] * 5
    expected = [200 if (workspace, principal) in RIGHTS else 404 for principal, workspace in requests]
    before = count()
    for _ in range(20):  # those alone go together that come while another is under way, and a thread is free to take them
        answers = answers_of_held(program, cursor, requests)
        assert [answer.status for answer in answers] == expected
        if count() > before:
            return
    raise AssertionError("no lookups went together")


def check(own, *options):
    return subprocess.run([str(postgres.program()), "--check", *options, "--database=" +
                           own.conninfo(user="reader", dbname=DATABASE)], stdout=subprocess.PIPE, text=True,
                          env=clean_environment())


def test_check_asks_for_readers_where_they_are_used(own, cursor):
    assert check(own, AUTHORIZE).returncode == 0
    cursor.execute("revoke select on jobstatus.readers from jobstatus_reader")
    try:
        done = check(own, AUTHORIZE)
        assert done.returncode == 78 and "no right to read jobstatus.readers" in done.stdout
        assert check(own).returncode == 0
    finally:
        cursor.execute("grant select on jobstatus.readers to jobstatus_reader")
    cursor.execute("alter table jobstatus.readers rename to others")
    try:
        done = check(own, AUTHORIZE)
        assert done.returncode == 78 and "relation jobstatus.readers is missing" in done.stdout
        assert check(own).returncode == 0
    finally:
        cursor.execute("alter table jobstatus.others rename to readers")


def test_a_right_that_is_missing_shows_nothing(own, cursor, run_program):
    program = run_program(AUTHORIZE, conninfo=own.conninfo(user="reader", dbname=DATABASE))
    assert get(program, "alice", "access-1").status == 200
    cursor.execute("revoke select on jobstatus.readers from jobstatus_reader")
    try:
        for principal in ("alice", "carol"):
            assert get(program, principal, "access-1").status == 503
    finally:
        cursor.execute("grant select on jobstatus.readers to jobstatus_reader")
    assert get(program, "alice", "access-1").status == 200
