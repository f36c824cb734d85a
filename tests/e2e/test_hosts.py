"""Several hosts in one conninfo: tried in turn, each with its share of the deadline."""

import os
import socket
import subprocess
import time

import pytest

import postgres
from conftest import slack

PATH = "/apis/jobs/v2/workspaces/default/jobs/data-import-2024-06-01/status"
TIMEOUT = 2


@pytest.fixture
def silent():
    """The port of a host that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def ask(database, prepare):
    """The status of one plain CGI answer, and the seconds it took."""
    environment = dict(os.environ, REQUEST_METHOD="GET", PATH_INFO=PATH, JOBSTATUS_DATABASE=database,
                       JOBSTATUS_TIMEOUT=str(TIMEOUT), JOBSTATUS_PREPARE=prepare)
    began = time.monotonic()
    answer = subprocess.run([str(postgres.program())], env=environment, check=True, timeout=60,
                            stdin=subprocess.DEVNULL, capture_output=True).stdout
    return int(answer.split()[1]), time.monotonic() - began


@pytest.mark.parametrize("prepare", ["yes", "no"])
@pytest.mark.parametrize("database", [
    "host=127.0.0.1,%(dir)s port=%(silent)d,%(port)d user=reader dbname=jobstatus",
    "host=%(dir)s,127.0.0.1 port=%(port)d,%(silent)d user=reader dbname=jobstatus",
    "host=/nonexistent,%(dir)s port=%(port)d user=reader dbname=jobstatus",
    "host=no.such.host.invalid,%(dir)s port=%(port)d user=reader dbname=jobstatus",
    "postgresql:///jobstatus?host=/nonexistent,%(dir)s&port=%(port)d&user=reader",
    "host=/nonexistent,%(dir)s port=%(port)d user=reader dbname=jobstatus"
    " target_session_attrs=prefer-standby",
])
def test_the_one_that_answers_is_found(cluster, silent, database, prepare):
    names = {"dir": cluster.socket_dir, "port": cluster.port, "silent": silent}
    status, took = ask(database % names, prepare)
    assert status == 200
    assert took < TIMEOUT + 0.5 * slack()


def test_a_lone_host_that_is_silent(silent):
    status, took = ask("host=127.0.0.1 port=%d user=reader" % silent, "yes")
    assert status == 503
    assert TIMEOUT - 0.1 < took < TIMEOUT + 0.5 * slack()
