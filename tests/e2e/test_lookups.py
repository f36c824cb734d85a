"""Lookups that go together: jobs whose documents are kept, asked for by many at the same time."""

import contextlib
import os
import pathlib
import re
import select
import signal
import threading
import time

import pytest

import postgres
from conftest import DATABASE, install, slack, wait_for
from fastcgi import Connection, encode, job

pytestmark = pytest.mark.threads

KINDS = 8  # of requests
CLIENTS = 4 * KINDS
STATEMENTS = ("jobstatus_revision", "jobstatus_revisions", "jobstatus_read")


@pytest.fixture(scope="module")
def own():
    """One of our own, whose log has all statements."""
    with postgres.Cluster(settings=["log_statement=all"]) as cluster:
        install(cluster, demo=False)
        yield cluster


@pytest.fixture(scope="module")
def cursor(own):
    """A superuser's. There is a job that is never kept, and takes a while; and views of our tables."""
    with contextlib.closing(own.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("""
            insert into jobstatus.jobs (workspace, name, id, status) values ('w', 'large', '0', 'active');
            insert into jobstatus.steps (workspace, job_id, position, id, name, status)
                values ('w', '0', 0, 's', 's', 'active');
            insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
                select 'w', '0', 0, p, p, p, 'active' from generate_series(1, 20000) p;
            create schema viewed; create view viewed.jobs as select * from jobstatus.jobs;
            create view viewed.steps as select * from jobstatus.steps;
            create view viewed.tasks as select * from jobstatus.tasks;
            grant usage on schema viewed to reader; grant select on all tables in schema viewed to reader; analyze""")
        yield cursor


@pytest.fixture
def jobs(cursor):
    """As many as clients, and nothing else has happened to them."""
    cursor.execute("delete from jobstatus.jobs where workspace <> 'w'; insert into jobstatus.jobs (workspace, name, id, status)"
                   " select 'w' || i %% 3, 'j' || i, i, 'active' from generate_series(0, %s) i", (CLIENTS,))


@pytest.fixture
def start(own, cursor, jobs, run_program):
    """Starts a program, has it open all its sessions, and gives it with its answers, which it keeps."""

    def start(*options, threads=4):
        program = run_program("--threads=%d" % threads, *options, conninfo=own.conninfo(user="reader", dbname=DATABASE))

        def complete():
            cursor.execute("select count(*) from pg_stat_activity where usename = 'reader'")
            return cursor.fetchone()[0] == threads
        asking = threading.Event()

        def ask():
            with Connection(program.socket) as connection:
                while not asking.is_set():
                    connection.ask(job("w", "large", method="HEAD"))
        clients = [threading.Thread(target=ask) for _ in range(threads)]
        for client in clients:
            client.start()
        try:
            wait_for(complete, "all sessions")
        finally:
            asking.set()
            for client in clients:
                client.join()
        return program, [program.get(*name(i)) for i in range(CLIENTS)]
    return start


def name(i):
    return "w%d" % (i % 3), "j%d" % i


def count(cluster, what):
    return len(re.findall("execute %s:" % what, pathlib.Path(cluster.log).read_text()))


class Held:
    """Requests that are sent while nobody can read the jobs, and answered after that."""

    def __init__(self, program, cursor, requests):
        self.connections = []
        cursor.execute("begin; lock jobstatus.jobs in access exclusive mode")
        for request in requests:
            self.connections.append(Connection(program.socket))
            self.connections[-1].send(encode(request, keep=True))
        wait_for(lambda: self.waiting(cursor) >= 2, "sessions that wait")
        self.cursor = cursor

    @staticmethod
    def waiting(cursor):
        cursor.execute("select count(*) from pg_locks where not granted and relation = 'jobstatus.jobs'::regclass")
        return cursor.fetchone()[0]

    def answers(self):
        self.cursor.execute("commit")
        answers = [connection.receive() for connection in self.connections]
        for connection in self.connections:
            connection.close()
        return answers


@pytest.mark.native
def test_many_at_once(own, cursor, start):
    """Of every kind: unchanged, changed, large, deleted, with its tag, with another, HEAD, whatever there is."""
    cursor.execute("update jobstatus.jobs set status_details = json_build_object('x', repeat('x', 20000))"
                   " where id::integer %% %s = 2", (KINDS,))
    program, before = start()
    cursor.execute("update jobstatus.jobs set status = 'paused' where id::integer %% %s = 1", (KINDS,))
    cursor.execute("delete from jobstatus.jobs where id::integer %% %s = 3", (KINDS,))
    requests, cases = [], []
    for i in range(CLIENTS):
        tag = before[i].header("ETag")
        fields = {4: tag, 5: '"x"', 7: "*"}
        more = {"HTTP_IF_NONE_MATCH": fields[i % KINDS]} if i % KINDS in fields else {}
        requests.append(job(*name(i), method="HEAD" if i % KINDS == 6 else "GET", **more))
        cases.append({3: 404, 4: 304, 7: 304}.get(i % KINDS, 200))
    counts = [count(own, what) for what in STATEMENTS]
    answers = Held(program, cursor, requests).answers()
    assert [answer.status for answer in answers] == cases
    for i, answer in enumerate(answers):
        kind = i % KINDS
        if kind in (0, 2, 5):
            assert answer.stdout == before[i].stdout
        elif kind == 1:
            assert b'"status":"paused"' in answer.body
        elif kind in (4, 6, 7):
            assert answer.body == b"" and answer.header("ETag") == before[i].header("ETag")
    assert len(before[2].body) > 20000
    one, several, reads = [count(own, what) - before for what, before in zip(STATEMENTS, counts)]
    # All in a few statements, and a read for each job that has changed alone.
    assert several >= 1 and one + several <= CLIENTS / 2, (one, several)
    assert reads == CLIENTS / KINDS


def test_a_few_at_once_with_one_thread(cursor, start):
    """Which then has nobody to leave the reads to."""
    program, before = start(threads=1)
    cursor.execute("update jobstatus.jobs set status = 'paused'")
    results = [None] * 6

    def ask(i):
        with Connection(program.socket) as connection:
            results[i] = [connection.ask(job(*name(i))) for _ in range(20)]
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(6):
        assert before[i].body != results[i][0].body
        assert {answer.stdout for answer in results[i]} == {results[i][0].stdout}


def test_each_is_answered_after_its_session_ended(cursor, start):
    program, before = start()
    held = Held(program, cursor, [job(*name(i)) for i in range(CLIENTS)])
    cursor.execute("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'reader'")
    assert cursor.fetchone()[0] >= 2
    assert [answer.stdout for answer in held.answers()] == [answer.stdout for answer in before]


def test_a_stop_answers_all_that_wait(cursor, start):
    program, before = start()
    held = Held(program, cursor, [job(*name(i)) for i in range(CLIENTS)])
    program.signal(signal.SIGTERM)
    wait_for(lambda: not program.socket.exists(), "the stop")
    time.sleep(0.2)
    assert program.alive()
    assert [answer.stdout for answer in held.answers()] == [answer.stdout for answer in before]
    assert program.wait() == 0


def test_what_cannot_be_read_is_answered_in_time(cursor, start):
    """A refusal of the joint lookup is one of each."""
    program, _ = start("--timeout=1")
    held = Held(program, cursor, [job(*name(i)) for i in range(CLIENTS)])
    cursor.execute("revoke select on jobstatus.jobs from jobstatus_reader")
    began = time.monotonic()
    assert {answer.status for answer in held.answers()} == {503}
    assert time.monotonic() - began < 1 * slack()
    cursor.execute("grant select on jobstatus.jobs to jobstatus_reader")
    wait_for(lambda: program.get(*name(0)).status == 200, "an answer again", 5)
    # A lock that outlasts the deadline, too.
    held = Held(program, cursor, [job(*name(i)) for i in range(CLIENTS)])
    began = time.monotonic()
    assert {connection.receive().status for connection in held.connections} == {503}
    assert time.monotonic() - began < 1.5 * slack()
    cursor.execute("commit")


def test_a_silent_session_keeps_few_waiting(cursor, start):
    """Those who ask by it; who has waited for them goes by another after a moment."""
    program, before = start("--timeout=3")
    connections = [Connection(program.socket) for _ in range(KINDS)]
    # The latest to be put back is taken next.
    cursor.execute("select pid from pg_stat_activity where usename = 'reader' order by state_change desc limit 1")
    frozen, = cursor.fetchone()
    try:
        os.kill(frozen, signal.SIGSTOP)
        for i, connection in enumerate(connections):
            connection.send(encode(job(*name(i)), keep=True))
        time.sleep(0.5 * slack())
        answered, _, _ = select.select([connection.socket for connection in connections], [], [], 0)
        assert KINDS / 2 <= len(answered) < KINDS
    finally:
        os.kill(frozen, signal.SIGCONT)
    for i, connection in enumerate(connections):
        assert connection.receive().stdout == before[i].stdout
        connection.close()


@pytest.mark.parametrize("options", [("--prepare=no",), ("--schema=viewed",)])
def test_alone_where_they_cannot_go_together(own, cursor, start, options):
    """Without prepared statements, and with views."""
    several = count(own, "jobstatus_revisions")
    program, before = start(*options)
    answers = Held(program, cursor, [job(*name(i)) for i in range(CLIENTS)]).answers()
    assert [answer.stdout for answer in answers] == [answer.stdout for answer in before]
    assert count(own, "jobstatus_revisions") == several
