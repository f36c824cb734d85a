"""Records that no front sends: no crash, no wrong answer, nothing kept, and the next request is answered."""

import concurrent.futures
import contextlib
import os
import socket
import struct
import time

import pytest

from conftest import sanitized, slack, wait_for
from fastcgi import END, STDERR, STDOUT, Answer, Connection, job
from streams import Corpus, large

WORKSPACE, NAME = "default", "data-import-2024-06-01"
SEED = int(os.environ.get("JOBSTATUS_SEED", "20261127"))
STATUSES = {200, 204, 404, 405, 422, 500, 503}
BATCH = 100
AT_ONCE = 40  # and as many threads, since each of those that stay has one until he is cut off
TIMEOUT = 0.5
MEMORY = 8 << 20  # that may be held for longer than the streams last


@pytest.fixture
def program(run_program):
    return run_program("--timeout=%s" % TIMEOUT, "--threads=%d" % AT_ONCE)


def memory(program):
    with open("/proc/%d/statm" % program.pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(program):
    return len(os.listdir("/proc/%d/fd" % program.pid))


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
            assert stays and (pieces == [b""] or answers(b"".join(received))[-1][1]), "held"
    return b"".join(received)


def answers(data):
    """The answers in what came back; True for one that has its end."""
    found, out = [], b""
    while len(data) >= 8:
        version, kind, _, length, padding = struct.unpack("!BBHHBx", data[:8])
        assert version == 1 and len(data) >= 8 + length + padding
        content, data = data[8:8 + length], data[8 + length + padding:]
        if kind == STDOUT:
            out += content
        elif kind == END:
            found.append((out, True))
            out = b""
        else:
            assert kind in (STDERR, 10, 11)  # values, or an unknown type
    assert data == b""
    return found + ([(out, False)] if out else [])


def judge(received, expected, certain):
    """Says what is wrong with what came back, if anything is."""
    got = answers(received)
    if certain and got != [(expected, True)]:
        return "not the answer"
    for out, ended in got:
        if out == b"" and ended:
            continue  # refused by libfcgi: a role or a second request
        answer = Answer(out)
        if answer.status not in STATUSES:
            return "an unknown status"
        length = answer.header("Content-Length")
        if ended and length is not None and answer.body and int(length) != len(answer.body):
            return "a length that lies"
        if answer.status == 200 and out != expected and answer.body:
            return "another document"
    return None


def test_a_corpus(program, admin):
    expected = program.get(WORKSPACE, NAME).stdout
    assert expected.startswith(b"Status: 200 ")
    streams = list(Corpus(WORKSPACE, NAME, SEED))
    assert len(streams) >= 10000
    pid, before = program.pid, None

    def work(number, stays=False):
        kind, pieces = streams[number]
        try:
            return judge(send(program, pieces, stays), expected, kind == "split")
        except (AssertionError, IndexError, UnicodeDecodeError) as error:
            return "no answer, and no end: %r" % error
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        for start in range(0, len(streams), BATCH):
            batch = range(start, min(start + BATCH, len(streams)))
            for number, problem in zip(batch, threads.map(work, batch)):
                assert problem is None, "seed %d, stream %d, %s: %s: %r" % (SEED, number, *streams[number], problem)
            assert program.alive(), "seed %d, streams %d to %d: %s" % (SEED, start, start + BATCH, program.log)
            assert program.get(WORKSPACE, NAME).stdout == expected
            if start == 10 * BATCH:
                before = memory(program)
        for number, problem in enumerate(threads.map(lambda n: work(n, stays=True), range(0, len(streams), 40))):
            assert problem is None, "seed %d, stream %d, held: %s" % (SEED, 40 * number, problem)
        assert program.alive() and program.get(WORKSPACE, NAME).stdout == expected
    assert program.pid == pid
    wait_for(lambda: descriptors(program) <= 12 + AT_ONCE, "the descriptors")  # with the database's
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
        assert judge(received, expected, False) is None, number
        assert program.alive() and program.get(WORKSPACE, NAME).stdout == expected
        if not sanitized():
            with open("/proc/%d/status" % program.pid) as file:
                peak = int(file.read().split("VmHWM:")[1].split()[0]) << 10
            assert peak - before < 3 * MEMORY, number


def test_questions_that_overflow_libfcgi(program):
    """Four names that it knows are more than its 64 bytes: 2.4.2 ends by its stack's guard."""
    import fastcgi
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
