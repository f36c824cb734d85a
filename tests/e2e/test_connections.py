"""Signals, and clients that are slow, silent, gone or too many."""

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import fastcgi
import postgres
from conftest import wait_for
from fastcgi import Connection, job

pytestmark = pytest.mark.threads

WORKSPACE, NAME = "default", "data-import-2024-06-01"

# Signals


@pytest.fixture
def slow(admin):
    """A schema whose jobs take as long to read as is asked for, the sleep being part of the read."""
    def make(seconds):
        admin("""
            drop schema if exists slow cascade;
            create schema slow;
            create view slow.jobs as select j.* from jobstatus.jobs j, (select pg_sleep(%s)) s;
            create view slow.steps as select * from jobstatus.steps;
            create view slow.tasks as select * from jobstatus.tasks;
            grant usage on schema slow to jobstatus_reader;
            grant select on all tables in schema slow to jobstatus_reader""", (seconds,))
        return "--schema=slow"
    yield make
    admin("drop schema if exists slow cascade")


def reading(admin):
    """How many sessions are in a slow read: its sleep is no other statement's, as those that open a session are."""
    return admin("select count(*) from pg_stat_activity where usename = 'reader' "
                 "and state = 'active' and wait_event = 'PgSleep'")[0][0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_graceful_stop(run_program, slow, admin, number):
    """What is in flight is finished, nothing more is accepted, idle connections hold nothing up."""
    program = run_program(slow(0.3), "--timeout=60")
    idle = [Connection(program.socket) for _ in range(3)]
    with Connection(program.socket) as connection, contextlib.ExitStack() as stack:
        for other in idle:
            stack.enter_context(other)
        connection.send(fastcgi.encode(job(WORKSPACE, NAME), keep=True))
        wait_for(lambda: reading(admin), "the read")
        program.signal(number)
        assert connection.receive().status == 200
        assert program.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_stop_of_an_idle_program(run_program, number):
    program = run_program()
    with Connection(program.socket) as kept:
        assert kept.ask(job(WORKSPACE, NAME)).status == 200
        start = time.monotonic()
        program.signal(number)
        assert program.wait() == 0
        assert time.monotonic() - start < 5
        assert kept.closed()


def refused(path):
    """Whether nobody listens; a connection that is made instead is given up."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def test_a_stop_refuses_who_comes_too_late(directory, conninfo, slow, admin):
    """The last one who has the listener leaves it at once: nobody waits in its queue for the end."""
    path = directory / "inherited.sock"
    options = [slow(2), "--timeout=60", "--database=" + conninfo]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        program = subprocess.Popen([str(postgres.program()), *options], stdin=listener, stderr=subprocess.DEVNULL)
    with program, Connection(path) as connection:
        try:
            connection.send(fastcgi.encode(job(WORKSPACE, NAME), keep=True))
            wait_for(lambda: reading(admin), "the read")
            program.terminate()
            wait_for(lambda: refused(path), "the listener's end")
            assert reading(admin), "the program ended, which proves nothing"
            assert connection.receive().status == 200
            assert program.wait(30) == 0
        finally:
            program.kill()


def test_stop_before_the_first_request(run_program):
    for _ in range(5):
        program = run_program()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0


def test_stop_without_a_database(run_program):
    program = run_program(conninfo="host=/nonexistent")
    assert program.get(WORKSPACE, NAME).status == 503
    program.signal(signal.SIGTERM)
    assert program.wait() == 0


def test_ignored_signals(run_program):
    program = run_program()
    with Connection(program.socket) as connection:
        for number in (signal.SIGHUP, signal.SIGPIPE):
            for _ in range(3):
                program.signal(number)
                assert connection.ask(job(WORKSPACE, NAME)).status == 200
    assert program.alive()


# Slow clients


def large(admin):
    admin("insert into odd.jobs (workspace, name, id, status_details) "
          "values ('w', 'large', 'id-large', json_build_object('s', repeat('x', 8000000)))")


def test_a_silent_client_is_cut(run_program):
    """Half a request and then nothing: cut after the deadline, and nobody else waits."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    for length in (1, 20, len(data) - 8):
        with Connection(program.socket) as silent:
            silent.send(data[:length])
            assert program.get(WORKSPACE, NAME).status == 200
            start = time.monotonic()
            assert silent.closed()
            assert time.monotonic() - start < 10
    assert program.alive()


def test_many_silent_clients(run_program):
    """More of them than threads hold others up for no longer than the deadline."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    silent = [Connection(program.socket) for _ in range(4)]
    try:
        for connection in silent:
            connection.send(data[:-8])
        assert program.get(WORKSPACE, NAME).status == 200
        for connection in silent:
            assert connection.closed()
    finally:
        for connection in silent:
            connection.close()


def test_a_dripping_client_is_cut(run_program):
    """A byte now and then is no way to keep a thread."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    with Connection(program.socket) as slow:
        start = time.monotonic()
        try:
            for position in range(len(data)):
                slow.send(data[position:position + 1])
                assert time.monotonic() - start < 15, "never cut"
                slow.socket.settimeout(0.3)
                with contextlib.suppress(socket.timeout):
                    if slow.socket.recv(1) == b"":
                        break
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - start >= 0.8
        assert program.get(WORKSPACE, NAME).status == 200


def test_a_client_that_takes_nothing(run_program, odd, admin):
    """Cut after the deadline too; it holds no database connection, and nobody else waits."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--threads=2", "--timeout=1")
        with Connection(program.socket) as slow:
            slow.send(fastcgi.encode(job("w", "large"), keep=True))
            wait_for(lambda: slow.socket.recv(1, socket.MSG_PEEK), "the first byte")
            assert admin("select count(*) from pg_stat_activity where usename = 'reader' "
                         "and state = 'active'") == [(0,)]
            assert program.get("w", "none").status == 404
            # a thread that waits for this client has given up when both can serve others
            wait_for(lambda: cut(program), "the cut", 20)
            with pytest.raises(fastcgi.Cut):
                slow.receive()
        assert program.get("w", "large").status == 200
    finally:
        admin("delete from odd.jobs")


def cut(program):
    """Whether the program has let go of all but its own descriptors: one connection was open."""
    with open("/proc/net/unix") as table:
        return sum(1 for line in table if line.rstrip().endswith(str(program.socket))
                   and line.split()[5] == "03") == 0


def test_a_slow_but_steady_client_gets_all(run_program, odd, admin):
    """Taking something all the time is enough."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--timeout=1")
        with Connection(program.socket) as slow:
            slow.send(fastcgi.encode(job("w", "large"), keep=False))
            taken, start = [], time.monotonic()
            while time.monotonic() - start < 2.5:
                taken.append(slow.socket.recv(65536))
                assert taken[-1]
                threading.Event().wait(0.05)
            slow.buffer = b"".join(taken)
            assert slow.receive().status == 200
    finally:
        admin("delete from odd.jobs")


def test_leaving_in_the_middle_of_an_answer(run_program, odd, admin):
    """EPIPE and SIGPIPE end nothing."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--threads=2")
        for _ in range(6):
            with Connection(program.socket) as connection:
                connection.send(fastcgi.encode(job("w", "large"), keep=True))
                connection.socket.recv(1000)
        assert program.get("w", "large").status == 200
        assert program.alive()
    finally:
        admin("delete from odd.jobs")


def test_many_idle_connections(run_program):
    """Connections that wait cost no thread and are never closed from our side."""
    program = run_program("--threads=1", "--timeout=0.5")
    idle = [Connection(program.socket) for _ in range(200)]
    try:
        for connection in idle[::2]:
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
        end = time.monotonic() + 1.5  # three deadlines
        while time.monotonic() < end:
            assert program.get(WORKSPACE, NAME).status == 200
        for connection in idle:
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
    finally:
        for connection in idle:
            connection.close()


def has_ended(connection):
    return bool(select.select([connection.socket], [], [], 0)[0])


def test_out_of_descriptors(run_program):
    """Who does not use his connection makes room for those who wait; some descriptors are left for the database."""
    program = run_program("--threads=2", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
    with Connection(program.socket) as first:
        assert first.ask(job(WORKSPACE, NAME)).status == 200
        idle = [Connection(program.socket) for _ in range(40)]
        try:
            wait_for(lambda: program.lines("error"), "the line")
            assert len(os.listdir("/proc/%d/fd" % program.pid)) <= 32 - 6
            before, end = cpu_seconds(program), time.monotonic() + 1
            while time.monotonic() < end:
                assert first.ask(job(WORKSPACE, NAME)).status == 200  # it is in use, and stays
                time.sleep(0.02)
            assert cpu_seconds(program) - before < 0.5
            assert program.get(WORKSPACE, NAME).status == 200  # behind all of the others in the queue
            assert sum(map(has_ended, idle)) >= len(idle) - 10
        finally:
            for connection in idle:
                connection.close()
        wait_for(lambda: program.logged(msg="accept: goes on"), "the end of it")
        assert program.get(WORKSPACE, NAME).status == 200
    assert len(program.lines("error")) == 1, program.log


def test_descriptors_are_left_for_the_database(run_program):
    """Connections have all that they may when the first session is opened."""
    program = run_program("--threads=2", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Connection(program.socket))
        for _ in range(40):
            stack.enter_context(Connection(program.socket))
        while not program.lines("error"):
            assert first.ask(job(WORKSPACE, NAME, "OPTIONS")).status == 204
        assert first.ask(job(WORKSPACE, NAME)).status == 200


def cpu_seconds(program):
    with open("/proc/%d/stat" % program.pid) as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_pool_is_no_larger_than_needed(run_program, admin):
    """One request at a time needs one connection, whatever the number of threads."""
    program = run_program("--threads=8")
    before = sessions(admin)
    with Connection(program.socket) as connection:
        for _ in range(50):
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
        assert sessions(admin) - before <= 1


def sessions(admin):
    return admin("select count(*) from pg_stat_activity where usename = 'reader'")[0][0]
