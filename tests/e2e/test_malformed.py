"""Records that no front sends: no crash, no wrong answer, nothing kept, and the next request is answered."""

import concurrent.futures
import contextlib
import os
import socket
import struct
import time

import pytest

import fastcgi
from conftest import sanitized, slack, wait_for
from fastcgi import END, GET_VALUES_RESULT, STDOUT, Answer, Connection, job
from streams import OTHER, Corpus, large

WORKSPACE, NAME, ANOTHER = "default", "data-import-2024-06-01", "no-steps"
SEED = int(os.environ.get("JOBSTATUS_SEED", "20261127"))
COMPLETE = 0  # the protocol status
STATUSES = {200, 204, 404, 405, 422, 500, 503}
BATCH = 100
AT_ONCE = 40  # and as many threads, since each of those that stay has one until he is cut off
TIMEOUT = 0.5
MEMORY = 8 << 20  # that may be held for longer than the streams last


@pytest.fixture
def program(run_program, conninfo):
    return run_program("--timeout=%s" % TIMEOUT, "--threads=%d" % AT_ONCE,
                       conninfo=conninfo + " application_name=malformed")


def memory(program):
    with open("/proc/%d/statm" % program.pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(program, admin):
    """How many are open, but for the database's, whose number may change."""
    sessions = admin("select count(*) from pg_stat_activity where application_name = 'malformed'")[0][0]
    return len(os.listdir("/proc/%d/fd" % program.pid)) - sessions


def send(program, pieces, stays=False):
    """All that comes back to a stream, whose sender then ends it, or stays until he is cut off or has his answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout((2 * TIMEOUT if stays else 20) * slack())
        client.connect(str(program.socket))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for number, piece in enumerate(pieces):
                if number > 0:
                    time.sleep(0.0005)
                client.sendall(piece)
            if not stays:
                client.shutdown(socket.SHUT_WR)
        received = []
        try:
            while piece := client.recv(1 << 16):
                received.append(piece)
        except ConnectionResetError:
            pass
        except TimeoutError:
            # A connection is kept when all is answered, and no longer than the timeout otherwise.
            got = answers(b"".join(received))
            assert stays and (pieces == [b""] or got and got[-1][2] == COMPLETE), "held"
    return b"".join(received)


def answers(data):
    """What came back, as (id, output, how it ended): by a protocol status, or None for what has no end."""
    found, out, its_id = [], b"", None
    while len(data) >= 8:
        version, kind, number, length, padding = struct.unpack("!BBHHBx", data[:8])
        assert version == 1 and len(data) >= 8 + length + padding
        content, data = data[8:8 + length], data[8 + length + padding:]
        if kind == STDOUT:
            assert number != 0 and its_id in (None, number)
            out, its_id = out + content, number
        elif kind == END:
            app_status, protocol_status = struct.unpack("!IB3x", content)
            assert number != 0 and app_status == 0
            if protocol_status == COMPLETE:
                assert number == its_id
                found.append((number, out, COMPLETE))
                out, its_id = b"", None
            else:
                found.append((number, b"", protocol_status))
        else:
            assert (kind, number) == (GET_VALUES_RESULT, 0)
    assert data == b""
    return found + ([(its_id, out, None)] if out else [])


def judge(received, expected, other=b"", kind=None):
    """Says what is wrong with what came back, if anything is; EXPECTED is this job's answer, OTHER the other's."""
    got = answers(received)
    if kind in ("split", "regrouped") and got != [(1, expected, COMPLETE)]:
        return "not the answer"
    if kind == "ended" and got != []:
        return "an answer to what was not asked"
    for number, out, end in got:
        if end != COMPLETE:
            return "no end" if end is None else "an unknown end"
        answer = Answer(out)
        if answer.status not in STATUSES:
            return "an unknown status"
        if answer.status == 200 and out != (other if number == OTHER else expected):
            return "another document"
        if int(answer.header("Content-Length") or 0) != len(answer.body):
            return "a length that lies"
    return None


@pytest.mark.native
def test_a_corpus(program, admin):
    expected = program.get(WORKSPACE, NAME).stdout
    other = program.get(WORKSPACE, ANOTHER).stdout
    assert expected.startswith(b"Status: 200 ") and other.startswith(b"Status: 200 ") and other != expected
    streams = list(Corpus(WORKSPACE, NAME, ANOTHER, SEED))
    assert len(streams) >= 10000
    pid, opened = program.pid, descriptors(program, admin)

    def work(number, stays=False):
        kind, pieces = streams[number]
        try:
            return judge(send(program, pieces, stays), expected, other, kind)
        except (AssertionError, IndexError, ValueError, struct.error) as error:
            return "no answer, and no end: %r" % error

    def check(numbers, stays=False):
        for number, problem in zip(numbers, threads.map(lambda number: work(number, stays), numbers)):
            assert problem is None, "seed %d, stream %d, %s: %s: %r" % (SEED, number, *streams[number], problem)
        where = "seed %d, streams %d to %d: %s" % (SEED, numbers[0], numbers[-1], program.log)
        assert program.alive(), where
        assert program.get(WORKSPACE, NAME).stdout == expected, where
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        for start in range(0, len(streams), BATCH):
            check(range(start, min(start + BATCH, len(streams))))
            if start == 10 * BATCH:
                before = memory(program)
        check(range(0, len(streams), 40), stays=True)
    assert program.pid == pid
    wait_for(lambda: descriptors(program, admin) == opened, "the descriptors")
    if not sanitized():
        assert memory(program) - before < MEMORY
    assert program.lines("error") == []


def test_megabytes(program):
    """They are refused, or taken in pieces: never held as a whole."""
    params = job(WORKSPACE, NAME)
    expected = program.get(WORKSPACE, NAME).stdout
    before = memory(program)
    for number, data in enumerate(large(params)):
        began = time.monotonic()
        received = send(program, [data])
        assert time.monotonic() - began < (TIMEOUT + 3) * slack()
        assert judge(received, expected) is None, number
        assert program.alive() and program.get(WORKSPACE, NAME).stdout == expected
        if not sanitized():
            with open("/proc/%d/status" % program.pid) as file:
                peak = int(file.read().split("VmHWM:")[1].split()[0]) << 10
            assert peak - before < 3 * MEMORY, number


def test_questions_that_overflow_libfcgi(program):
    """Four names that it knows are more than its 64 bytes: 2.4.2 ends by its stack's guard."""
    for name in ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"):
        for times in (1, 2, 3, 4, 5, 100):
            question = fastcgi.record(fastcgi.GET_VALUES, fastcgi.pair(name, "") * times, 0)
            with Connection(program.socket) as connection:
                connection.send(question + fastcgi.encode(job(WORKSPACE, NAME)))
                if times > 3:
                    assert connection.closed()
                    continue
                assert connection.receive_record()[0] == fastcgi.GET_VALUES_RESULT
                assert connection.receive().status == 200
    assert program.alive()
