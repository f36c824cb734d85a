"""Each call of the program's that can fail, failing once: its own code, linked so that the Nth call does."""

import itertools
import re
import signal

import fastcgi
from conftest import DATABASE, Program, wait_for
from fastcgi import Connection, job
from postgres import built
from rows import row

READY = "ready: 1 threads, %s"
ASKED = [job("endure", "job-1"), job("endure", "job-2"), job("endure", "none"), job("endure", "x" * 300),
         job("endure", "job-3", "HEAD"), job("endure", "job-4", HTTP_IF_NONE_MATCH="*"), job("endure", "job-5", "PUT")]


def ask_all(program):
    """What comes to each on a connection of its own: the bytes, but for what changes with time, or nothing."""
    answers = []
    for params in ASKED:
        try:
            with Connection(program.socket, timeout=20) as connection:
                answers.append(re.sub(rb"Retry-After: \d+\r\n", b"", connection.ask(params).stdout, count=1))
        except (fastcgi.Cut, OSError):
            answers.append(b"")
    return answers


@row("each call that can fail failing, one in a run", quick=25, full=1)
def failing(cluster, directory, step):
    counts = {"right": 0, "5xx": 0, "closed": 0, "not started": 0}
    expected = None
    for number in itertools.count(0, step):  # none fails in the first run
        program = Program(directory, "--threads=1", conninfo=cluster.conninfo("reader", DATABASE),
                          env={"JOBSTATUS_FAULT": str(number)})
        program.arguments[0] = str(built("JOBSTATUS_FAULTY", "tests/faults/faulty.fcgi"))
        program.start(wait=False)
        wait_for(lambda: program.process.poll() is not None or program.logged(msg=READY % program.socket), "the start")
        if program.process.poll() is not None:
            assert program.process.returncode in (64, 71, 73) and program.lines("error"), (number, program.log)
            counts["not started"] += 1
        else:
            answers = ask_all(program)
            expected = expected or answers
            for answer, right in zip(answers, expected):
                what = "right" if answer == right else "closed" if answer == b"" else "5xx"
                assert what != "5xx" or answer.startswith(b"Status: 50"), (number, answer[:200], program.log)
                counts[what] += 1
            program.signal(signal.SIGTERM)
            assert program.wait() == 0, (number, program.log)
        program.process = None
        if number > 0 and "fault: " not in program.log:
            break
        program.log_path.unlink()
    assert len(set(expected)) > 4 and number > 100
    return "%d calls; " % (number // step - 1) + ", ".join("%d %s" % (count, what) for what, count in counts.items())
