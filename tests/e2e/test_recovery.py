"""The database goes and comes back in every way; the program stays and says so in time."""

import contextlib
import json
import threading
import time

import pytest

import postgres
from conftest import DATABASE, install, slack, wait_for
from fastcgi import Connection, job

WORKSPACE, NAME = "w", "j"


@pytest.fixture(scope="module")
def own():
    """A cluster of this module's own, which the tests stop and freeze."""
    cluster = postgres.Cluster()
    try:
        cluster.start()
        install(cluster, demo=False)
        execute(cluster, "insert into jobstatus.jobs (workspace, name, id, status) "
                         "values ('w', 'j', 'id-j', 'active')")
        yield cluster
    finally:
        cluster.remove()


def execute(cluster, statement, values=None):
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture
def start(own, run_program):
    """Starts the program on the module's cluster; whatever the test did to that is undone."""
    def start(*options, **keywords):
        return run_program(*options, conninfo=own.conninfo(user="reader", dbname=DATABASE), **keywords)
    yield start
    if not own.running():
        own.start()


def check_unavailable(answer):
    """503 in our words, with Retry-After, and nothing of libpq's."""
    assert answer.status == 503, answer
    assert answer.reason == "Service Unavailable"
    headers = {name.lower(): value for name, value in answer.headers}
    assert headers == {"content-type": "application/json", "content-length": str(len(answer.body)),
                       "cache-control": "no-cache", "x-content-type-options": "nosniff",
                       "retry-after": "1"}
    body = json.loads(answer.body)
    assert list(body) == ["detail"] and body["detail"]
    for word in ("FATAL", "server", "socket", "reader", "jobstatus", "relation", "statement", "could not",
                 "permission", "5432", "/"):
        assert word not in body["detail"], body


def timed(program):
    began = time.monotonic()
    answer = program.get(WORKSPACE, NAME)
    return answer, time.monotonic() - began


def back(program, within=1.0):
    """200 again within so many seconds."""
    began = time.monotonic()
    answer = wait_for(lambda: (lambda a: a if a.status == 200 else None)(program.get(WORKSPACE, NAME)),
                      "a 200", 20)
    assert time.monotonic() - began < within * slack()
    return answer


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stop_and_start(own, start, mode):
    program = start("--timeout=2")
    pid = program.pid
    head = program.get(WORKSPACE, NAME, method="HEAD")
    with Connection(program.socket) as kept:
        assert kept.ask(job(WORKSPACE, NAME)).status == 200
        own.stop(mode)
        before = len(program.lines("error"))
        for number in range(20):
            answer, took = timed(program)
            check_unavailable(answer)
            assert took < 2 + 0.5 * slack()
        check_unavailable(kept.ask(job(WORKSPACE, NAME)))
        assert program.get(WORKSPACE, NAME, method="HEAD").status == 503
        assert program.get(WORKSPACE, NAME, method="POST").status == 405
        assert program.get("", NAME).status == 404
        assert program.get("x" * 256, NAME).status == 422
        errors = program.lines("error")[before:]
        assert len(errors) == 1, errors  # one for the change, not one for each request
        own.start()
        back(program)
        assert kept.ask(job(WORKSPACE, NAME)).status == 200
    assert program.get(WORKSPACE, NAME, method="HEAD").stdout == head.stdout
    assert program.pid == pid and program.alive()
    assert len(program.lines("error")) == before + 1


def test_again_and_again(own, start):
    """Each outage is one error line."""
    program = start("--timeout=2")
    back(program, 10)
    for outage in range(1, 4):
        own.stop("fast")
        for _ in range(5):
            check_unavailable(program.get(WORKSPACE, NAME))
        own.start()
        back(program)
        assert len(program.lines("error")) == outage


def test_started_before_its_database(own, start):
    own.stop("fast")
    program = start()
    for _ in range(5):
        check_unavailable(program.get(WORKSPACE, NAME))
    own.start()
    back(program)
    assert len(program.lines("error")) == 1


def test_started_before_its_schema(own, start):
    program = start("--schema=later")
    for _ in range(5):
        check_unavailable(program.get(WORKSPACE, NAME))
    execute(own, """create schema later;
        create view later.jobs as select * from jobstatus.jobs;
        create view later.steps as select * from jobstatus.steps;
        create view later.tasks as select * from jobstatus.tasks;
        grant usage on schema later to jobstatus_reader;
        grant select on all tables in schema later to jobstatus_reader""")
    try:
        back(program)
        assert len(program.lines("error")) == 1
    finally:
        execute(own, "drop schema later cascade")


def test_under_load(own, start):
    """Eight clients through a restart: 200 or 503, no cut answer, and 200 in the end."""
    program = start("--timeout=2")
    stop, odd, seen = threading.Event(), [], set()

    def client():
        try:
            with Connection(program.socket) as connection:
                while not stop.is_set():
                    answer = connection.ask(job(WORKSPACE, NAME))
                    seen.add(answer.status)
                    if answer.status not in (200, 503):
                        odd.append(answer)
        except Exception as failure:  # any is one too many
            odd.append(failure)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for mode in ("fast", "immediate"):
            wait_for(lambda: 200 in seen, "a 200")
            own.stop(mode)
            seen.clear()
            wait_for(lambda: 503 in seen, "a 503")
            own.start()
            seen.clear()
            back(program)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not odd
    assert len(program.lines("error")) == 2, program.log  # one an outage


def test_a_frozen_server(own, start):
    """It neither answers nor refuses: 503 at the deadline, 200 when it goes on."""
    program = start("--timeout=1")
    back(program, 10)
    own.freeze()
    try:
        for _ in range(2):
            answer, took = timed(program)
            check_unavailable(answer)
            assert took < 1 + 0.5 * slack()
    finally:
        own.thaw()
    back(program)
    assert program.alive()
    assert len(program.lines("error")) == 1


def test_a_frozen_server_at_first(own, start):
    own.freeze()
    try:
        program = start("--timeout=1")
        answer, took = timed(program)
        check_unavailable(answer)
        assert took < 1 + 0.5 * slack()
    finally:
        own.thaw()
    back(program)


def test_terminated_sessions(own, start):
    """Every session ended at once costs no answer."""
    program = start("--threads=8", "--log-level=debug")
    for number in range(5):
        parallel(program, 8)
        # a session that only just begins escapes the first call
        wait_for(lambda: execute(own, "select pg_terminate_backend(pid) from pg_stat_activity "
                                      "where usename = 'reader'") == [], "the end of the sessions")
        assert parallel(program, 8) == [200] * 8
    assert program.lines("error") == []


def parallel(program, clients):
    """The statuses of as many requests at the same time."""
    statuses, gate = [], threading.Barrier(clients)

    def client():
        with Connection(program.socket) as connection:
            gate.wait(30)
            statuses.append(connection.ask(job(WORKSPACE, NAME)).status)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_sessions_terminated_all_the_time(own, start):
    """Reads that meet an ended session try again."""
    program = start()
    stop = threading.Event()

    def killer():
        with contextlib.closing(own.connect(dbname=DATABASE)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not stop.wait(0.1):
                    cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'")

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        end = time.monotonic() + 2
        with Connection(program.socket) as connection:
            while time.monotonic() < end:
                assert connection.ask(job(WORKSPACE, NAME)).status == 200
    finally:
        stop.set()
        thread.join()


def test_past_the_deadline(own, start):
    """A read that takes too long is a 503 in time, and its query ends in the server too."""
    execute(own, """create schema slow;
        create view slow.jobs as select j.* from jobstatus.jobs j, (select pg_sleep(60)) s;
        create view slow.steps as select * from jobstatus.steps;
        create view slow.tasks as select * from jobstatus.tasks;
        grant usage on schema slow to jobstatus_reader;
        grant select on all tables in schema slow to jobstatus_reader""")
    try:
        program = start("--timeout=1", "--schema=slow")
        for _ in range(2):
            answer, took = timed(program)
            check_unavailable(answer)
            assert 0.5 < took < 1 + 0.5 * slack()
        wait_for(lambda: execute(own, "select count(*) from pg_stat_activity where usename = 'reader' "
                                      "and state = 'active'") == [(0,)], "the end of the query", 3)
        execute(own, "create or replace view slow.jobs as select j.* from jobstatus.jobs j, "
                     "(select pg_sleep(0)) s")
        back(program, 2)
    finally:
        execute(own, "drop schema slow cascade")


def test_no_statement_outlives_its_deadline(own, start):
    """Locked out by somebody, more clients than threads: each has its 503 in time."""
    program = start("--timeout=1", "--threads=2")
    back(program, 10)
    with contextlib.closing(own.connect(dbname=DATABASE)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("lock table jobstatus.jobs")
            began = time.monotonic()
            assert set(parallel(program, 4)) == {503}
            assert time.monotonic() - began < 4 * slack()
            cursor.execute("rollback")
    back(program, 2)


BREAKS = [
    ("alter table jobstatus.tasks rename to tasks_away", "alter table jobstatus.tasks_away rename to tasks"),
    ("alter table jobstatus.jobs rename to jobs_away", "alter table jobstatus.jobs_away rename to jobs"),
    ("alter table jobstatus.steps rename column error_details to away",
     "alter table jobstatus.steps rename column away to error_details"),
    ("revoke select on jobstatus.steps from jobstatus_reader", "grant select on jobstatus.steps to jobstatus_reader"),
    ("revoke usage on schema jobstatus from jobstatus_reader", "grant usage on schema jobstatus to jobstatus_reader"),
    ("alter schema jobstatus rename to away", "alter schema away rename to jobstatus"),
]


@pytest.mark.parametrize("prepare", ["yes", "no"])
@pytest.mark.parametrize("number", range(len(BREAKS)))
def test_relations_and_rights_go_and_come(own, start, number, prepare):
    program = start("--prepare=" + prepare)
    back(program, 10)
    broken, mended = BREAKS[number]
    execute(own, broken)
    try:
        for _ in range(5):
            check_unavailable(program.get(WORKSPACE, NAME))
    finally:
        execute(own, mended)
    back(program)
    assert len(program.lines("error")) == 1, program.log


def test_a_login_that_is_refused(own, start):
    program = start()
    execute(own, "alter role reader nologin")
    try:
        for _ in range(5):
            check_unavailable(program.get(WORKSPACE, NAME))
    finally:
        execute(own, "alter role reader login")
    back(program)
    assert len(program.lines("error")) == 1, program.log


def test_relations_change_under_prepared_statements(own, start):
    """A replaced view or an added column makes cached plans stale; no answer is lost."""
    execute(own, """create schema change;
        create view change.jobs as select * from jobstatus.jobs;
        create view change.steps as select * from jobstatus.steps;
        create view change.tasks as select * from jobstatus.tasks;
        grant usage on schema change to jobstatus_reader;
        grant select on all tables in schema change to jobstatus_reader""")
    try:
        program = start("--schema=change")
        assert program.get(WORKSPACE, NAME).status == 200
        execute(own, "create or replace view change.jobs as select *, 1 as more from jobstatus.jobs")
        assert program.get(WORKSPACE, NAME).status == 200
        execute(own, """begin; drop view change.jobs;
            create view change.jobs as select workspace::varchar(300), name::varchar(300), id::varchar(300),
                attempt::bigint, status::varchar(20), status_details, error_details, null::bigint as revision,
                created_at, updated_at from jobstatus.jobs;
            grant select on change.jobs to jobstatus_reader; commit""")
        assert program.get(WORKSPACE, NAME).status == 200
        assert program.get(WORKSPACE, NAME).status == 200
        assert program.lines("error") == []
    finally:
        execute(own, "drop schema change cascade")


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_relations_change_between_columns_and_data(own, start, prepare):
    """Values move into a column data and back while the program runs; no answer is lost, and none is wrong."""
    columns = "status, status_details, error_details"
    data = '''json_build_object('status', status, 'status_details', status_details) as data'''
    change = '''begin; drop view if exists moving.jobs;
        create view moving.jobs as select workspace, name, id, attempt, %s, created_at, updated_at from jobstatus.jobs;
        grant select on moving.jobs to jobstatus_reader; commit'''
    execute(own, "create schema moving; grant usage on schema moving to jobstatus_reader; " + change % columns)
    try:
        execute(own, '''create view moving.steps as select * from jobstatus.steps;
            create view moving.tasks as select * from jobstatus.tasks;
            grant select on moving.steps, moving.tasks to jobstatus_reader''')
        program = start("--schema=moving", "--prepare=" + prepare)
        expected = program.get(WORKSPACE, NAME).body
        assert json.loads(expected)["status"] == "active"
        for form in (data, columns, columns + ", '{}'::json as data", data):
            execute(own, change % form)
            for _ in range(3):
                answer = program.get(WORKSPACE, NAME)
                assert (answer.status, answer.body) == (200, expected), form
        assert program.lines("error") == []
    finally:
        execute(own, "drop schema moving cascade")


def test_too_many_connections(own, start):
    """Overloaded: the program's own role may have one session only."""
    program = start("--threads=4", "--timeout=1")
    execute(own, "alter role reader connection limit 0")
    try:
        check_unavailable(program.get(WORKSPACE, NAME))
    finally:
        execute(own, "alter role reader connection limit -1")
    back(program)


def test_session_settings_do_not_matter(own, start, run_program):
    """Whatever role, database or environment set: the document is the same."""
    program = start()
    expected = program.get(WORKSPACE, NAME).stdout
    execute(own, """
        alter role reader set timezone = 'Asia/Kathmandu';
        alter role reader set datestyle = 'German, DMY';
        alter role reader set intervalstyle = 'sql_standard';
        alter role reader set search_path = 'nowhere';
        alter role reader set bytea_output = 'escape';
        alter role reader set extra_float_digits = -15;
        alter role reader set standard_conforming_strings = off;
        alter role reader set client_encoding = 'LATIN1';
        alter role reader set default_transaction_isolation = 'serializable'""")
    try:
        other = run_program(conninfo=own.conninfo(user="reader", dbname=DATABASE),
                            env={"PGCLIENTENCODING": "LATIN1", "PGTZ": "America/Lima", "PGDATESTYLE": "SQL, DMY",
                                 "TZ": "Asia/Tokyo"})
        assert other.get(WORKSPACE, NAME).stdout == expected
    finally:
        execute(own, "alter role reader reset all")
