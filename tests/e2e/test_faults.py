"""Every call of the program's that can fail does, one at a time: no crash, no leak, no wrong answer.

The program under test is its own code, linked so that the Nth call of a name fails (tests/faults). What a
fault may do is turn an answer into a 5xx or close a connection; the next request is answered.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import fastcgi
from conftest import DATABASE, Program, clean_environment, slack, wait_for
from fastcgi import Answer, Connection, job

FAULTY = pathlib.Path(os.environ.get("JOBSTATUS_FAULTY") or
                      pathlib.Path(__file__).resolve().parents[1] / "faults" / "faulty.fcgi")
# The same few calls come again and again; so many of each name are enough.
MOST = 12


def names():
    """What faults.c stands before, as it told the linker."""
    return re.findall(r"--wrap=(\S+)", (FAULTY.parent / "wrap.options").read_text())


@pytest.fixture(scope="module", autouse=True)
def jobs(cluster):
    """A job that needs escaping, and one beyond what is kept in memory."""
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        cursor = connection.cursor()
        cursor.execute("""
            insert into jobstatus.jobs (workspace, name, id, status) values
                ('faults', 'small', 'i "1"', 'completed'), ('faults', 'large', 'i2', 'completed');
            insert into jobstatus.steps (workspace, job_id, position, id, name, status)
                select 'faults', id, 0, 's', 's', 'active' from jobstatus.jobs where workspace = 'faults';
            insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status, error_stack)
                select 'faults', job_id, 0, 0, 't', 't', 'error', case job_id when 'i2' then repeat('x', 300000) end
                from jobstatus.steps where workspace = 'faults'""")
        yield
        cursor.execute("delete from jobstatus.jobs where workspace = 'faults'")


def check_error(answer):
    """A whole 5xx; without memory it may have no body."""
    assert answer.status in (500, 503), answer
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.body == b"" or list(json.loads(answer.body)) == ["detail"]


# Plain CGI

CASES = {
    "small": (("faults", "small"), {}),
    "not prepared": (("faults", "small"), {"JOBSTATUS_PREPARE": "no"}),
    "several hosts": (("faults", "small"), {"JOBSTATUS_DATABASE": "host=/nowhere,%(host)s port=%(port)s user=reader "
                                                                  "dbname=jobstatus password=' '"}),
    "large": (("faults", "large"), {}),
    "unprocessable": (("\x01" * 300, b"\xff"), {}),
    "two bad names": (("\x01", "x" * 300), {}),
}


def run_cgi(cluster, case, fault=""):
    """One answer's standard output and log; a body of two bytes stands on standard input."""
    (workspace, name), more = CASES[case]
    conninfo = cluster.conninfo(user="reader", dbname=DATABASE)
    env = dict({"JOBSTATUS_DATABASE": conninfo, "CONTENT_LENGTH": "2"}, **job(workspace, name), **more)
    env["JOBSTATUS_DATABASE"] %= {"host": cluster.socket_dir, "port": cluster.port}
    if fault:
        env["JOBSTATUS_FAULT"] = fault
    done = subprocess.run([str(FAULTY)], env=clean_environment(**env), input=b"{}", capture_output=True, cwd="/",
                          timeout=60)
    log = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, (fault, done.returncode, log)
    assert "Sanitizer" not in log and "runtime error" not in log, (fault, log)
    return done.stdout, log


@pytest.fixture(scope="module")
def whole(cluster):
    """Each case's answer when nothing fails."""
    return {case: run_cgi(cluster, case)[0] for case in CASES}


@pytest.mark.parametrize("name", names())
def test_plain_cgi(cluster, whole, name):
    for case in CASES:
        for number in range(1, MOST + 1):
            out, log = run_cgi(cluster, case, "%s:%d" % (name, number))
            if "fault: " not in log:
                break
            if out == whole[case]:
                continue
            assert name != "open"  # a file system without O_TMPFILE will do
            if name == "pread":  # its Content-Length shows that it is cut
                assert whole[case].startswith(out) and b"Content-Length: " in out
            else:
                check_error(Answer(out))
            assert re.search("jobstatus: error: |level=error ", log), (case, name, number, log)


@pytest.mark.parametrize("name", names())
def test_check(conninfo, name):
    """--check finds all well, or says what is not."""
    for number in range(1, MOST + 1):
        done = subprocess.run([str(FAULTY), "--check", "--database=" + conninfo], stdin=subprocess.DEVNULL,
                              env=clean_environment(JOBSTATUS_FAULT="%s:%d" % (name, number)), timeout=60,
                              capture_output=True, text=True)
        assert done.returncode in (0, 64, 78), (number, done)
        assert "Sanitizer" not in done.stderr, (number, done)
        assert ("error: " in done.stdout + done.stderr) == (done.returncode != 0), (number, done)
        if "fault: " not in done.stderr:
            assert done.returncode == 0
            break


# FastCGI


@contextlib.contextmanager
def server(directory, conninfo, fault):
    """The server, ready or ended before it was, with the reason in its log."""
    program = Program(directory, "--threads=2", "--timeout=5", conninfo=conninfo, env={"JOBSTATUS_FAULT": fault})
    program.arguments[0] = str(FAULTY)
    program.start(wait=False)
    try:
        wait_for(lambda: program.process.poll() is not None or program.logged(msg="ready: 2 threads, %s" % program.socket), "the start")
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()
        program.log_path.unlink()


def ask(program, workspace, name, expected):
    """One answer on a connection of its own: right, a 5xx, or none. Whether it was right."""
    try:
        with Connection(program.socket, timeout=20) as connection:
            answer = connection.ask(job(workspace, name))
            again = connection.ask(job(workspace, name))
    except (fastcgi.Cut, OSError):
        return False
    for one in (answer, again):
        if one.stdout != expected:
            check_error(one)
            return False
    return True


@pytest.mark.parametrize("name", names())
def test_fastcgi(directory, conninfo, jobstatus, name):
    expected = {n: jobstatus.get("faults", n).stdout for n in ("small", "large", "x" * 256)}
    for number in range(1, MOST + 1):
        with server(directory, conninfo, "%s:%d" % (name, number)) as program:
            if program.process.poll() is not None:
                assert program.process.returncode in (64, 71, 73), (name, number, program.log)
                assert program.lines("error")
            else:
                for what, body in expected.items():
                    ask(program, "faults", what, body)
                # whatever it was, it is over: a refused connect is tried again within half a second
                wait_for(lambda: all([ask(program, "faults", what, body) for what, body in expected.items()]),
                         "right answers after %s:%d" % (name, number), 3 * slack())
                program.signal(signal.SIGTERM)
                assert program.wait() == 0, (name, number, program.log)
            assert "Sanitizer" not in program.log and "runtime error" not in program.log, (name, number, program.log)
            if "fault: " not in program.log:
                break
