"""jobstatus-report task --wrap: a command as a task, whatever becomes of the command and of the database."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import select
import signal
import subprocess
import termios
import time

import pytest

import postgres
from conftest import DATABASE, clean_environment, slack, wait_for
from cutter import cutter, own  # noqa: F401


@pytest.fixture
def sql(own):
    def sql(statement):
        with contextlib.closing(own.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    return sql


@pytest.fixture
def job(own, sql):
    """A job with an active step; whatever a test does to the server is undone."""
    sql("select jobstatus.create_job('w', 'j', '{s}'); select jobstatus.report_step('w', 'j', 's', 'active')")
    yield
    own.thaw()
    if not own.running():
        own.start()
    sql("delete from jobstatus.jobs")


@pytest.fixture
def start(own, directory):
    """Starts wrapped commands, all streams in pipes; the test's directory is a shell's $0."""
    running = []

    def start(script, *options, conninfo=None, command=None, prepare=lambda: None, **keywords):
        def begin():
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # a job in the background ignores them
                signal.signal(number, signal.SIG_DFL)
            prepare()
        keywords = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **keywords}
        command = command or ["sh", "-c", script, str(directory)]
        running.append(subprocess.Popen(
            [str(postgres.report()), "task", "w/j", "s", "t", "--wrap", *options, "--", *command],
            env=clean_environment(JOBSTATUS_DATABASE=conninfo or own.conninfo("writer", DATABASE)), bufsize=0,
            preexec_fn=begin, **keywords))
        return running[-1]
    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def task(sql):
    """The task's status, details and stack, or None."""
    def task():
        rows = sql("select status, status_details, error_details, coalesce(error_stack, '') from jobstatus.tasks")
        return rows[0] if rows else None
    return task


@pytest.fixture
def history(sql):
    """The statuses that the task had, in their order."""
    return lambda: [status for (status,) in sql(
        "select new_status from jobstatus.transitions where task_position is not null order by id")]


def said(text):
    return "jobstatus-report: " + text


def line_of(stream):
    """The next line of a stream without a buffer, which must come in time."""
    line = b""
    while not line.endswith(b"\n"):
        assert select.select([stream], [], [], 60)[0], "no line after %r" % line
        byte = stream.read(1)
        assert byte, "the end after %r" % line
        line += byte
    return line.decode().rstrip("\n")


def lines(process):
    """The command's output, line by line while it runs."""
    return line_of(process.stdout)


# What is told -----------------------------------------------------------------------------------------------------

@pytest.mark.smoke
def test_success(job, start, task, history, sql):
    process = start("echo out; echo err >&2; read line; echo $line; printf 'no newline'")
    assert lines(process) == "out"
    assert history() == ["active"]  # before the command began
    wait_for(lambda: sql("select count(*) from pg_stat_activity where usename = 'writer'") == [(0,)],
             "no session to be held while it runs")
    assert process.communicate(b"go\n", timeout=60) == (b"go\nno newline", b"err\n")
    assert process.returncode == 0
    status, details, error, stack = task()
    assert (status, error, stack) == ("completed", {}, "")
    assert list(details) == ["elapsed_seconds", "last_lines"] and details["elapsed_seconds"] in range(30)
    assert sorted(details["last_lines"][:2]) == ["err", "out"] and details["last_lines"][2:] == ["go", "no newline"]
    assert history() == ["active", "completed"]
    # The step stays, and the job but for its details.
    assert sql("select j.status, j.status_details::text, s.status, s.status_details::text from jobstatus.jobs j,"
               " jobstatus.steps s") == [("active", sql("select status_details::text from jobstatus.tasks")[0][0],
                                          "active", "{}")]


@pytest.mark.parametrize("script, code, error", [
    ("echo first; echo trace >&2; exit 3", 3, {"message": "the command exited with 3", "exit_code": 3}),
    ("echo trace >&2; kill -KILL $$", 137, {"message": "the command was ended by SIGKILL", "signal": "SIGKILL"}),
    ("echo trace >&2; kill -USR1 $$", 138, {"message": "the command was ended by SIGUSR1", "signal": "SIGUSR1"}),
])
def test_failure(script, code, error, job, start, task, history):
    process = start(script)
    assert process.communicate(timeout=60)[1] == b"trace\n"
    assert process.returncode == code
    assert task()[0] == "error" and task()[2:] == (error, "trace\n")
    assert history() == ["active", "error"]


@pytest.mark.parametrize("command, code, reason", [
    ("/nowhere/x", 127, "No such file or directory"), ("no-such-command", 127, "No such file or directory"),
    ("/dev/null", 126, "Permission denied")])
def test_a_command_that_cannot_be_run(command, code, reason, job, start, task):
    process = start(None, command=[command])
    assert process.communicate(timeout=60) == (b"", said("error: %s: %s\n" % (command, reason)).encode())
    assert process.returncode == code
    assert task()[0] == "error"
    assert task()[2] == {"message": "the command cannot be run: " + reason, "exit_code": code}


@pytest.mark.parametrize("prepare, code, reason", [
    ("select jobstatus.delete_job('w', 'j')", 66, 'job'),
    ("update jobstatus.steps set name = 'other'", 66, 'step'),
    ("select jobstatus.report_task('w', 'j', 's', 't', 'active'); select jobstatus.report_task('w', 'j', 's', 't', "
     "'completed')", 76, "from completed to active"),
    ("select jobstatus.report_task('w', 'j', 's', 't', 'cancelling')", 76, "from cancelling to active"),
])
def test_what_is_not_run(prepare, code, reason, job, start, sql, directory):
    """Refused at the start: the command is not run."""
    sql(prepare)
    process = start("touch $0/ran")
    out, err = process.communicate(timeout=60)
    assert process.returncode == code and out == b""
    assert err.decode().startswith(said("error: ")) and reason in err.decode() and err.count(b"\n") == 1
    assert not (directory / "ran").exists()


def test_twice(job, start, task):
    """A task that has ended cannot be active again."""
    assert start("exit 0").wait(60) == 0
    assert start("exit 0").wait(60) == 76
    assert task()[0] == "completed"


def test_without_the_right(job, start, own, directory):
    process = start("touch $0/ran", conninfo=own.conninfo("reader", DATABASE))
    assert process.wait(60) == 77
    assert not (directory / "ran").exists()


def test_heartbeats(job, start, task, history):
    process = start("echo one; echo two >&2; read line; printf '10%%\\r20%%'; read line", "--heartbeat=1")
    wait_for(task, "the task")
    wait_for(lambda: len(task()[1].get("last_lines", ())) == 2, "a heartbeat")
    assert task()[0] == "active" and task()[1]["elapsed_seconds"] >= 1
    process.stdin.write(b"\n")
    wait_for(lambda: task()[1]["last_lines"][-1] == "20%", "another heartbeat")
    elapsed = task()[1]["elapsed_seconds"]
    wait_for(lambda: task()[1]["elapsed_seconds"] > elapsed, "one more, though nothing was written")
    process.communicate(b"\n", timeout=60)
    assert history() == ["active", "completed"]


def test_heartbeats_change_no_status(job, start, task, sql):
    """A task that somebody pauses stays so."""
    process = start("read line", "--heartbeat=1")
    wait_for(task, "the task")
    sql("select jobstatus.report_task('w', 'j', 's', 't', 'paused')")
    wait_for(lambda: "elapsed_seconds" in task()[1], "a heartbeat")
    assert task()[0] == "paused"
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 76  # paused is not followed by completed, and the command succeeded


# What passes through ----------------------------------------------------------------------------------------------

def test_a_lot_of_output(job, start, task):
    """20 MB of each stream, unchanged, through a reader that is slow to begin."""
    script = "import sys, threading; data = bytes(range(256)) * 4096\n" \
        "def put(stream):\n for _ in range(20): stream.buffer.write(data)\n stream.buffer.flush()\n" \
        "threads = [threading.Thread(target=put, args=(s,)) for s in (sys.stdout, sys.stderr)]\n" \
        "[t.start() for t in threads]; [t.join() for t in threads]"
    process = start(None, command=["/usr/bin/python3", "-c", script])
    wait_for(task, "the task")
    out, err = process.communicate(timeout=120)
    expected = hashlib.sha256(bytes(range(256)) * 4096 * 20).digest()
    assert hashlib.sha256(out).digest() == expected and hashlib.sha256(err).digest() == expected
    assert process.returncode == 0


def test_bytes_that_are_no_text(job, start, task):
    process = start("printf 'a\\377\\000b\\303\\251' >&2; exit 1")
    assert process.communicate(timeout=60)[1] == b"a\xff\0b\xc3\xa9"
    assert task()[1]["last_lines"] == ["a\ufffd\ufffdbé"] and task()[3] == "a\ufffd\ufffdbé"


@pytest.mark.parametrize("size, kept", [(65535, 65535), (65536, 65536), (65537, 65536), (1000000, 65536)])
def test_the_size_of_a_stack(size, kept, job, start, task):
    process = start("head -c %d /dev/zero | tr '\\000' x >&2; echo; exit 1" % size)
    assert len(process.communicate(timeout=60)[1]) == size
    assert task()[3] == "x" * kept


@pytest.mark.parametrize("count, kept", [(20, 20), (21, 20)])
def test_the_number_of_lines(count, kept, job, start, task):
    start("seq %d" % count).communicate(timeout=60)
    assert task()[1]["last_lines"] == [str(n) for n in range(count - kept + 1, count + 1)]


@pytest.mark.parametrize("size, kept", [(4095, 2), (4096, 1), (5000, 1)])
def test_the_size_of_lines(size, kept, job, start, task):
    start("echo a; head -c %d /dev/zero | tr '\\000' x" % size).communicate(timeout=60)
    assert task()[1]["last_lines"] == (["a"] if kept == 2 else []) + ["x" * min(size, 4096)]


def test_a_reader_that_goes_away(job, start, task):
    """The command gets SIGPIPE, as without the wrapper."""
    process = start(None, command=["yes"])
    assert lines(process) == "y"
    process.stdout.close()
    assert process.wait(60) == 128 + signal.SIGPIPE
    assert process.stderr.read() == b""
    assert task()[2]["signal"] == "SIGPIPE"
    process.stdout = None


def test_a_child_that_keeps_the_pipes(job, start, task):
    """The command has ended; one of its own has its output, and it is not waited for."""
    process = start("sleep 600 & echo $!")
    child = int(lines(process))
    began = time.monotonic()
    try:
        assert process.wait(60) == 0
        assert time.monotonic() - began < 1 + 4 * slack()
        assert task()[0] == "completed"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_that_writes_late(job, start, task):
    """Output that comes just after the command's end belongs to it."""
    process = start("(while kill -0 $$ 2>/dev/null; do :; done; echo late >&2) & exit 1")
    assert process.communicate(timeout=60)[1] == b"late\n"
    assert task()[3] == "late\n"


# Signals ----------------------------------------------------------------------------------------------------------

# Without print(), in which a handler must not print; and it never waits in read(), which a signal that comes just
# before does not end: Python would not call the handler until the next line.
COUNTER = """
import os, select, signal, sys
def say(text):
    os.write(1, text.encode() + b"\\n")
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), lambda number, frame: say(signal.Signals(number).name))
say("ready")
line = None
while line != b"":
    readable = select.select([0, woken], [], [])[0]
    if woken in readable:
        os.read(woken, 100)
    if 0 in readable:
        line = os.read(0, 100)
        if line:
            say("read " + line.decode().rstrip())
"""
PASSED_ON = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]


@pytest.fixture
def counter(job, start):
    """A command that says which signals it gets."""
    def counter(*names, **keywords):
        process = start(None, command=["/usr/bin/python3", "-c", COUNTER, *names], **keywords)
        assert lines(process) == "ready"
        return process
    return counter


def test_signals_are_passed_on(counter, task):
    process = counter(*PASSED_ON)
    for name in PASSED_ON:
        process.send_signal(getattr(signal, name))
        assert lines(process) == name
    process.communicate(timeout=60)
    assert process.returncode == 0 and task()[0] == "completed"


def test_a_signal_that_ends_it(counter, task):
    process = counter()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert task()[0] == "error" and task()[2]["signal"] == "SIGTERM"


def test_ignored_signals_stay_ignored(counter):
    """As nohup(1) does it: it ends nobody, and is not passed on, even to a command that would take it."""
    process = counter("SIGHUP", "SIGUSR1", prepare=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGUSR1)
    assert lines(process) == "SIGUSR1"
    process.communicate(timeout=60)
    assert process.returncode == 0


def state(pid):
    return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0]


def child_of(process):
    return int(pathlib.Path("/proc/%d/task/%d/children" % (process.pid, process.pid)).read_text().split()[0])


def test_stop_and_continue(counter):
    """Both stop, and go on."""
    process = counter(prepare=lambda: os.setpgid(0, 0))
    child = child_of(process)
    process.send_signal(signal.SIGTSTP)
    wait_for(lambda: state(process.pid) == state(child) == "T", "both to stop")
    process.send_signal(signal.SIGCONT)
    process.stdin.write(b"x\n")
    assert lines(process) == "read x"
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_nobody_to_continue_it(counter):
    """In a process group that is orphaned neither stops: no shell is there to let them go on."""
    process = counter("SIGTSTP", prepare=os.setsid)
    process.send_signal(signal.SIGTSTP)
    assert lines(process) == "SIGTSTP"
    process.stdin.write(b"x\n")
    assert lines(process) == "read x"
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_terminal(counter):
    """Ctrl-C goes to both, so the command gets it once; and it can read the terminal."""
    master, slave = os.openpty()

    def lead():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    process = counter("SIGINT", stdin=slave, prepare=lead)
    os.close(slave)
    for _ in range(50):
        os.write(master, b"\x03")
        assert lines(process) == "SIGINT"
    os.write(master, b"x\n")
    assert lines(process) == "read x"
    os.write(master, b"\x04")
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 0
    os.close(master)


# A database that is away ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_away_at_the_start(how, own, job, start, task, history, directory):
    """The command begins all the same, and all is told when the database is back."""
    own.stop("fast") if how == "stopped" else own.freeze()
    began = time.monotonic()
    process = start("echo begun; read line; exit 4")
    assert lines(process) == "begun"
    assert time.monotonic() - began < (2 if how == "frozen" else 0) + 2 * slack()
    own.start() if how == "stopped" else own.thaw()
    wait_for(task, "the task")
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 4
    assert history() == ["active", "error"]


def test_away_for_all_of_it(own, job, start, history):
    """It comes back when the command has long ended: start and end are told in their order."""
    own.stop("fast")
    process = start("echo out; exit 3", "--heartbeat=1")
    assert line_of(process.stderr).startswith(said("warning: the end is not told yet, trying on: "))
    assert process.poll() is None
    own.start()
    assert process.communicate(timeout=60) == (b"out\n", b"")
    assert process.returncode == 3
    assert history() == ["active", "error"]


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_away_in_between(how, own, cutter, job, start, task, history):
    process = start("read line; echo $line; read line", "--heartbeat=1", conninfo=cutter.conninfo("writer", DATABASE))
    wait_for(task, "the task")
    own.stop("immediate") if how == "stopped" else own.freeze()
    process.stdin.write(b"meanwhile\n")
    assert lines(process) == "meanwhile"
    before = cutter.connections
    wait_for(lambda: cutter.connections > before, "a heartbeat to be lost")
    own.start() if how == "stopped" else own.thaw()
    wait_for(lambda: "last_lines" in task()[1] and task()[1]["last_lines"] == ["meanwhile"], "a heartbeat")
    assert process.communicate(b"\n", timeout=60) == (b"", b"")
    assert process.returncode == 0
    assert history() == ["active", "completed"]


@pytest.mark.parametrize("script, code", [("exit 0", 75), ("exit 5", 5)])
def test_away_for_good(script, code, own, job, start):
    own.stop("fast")
    process = start(script, "--timeout=1")
    err = process.communicate(timeout=60)[1].decode().splitlines()
    assert process.returncode == code
    assert err[-1].startswith(said("error: the end of the task was not told: "))


def test_a_signal_ends_the_waiting(own, job, start):
    own.stop("fast")
    process = start("exit 0")
    assert line_of(process.stderr).startswith(said("warning: "))
    began = time.monotonic()

    def ended():  # it is heard when a second has passed
        process.send_signal(signal.SIGTERM)
        return process.poll() is not None
    wait_for(ended, "the end")
    assert process.returncode == 75
    assert 0.5 < time.monotonic() - began < 3 + 2 * slack()


def test_refused_when_it_is_back(own, job, start, sql):
    """The start could not be told, and is refused later: the command runs, and the exit code tells."""
    sql("select jobstatus.report_task('w', 'j', 's', 't', 'cancelling')")
    own.stop("fast")
    process = start("echo begun; read line")
    assert lines(process) == "begun"
    own.start()
    assert line_of(process.stderr).startswith(said("error: the task was not made active: "))
    err = process.communicate(b"\n", timeout=60)[1].decode()
    assert err.startswith(said("error: the end of the task was not told: ")) and process.returncode == 76


def test_a_heartbeat_that_hangs(cutter, job, start, history):
    """The end waits for it a few seconds at most."""
    process = start("echo; read line; read line", "--heartbeat=1", conninfo=cutter.conninfo("writer", DATABASE))
    assert lines(process) == ""
    cutter.cut("elapsed_seconds", "hang")
    wait_for(lambda: cutter.left == 0, "a heartbeat")
    began = time.monotonic()
    process.communicate(b"\n\n", timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - began < 3 + 2 * slack()
    assert history() == ["active", "completed"]


@pytest.mark.parametrize("marker", ["active", "completed"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_connections(marker, when, cutter, job, start, history):
    cutter.cut(marker, when, times=2)
    process = start("exit 0", conninfo=cutter.conninfo("writer", DATABASE))
    process.communicate(timeout=60)
    assert process.returncode == 0 and cutter.left == 0
    assert history() == ["active", "completed"]


def test_closed_streams(job, start, task):
    """Without standard streams nothing else takes their place."""
    process = start("exit 2", prepare=lambda: [os.close(fd) for fd in (0, 1, 2)])
    assert process.wait(60) == 2
    assert task()[0] == "error"
