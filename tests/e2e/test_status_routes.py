"""--status-routes: whether the program lives, whether it can answer, and what it has counted."""

import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import fastcgi
from conftest import DATABASE, slack, wait_for
from cutter import own  # noqa: F401
from fastcgi import job, variables
from samples import clean, find

ROUTES = ["/-/live", "/-/ready", "/-/metrics"]
NAME = "data-import-2024-06-01"
SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="([^"]*)"\})? (\S+)$')


@pytest.fixture
def run(run_program):
    def run(*options, **keywords):
        return run_program("--status-routes=yes", *options, **keywords)
    return run


def get(program, path, **more):
    return fastcgi.ask(program.socket, variables(path, **more))


def metrics(program):
    """The samples by name, or by name and the label's value."""
    answer = get(program, "/-/metrics")
    assert answer.status == 200
    samples = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            name, _, label, value = SAMPLE.match(line).groups()
            key = name if label is None else (name, label)
            assert key not in samples
            samples[key] = float(value)
    return samples


def status(answer):
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("path", ROUTES)
def test_they_are_off(path, run_program):
    program = run_program()
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        other = fastcgi.ask(program.socket, variables("/-/other", method))
        assert other.status == 404
        assert fastcgi.ask(program.socket, variables(path, method)).stdout == other.stdout


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("mount", [{}, {"SCRIPT_NAME": "/mount"}, {"SCRIPT_NAME": "/-"}])
def test_methods(path, mount, run):
    program = run("--authorize=REMOTE_USER")  # nobody is named, and nobody need be
    path = path[2:] if mount.get("SCRIPT_NAME") == "/-" else path
    whole = fastcgi.ask(program.socket, variables(path, **mount))
    assert whole.status == 200
    assert whole.header("Content-Length") == str(len(whole.body))
    assert whole.header("Cache-Control") == "private, no-cache"
    head = fastcgi.ask(program.socket, variables(path, "HEAD", **mount))
    assert (head.status, head.body) == (200, b"")
    assert [name for name, _ in head.headers] == [name for name, _ in whole.headers]
    assert fastcgi.ask(program.socket, variables(path, "OPTIONS", **mount)).header("Allow") == "GET, HEAD, OPTIONS"
    refused = fastcgi.ask(program.socket, variables(path, "POST", **mount))
    assert (refused.status, refused.header("Allow")) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.smoke
def test_all_is_well(run):
    program = run()
    assert status(get(program, "/-/live")) == (200, {"status": "live"})
    assert status(get(program, "/-/ready")) == (200, {"status": "ready"})
    assert get(program, "/-/live").header("Content-Type") == "application/json"
    assert get(program, "/-/metrics").header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"


def test_an_outage(own, run):
    """The reason is in our words; whether it lives is another question."""
    program = run(conninfo=own.conninfo("reader", DATABASE))
    assert status(get(program, "/-/ready")) == (200, {"status": "ready"})
    assert metrics(program)["jobstatus_database_down_processes"] == 0
    own.stop("fast")
    answer = get(program, "/-/ready")
    assert status(answer) == (503, {"status": "not ready", "reason": "no connection"})
    assert answer.header("Retry-After") == "1"
    assert status(get(program, "/-/live")) == (200, {"status": "live"})
    assert metrics(program)["jobstatus_database_down_processes"] == 1
    own.start()
    wait_for(lambda: get(program, "/-/ready").status == 200, "the database")
    counted = metrics(program)
    assert counted["jobstatus_database_down_processes"] == 0
    assert counted["jobstatus_database_connect_failures_total"] >= 1
    assert counted["jobstatus_database_sessions_opened_total"] == 2


def test_a_frozen_database(own, run):
    """No is said within the deadline."""
    program = run("--timeout=1", conninfo=own.conninfo("reader", DATABASE))
    assert get(program, "/-/ready").status == 200
    own.freeze()
    try:
        began = time.monotonic()
        answer = get(program, "/-/ready")
        assert time.monotonic() - began < 1 + 0.5 * slack()
        assert status(answer) == (503, {"status": "not ready", "reason": "no answer in time"})
        assert get(program, "/-/live").status == 200
    finally:
        own.thaw()


@pytest.mark.parametrize("options,reason", [
    (["--schema=nowhere"], "refused: a relation is missing (SQLSTATE 42P01)"),
    (["--database={} dbname=nowhere"], "no connection: the database does not exist (SQLSTATE 3D000)"),
    (["--database={} user=nobody_at_all"], "no connection: the login is refused (SQLSTATE 28000)"),
], ids=["schema", "database", "role"])
def test_what_is_wrong(options, reason, run, conninfo):
    program = run(*(option.format(conninfo) for option in options))
    assert status(get(program, "/-/ready")) == (503, {"status": "not ready", "reason": reason})


def test_a_missing_right(run, admin, cluster):
    admin("create role poor login")
    try:
        program = run(conninfo=cluster.conninfo(user="poor", dbname=DATABASE))
        reason = "refused: a right is missing (SQLSTATE 42501)"
        assert status(get(program, "/-/ready")) == (503, {"status": "not ready", "reason": reason})
        admin("grant jobstatus_reader to poor")
        wait_for(lambda: get(program, "/-/ready").status == 200, "another try to open a session")
    finally:
        program.stop()
        admin("drop role poor")


# Metrics ----------------------------------------------------------------------------------------------------------

def test_promtool(run):
    """Prometheus's own judge finds nothing to say."""
    program = run()
    program.get("default", NAME)
    done = subprocess.run([find("promtool"), "check", "metrics"], input=get(program, "/-/metrics").body,
                          capture_output=True, timeout=60, env=clean())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_everything_is_counted(run):
    """Requests of each kind, known numbers of them: each in its place, and nothing of the status routes."""
    program = run()
    answers = []

    def ask(times, params):
        answers.extend(fastcgi.ask(program.socket, params) for _ in range(times))
    ask(5, job("default", NAME))
    ask(2, job("default", NAME, "HEAD"))
    ask(3, job("default", NAME, HTTP_IF_NONE_MATCH=answers[0].header("ETag")))
    ask(4, job("default", "none"))
    ask(2, job("default", "x" * 256))
    ask(1, job("default", NAME, "POST"))
    ask(1, job("default", NAME, "OPTIONS"))
    ask(1, variables("/"))
    counted = metrics(program)
    expected = collections.Counter(str(answer.status) for answer in answers)
    assert set(expected) == {"200", "204", "304", "404", "405", "422"}
    for status in ("200", "204", "304", "401", "404", "405", "422", "500", "503"):
        assert counted["jobstatus_requests_total", status] == expected[status], status
    histograms = {"request_duration_seconds": 19, "database_duration_seconds": 14, "document_size_bytes": 5}
    for name, times in histograms.items():
        name = "jobstatus_" + name
        assert counted[name + "_count"] == times == counted[name + "_bucket", "+Inf"]
        buckets = [value for key, value in counted.items() if key[0] == name + "_bucket"]
        assert buckets == sorted(buckets)
    length = len(answers[0].body)
    assert counted["jobstatus_document_size_bytes_sum"] == 5 * length
    assert counted["jobstatus_document_size_bytes_bucket", "1024"] == 0
    assert counted["jobstatus_document_size_bytes_bucket", "4096"] == 5
    assert 0 < counted["jobstatus_database_duration_seconds_sum"] < counted["jobstatus_request_duration_seconds_sum"]
    assert counted["jobstatus_cache_documents_total"] == 6
    assert counted["jobstatus_threads"] == 4 and counted["jobstatus_threads_busy"] >= 1
    assert counted["jobstatus_database_sessions"] == counted["jobstatus_database_sessions_idle"] == 1
    assert counted["jobstatus_processes"] == 1
    assert not any(NAME in str(key) for key in counted)


def test_a_lost_session(run, admin):
    program = run()
    assert program.get("default", NAME).status == 200
    admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'"
          " and application_name = 'jobstatus'")
    assert program.get("default", NAME).status == 200
    counted = metrics(program)
    assert counted["jobstatus_database_sessions_lost_total"] == 1
    assert counted["jobstatus_database_sessions_opened_total"] == 2


def test_busy_threads(own, run):
    program = run("--threads=5", "--timeout=20", conninfo=own.conninfo("reader", DATABASE))
    own.freeze()
    connections = [fastcgi.Connection(program.socket) for _ in range(3)]
    try:
        for connection in connections:
            connection.send(fastcgi.encode(job("default", NAME)))
        wait_for(lambda: metrics(program)["jobstatus_threads_busy"] == 4, "three that wait, and the one that tells")
    finally:
        own.thaw()
        for connection in connections:
            assert connection.receive().status == 404
            connection.close()
    wait_for(lambda: metrics(program)["jobstatus_threads_busy"] == 1, "the three to be free again")


def test_processes_share_a_file(run, directory):
    """What each counted is told by any, also after its end; what is so now is told of those that live."""
    file = "--metrics-file=%s" % (directory / "metrics")
    programs = [run(file, "--threads=%d" % (2 + n)) for n in range(3)]
    for n, program in enumerate(programs):
        for _ in range(n + 1):
            assert program.get("default", NAME).status == 200
    for program in programs:
        counted = metrics(program)
        assert counted["jobstatus_requests_total", "200"] == counted["jobstatus_document_size_bytes_count"] == 6
        assert (counted["jobstatus_processes"], counted["jobstatus_threads"]) == (3, 2 + 3 + 4)
        assert counted["jobstatus_database_sessions"] == 3
    programs[2].process.send_signal(signal.SIGKILL)
    programs[2].process.wait()
    programs[2].process = None
    programs[1].stop()
    counted = metrics(programs[0])
    assert counted["jobstatus_requests_total", "200"] == 6
    assert (counted["jobstatus_processes"], counted["jobstatus_threads"]) == (1, 2)
    assert counted["jobstatus_database_sessions"] == 1
    # A process of plain CGI counts there too.
    done = subprocess.run([programs[0].arguments[0]], capture_output=True, timeout=60, env=dict(
        clean(), REQUEST_METHOD="GET", PATH_INFO=fastcgi.ROUTE % ("default", "none"),
        JOBSTATUS_METRICS_FILE=str(directory / "metrics"),
        JOBSTATUS_DATABASE=programs[0].arguments[2].partition("=")[2]))
    assert done.stdout.startswith(b"Status: 404 ")
    assert metrics(programs[0])["jobstatus_requests_total", "404"] == 1


def test_a_file_that_cannot_be_used(run, directory):
    """The program says so, counts by itself, and leaves the file as it is."""
    (directory / "text").write_text("somebody's")
    program = run("--metrics-file=%s" % (directory / "text"))
    assert [pairs["msg"] for pairs in program.logged(level="error")] == [
        "metrics: %s: it is no file of ours" % (directory / "text")]
    assert program.get("default", NAME).status == 200
    assert metrics(program)["jobstatus_requests_total", "200"] == 1
    assert (directory / "text").read_text() == "somebody's"


def test_another_users_file(run, directory):
    path = pathlib.Path("/etc/passwd")
    if os.geteuid() == 0:  # who may write to all files, but not have any shortened under his feet
        path = directory / "metrics"
        run("--metrics-file=%s" % path).stop()
        os.chown(path, 65534, 65534)
    before = path.read_bytes()
    program = run("--metrics-file=%s" % path)
    assert len(program.lines("error")) == 1 and str(path) in program.lines("error")[0]
    assert get(program, "/-/ready").status == 200
    assert path.read_bytes() == before
