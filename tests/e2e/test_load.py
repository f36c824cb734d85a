"""Many kept client connections at once: nothing but the right answer, and no tail that the front alone does not have.

An empty responder (tests/empty.c: the program's own server and threads without the work) runs behind the same
front in the same run. wrk makes the load, and compares every body.
"""

import os
import pathlib
import subprocess

import pytest

import fronts
import postgres
from conftest import HERE, sanitized, wait_for

pytestmark = pytest.mark.alone
PATH = fronts.path_of("default", "data-import-2024-06-01")
TRIES = 3
# Clients, and for how many seconds they ask the program and the empty responder.
LOADS = [(32, 12, 6), (128, 18, 9)] if os.environ.get("JOBSTATUS_LONG") else [(32, 2, 2), (128, 3, 2)]


def empty():
    return pathlib.Path(os.environ.get("JOBSTATUS_EMPTY") or postgres.TOP / "tests/empty")


def settled(port):
    """Whether a server has no connection left, not even one whose request it still works at."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    local = "0100007F:%04X" % port
    return not any(row[1] == local and row[3] in ("01", "08") for row in rows)  # established, close-wait


def load(site, body, clients, seconds):
    """Asserts that every answer is right; returns the 99th percentile in milliseconds."""
    run = subprocess.run(
        ["wrk", "--threads=1", "--connections=%d" % clients, "--duration=%ds" % seconds, "--timeout=30s",
         "--script=%s" % (HERE / "load.lua"), site.front.url + PATH, "--", str(body)],
        capture_output=True, text=True, timeout=seconds + 60)
    assert run.returncode == 0 and "\nresult " in run.stdout, run.stdout + run.stderr
    answers, wrong, errors, p99, example = (run.stdout.split("\nresult ")[1] + " ").split(" ", 4)
    assert (wrong, errors) == ("0", "0"), "%s wrong (%s), %s broken of %s; %s" % (
        wrong, example, errors, answers, site.front.logs()[-2000:])
    assert int(answers) > 0
    wait_for(lambda: settled(site.front.port), "the last requests' end")
    return int(p99) / 1000


@pytest.mark.parametrize("name", fronts.SITES)
def test_load(run_site, directory, name):
    program = run_site(name)
    answer = program.front.get("default", "data-import-2024-06-01")
    assert answer.status_code == 200
    body = directory / "body"
    body.write_bytes(answer.content)
    program.front.session.close()
    if sanitized():  # whose times say nothing: the most clients will do
        load(program, body, *LOADS[-1][:2])
    else:
        bare = run_site(name, program=empty(), body=body)
        assert bare.front.get("default", "none").content == answer.content
        bare.front.session.close()
        for clients, seconds, least in LOADS:
            tries = []
            while not tries or (len(tries) < TRIES and tries[-1][0] > 3 * tries[-1][1] + 5):
                tries.append((load(program, body, clients, seconds), load(bare, body, clients, least)))
            print("%s, %d clients: p99 of the program and of the empty responder in ms: %s" % (name, clients, tries))
            assert tries[-1][0] <= 3 * tries[-1][1] + 5, (clients, tries)
    assert "level=error" not in program.logs()


def test_a_wrong_body_is_seen(run_site, directory):
    """The load's comparison can fail."""
    site = run_site("nginx systemd")
    (directory / "body").write_bytes(b"{}")
    with pytest.raises(AssertionError, match="wrong"):
        load(site, directory / "body", 2, 1)
