"""A primary and a streaming standby in one conninfo: reads go on from the standby, and come back."""

import pathlib
import threading
import time

import pytest

import postgres
from conftest import DATABASE, install, slack, wait_for

WORKSPACE, NAME = "default", "data-import-2024-06-01"


@pytest.fixture(scope="module")
def pair():
    """A primary and its standby, which has all that the primary has."""
    with postgres.Cluster() as primary:
        install(primary)
        with postgres.Standby(primary) as standby:
            wait_for(standby.has_all, "the standby")
            yield primary, standby


@pytest.fixture
def start(pair, run_program):
    """Starts the program on both, the primary first; whatever a test did to that is undone."""
    primary, standby = pair

    def start(*options, swapped=False, attrs=""):
        first, second = (standby, primary) if swapped else pair
        return run_program(*options, conninfo="host=%s,%s port=%d,%d user=reader dbname=%s %s" % (
            first.socket_dir, second.socket_dir, first.port, second.port, DATABASE, attrs))
    yield start
    primary.thaw()
    if not primary.running():
        primary.start()


def sessions(cluster):
    return int(cluster.psql("select count(*) from pg_stat_activity where usename = 'reader'"))


def read(program):
    """Asks once; the seconds that the answer, which must be right, took."""
    began = time.monotonic()
    answer = program.get(WORKSPACE, NAME)
    assert answer.status == 200, answer
    return time.monotonic() - began


def read_all(program, count):
    """COUNT requests at once; the longest one's seconds."""
    took = []
    threads = [threading.Thread(target=lambda: took.append(read(program))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == count
    return max(took)


def moves(program):
    return [line["port"] for line in program.logged(event="database", state="moved")]


@pytest.mark.parametrize("way", ["stop", "freeze"])
@pytest.mark.parametrize("options", [("--threads=1",), ("--threads=8",), ("--threads=8", "--prepare=no")])
def test_there_and_back(pair, start, options, way):
    primary, standby = pair
    program = start(*options)
    read_all(program, 8)
    assert sessions(primary) >= 1 and sessions(standby) == 0 and moves(program) == []
    getattr(primary, way)()
    assert read_all(program, 8) < 2.5 + 0.5 * slack()
    assert sessions(standby) >= 1 and moves(program) == [str(standby.port)]
    assert read_all(program, 8) < 1.5 * slack()  # nobody waits for the primary any more
    primary.thaw() if way == "freeze" else primary.start()
    wait_for(lambda: sessions(primary) >= 1 and sessions(standby) == 0, "reads from the primary")
    read(program)
    assert moves(program) == [str(standby.port), str(primary.port)]
    assert program.lines("error") == []


def test_a_session_that_rests_while_the_primary_freezes(pair, start):
    primary, standby = pair
    program = start()
    read(program)
    primary.freeze()
    time.sleep(2)
    assert read(program) < 2.5 + 0.5 * slack()
    assert sessions(standby) == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_who_is_slow_is_not_left(pair, start, threads):
    """A server that answers others keeps its reads, however long they take, within their deadline."""
    primary, standby = pair
    program = start("--threads=%d" % threads)
    read(program)
    opened = int(primary.psql("select sessions from pg_stat_database where datname = '%s'" % DATABASE))
    connection = primary.connect(dbname=DATABASE)
    try:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("lock table jobstatus.jobs in access exclusive mode")
            asked = threading.Thread(target=read, args=(program,))
            asked.start()
            time.sleep(3)
            connection.rollback()
            asked.join()
    finally:
        connection.close()
    assert moves(program) == [] and sessions(standby) == 0
    assert program.lines("error") == []
    assert int(primary.psql("select sessions from pg_stat_database where datname = '%s'" % DATABASE)) - opened <= 8


@pytest.mark.parametrize("hosts", [1, 2])
def test_sessions_that_live_are_not_left(pair, run_program, hosts):
    """Nobody new is let in, at once and without a word; who is in goes on."""
    primary, standby = pair
    conninfo = primary.conninfo if hosts == 1 else standby.conninfo_after
    program = run_program("--threads=8", conninfo=conninfo("reader", DATABASE))
    read(program)
    path = pathlib.Path(primary.socket_dir) / (".s.PGSQL.%d" % primary.port)
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        for _ in range(20):
            read_all(program, 8)
    finally:
        aside.rename(path)
    assert sessions(primary) >= 1 and sessions(standby) == 0
    assert program.logged(event="database") == []


def test_a_host_in_another_role_is_not_looked_at(pair, start):
    """It answers; that it is no primary is not to be found out again each second."""
    primary, standby = pair
    program = start("--threads=1", swapped=True, attrs="target_session_attrs=primary")
    read(program)
    assert sessions(primary) == 1 and moves(program) == [str(primary.port)]

    def opened():
        return int(standby.psql("select coalesce(sum(sessions), 0) from pg_stat_database where datname = '%s'" % DATABASE))
    before = opened()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        read(program)
        time.sleep(0.1)
    assert opened() == before and sessions(primary) == 1


def test_a_standby_is_preferred(pair, start):
    primary, standby = pair
    program = start("--threads=2", attrs="target_session_attrs=prefer-standby")
    read_all(program, 4)
    assert sessions(primary) == 0 and sessions(standby) >= 1
    try:
        standby.freeze()
        assert read(program) < 2.5 + 0.5 * slack()
        assert sessions(primary) >= 1
    finally:
        standby.thaw()
    wait_for(lambda: sessions(primary) == 0 and sessions(standby) >= 1, "reads from the standby")
    read(program)


def test_both_away(pair, start):
    primary, standby = pair
    program = start("--timeout=1")
    read(program)
    try:
        primary.freeze()
        standby.freeze()
        for _ in range(3):
            began = time.monotonic()
            assert program.get(WORKSPACE, NAME).status == 503
            assert time.monotonic() - began < 1 + 0.5 * slack()
    finally:
        primary.thaw()
        standby.thaw()
    wait_for(lambda: program.get(WORKSPACE, NAME).status == 200, "an answer", 2 * slack())
    wait_for(lambda: sessions(primary) >= 1 and sessions(standby) == 0, "reads from the primary")
