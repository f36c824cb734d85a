"""--access-log: a line for each request, which nothing in the request can forge."""

import os
import re
import socket
import subprocess
import time

import pytest

import fastcgi
from conftest import clean_environment, logfmt, slack, wait_for
from fastcgi import Connection, job, variables

NAME = "data-import-2024-06-01"
KEYS = ["time", "level", "program", "event", "method", "status", "bytes", "total_ms", "database_ms", "request_id",
        "path"]


@pytest.fixture
def program(run_program):
    program = run_program("--access-log=yes", "--status-routes=yes")
    wait_for(lambda: program.lines("info"), "its first line")
    return program


def line(program, params, **keywords):
    """The answer to a request, and what its one line says."""
    before = len(program.logged(event="request"))
    answer = fastcgi.ask(program.socket, params, **keywords)
    lines = wait_for(lambda: program.logged(event="request")[before:], "the line")
    assert len(lines) == 1 and list(lines[0]) == KEYS
    return answer, lines[0]


def test_it_is_off(run_program):
    program = run_program()
    program.get("default", NAME)
    program.stop()
    assert program.log != "" and program.logged(event="request") == []


@pytest.mark.parametrize("params,path", [
    (job("default", NAME), None),
    (job("default", NAME, "HEAD"), None),
    (job("default", "none"), None),
    (job("default", NAME, "POST"), None),
    (job("default", "x" * 255), None),
    (job("default", "x" * 256), None),
    (job("default", "\U0001F680" * 255), None),
    (variables("/elsewhere"), None),
    (variables("/-/live"), None),
    (variables("/v2/workspaces/default/jobs/%s/status" % NAME, SCRIPT_NAME="/apis/jobs"),
     "/apis/jobs/v2/workspaces/default/jobs/%s/status" % NAME),
], ids=["get", "head", "absent", "post", "long", "longer", "longest", "elsewhere", "live", "mounted"])
def test_what_it_says(params, path, program):
    answer, said = line(program, params)
    assert said["method"] == params["REQUEST_METHOD"]
    assert (said["status"], said["bytes"]) == (str(answer.status), str(len(answer.body)))
    path = path or params["PATH_INFO"]
    # Bytes above 0x7F come out of the line's escapes, if they have any, as characters of one byte.
    assert said["path"].encode("utf-8") == (path if isinstance(path, bytes) else path.encode())
    assert re.fullmatch(r"[0-9a-f]{32}", said["request_id"])
    total, database = float(said["total_ms"]), float(said["database_ms"])
    assert 0 <= database <= total < 60000
    assert (database > 0) == (answer.status in (200, 404) and "workspaces" in path_text(path) and answer.status != 405)


def path_text(path):
    return path.decode() if isinstance(path, bytes) else path


def test_ids(program):
    """Made anew for each request, unless the front has given one that is a token."""
    made = {line(program, job("default", NAME))[1]["request_id"] for _ in range(20)}
    assert len(made) == 20
    for given in ("abc", "7b8fd3c0-5f0e-4f8e-a5b1-000000000001", "x" * 128, "a=b", "1-5759e988:x/y+z=="):
        assert line(program, job("default", NAME, HTTP_X_REQUEST_ID=given))[1]["request_id"] == given
    for odd in ("", "x" * 129, "a b", "a\nb", 'a"b', "a\\b", "\u00e9", "a\x7f"):
        said = line(program, job("default", NAME, HTTP_X_REQUEST_ID=odd))[1]
        assert re.fullmatch(r"[0-9a-f]{32}", said["request_id"]) and said["request_id"] not in made


@pytest.mark.parametrize("text", ["\n", "\r\ntime=x level=error program=jobstatus msg=forged", '" status="200', "\\",
                                  "\x1b[2J", "\x7f", "\xc2\x9b", "\x00"], ids=repr)
def test_nothing_is_forged(text, program):
    """One line, whose values are what was sent, whatever was sent where."""
    for params in (job("default", "n" + text), job("w" + text, "n"), variables("/" + text), job("w", "n", "G" + text),
                   job("w", "n", SCRIPT_NAME="/s" + text)):
        if "\0" in text and "\0" in params["REQUEST_METHOD"]:
            continue
        before = program.log.count("\n")
        answer, said = line(program, params)
        assert answer.status in (404, 405, 422) and said["status"] == str(answer.status)
        assert program.log.count("\n") == before + 1
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", program.log)


def test_a_line_is_cut_at_its_path(program):
    """However long the path is, all else is there."""
    for length in (2000, 2900, 3100, 8000):
        said = line(program, variables("/" + "p" * length))[1]
        assert said["path"] == ("/" + "p" * length)[:3000]
    said = line(program, variables("/" + "\n" * 5000, "M" * 5000))[1]
    assert said["method"] == "M" * 40 and 700 < len(said["path"]) < 1000
    assert all(len(text) <= 4095 for text in program.log.splitlines())


def test_a_reader_that_went_away(program, admin):
    """A document that did not leave whole is said to be cut."""
    admin("insert into jobstatus.jobs (workspace, name, id, status, status_details)"
          " select 'away', 'large', 'away-large', 'active', json_build_object('x', repeat('x', 3000000))")
    try:
        with Connection(program.socket) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(fastcgi.encode(job("away", "large")))
            assert connection.socket.recv(1000) != b""
        said = wait_for(lambda: program.logged(event="request"), "the line")[-1]
        assert (said["status"], said["cut"]) == ("200", "yes") and int(said["bytes"]) > 3000000
    finally:
        admin("delete from jobstatus.jobs where workspace = 'away'")


def test_levels(run_program):
    """It is of the level info."""
    program = run_program("--access-log=yes", "--log-level=warning")
    assert program.get("default", NAME).status == 200
    program.stop()
    assert program.log == ""


def test_plain_cgi(conninfo, program):
    done = subprocess.run([program.arguments[0]], capture_output=True, timeout=60, env=clean_environment(
        REQUEST_METHOD="GET", PATH_INFO=fastcgi.ROUTE % ("default", NAME), JOBSTATUS_DATABASE=conninfo,
        JOBSTATUS_ACCESS_LOG="yes", HTTP_X_REQUEST_ID="mine"))
    said = logfmt(done.stderr.decode().rstrip("\n"))
    assert list(said) == KEYS and (said["status"], said["request_id"]) == ("200", "mine")
    assert float(said["database_ms"]) > 0


def test_who_does_not_read_holds_nobody_up(run_program):
    """Lines that a pipe does not take are lost, told of when it does, and keep no request waiting."""
    here, there = os.pipe()
    try:
        program = run_program("--access-log=yes", preexec=lambda: os.dup2(there, 2))
    finally:
        os.close(there)
    with open(here, "rb") as pipe:
        with Connection(program.socket) as connection:
            began = time.monotonic()
            for _ in range(1000):
                assert connection.ask(job("default", NAME)).status == 200
            assert time.monotonic() - began < 10 * slack()
            os.set_blocking(here, False)
            told = [pipe.read()]  # what the pipe had taken
            assert connection.ask(job("default", NAME)).status == 200

            def goes_on():
                told.append(pipe.read() or b"")
                return b"event=request" in b"".join(told[1:])
            wait_for(goes_on, "the next line of a request")
    lines = [logfmt(line) for line in b"".join(told).decode().splitlines()]
    lost = sum(int(line["msg"].split()[0]) for line in lines if line["level"] == "warning")
    requests = [line for line in lines if line.get("event") == "request"]
    assert lost > 500 and lost + len(requests) == 1001, (lost, len(requests))
