"""The status routes behind every front of the samples: for this machine, and for nobody else."""

import concurrent.futures
import http.client
import json
import subprocess

import pytest

from conftest import wait_for
from fronts import SITES, path_of
from samples import clean, find

NAME = "data-import-2024-06-01"


def ask(front, path, source="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=60, source_address=(source, 0))
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def counted(body, name):
    return [float(line.split()[-1]) for line in body.decode().splitlines() if line.startswith(name)][0]


@pytest.mark.parametrize("name", SITES)
def test_the_samples(name, run_site):
    front = run_site(name, options={"JOBSTATUS_STATUS_ROUTES": "yes"}).front
    for path, status in (("/-/live", "live"), ("/-/ready", "ready")):
        code, headers, body = ask(front, path)
        assert (code, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"status": status})
    answered = 0

    def several():
        """So many at once that a front which starts processes has several."""
        nonlocal answered
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: ask(front, path_of("default", NAME))[0], range(40)))
        assert set(answers) == {200}
        answered += len(answers)
        return name != "apache fcgid" or counted(ask(front, "/-/metrics")[2], "jobstatus_processes ") >= 2
    wait_for(several, "two processes")
    code, headers, body = ask(front, "/-/metrics")
    assert (code, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert int(headers["Content-Length"]) == len(body)
    assert counted(body, 'jobstatus_requests_total{status="200"}') == answered
    assert counted(body, "jobstatus_document_size_bytes_count") == answered
    done = subprocess.run([find("promtool"), "check", "metrics"], input=body, capture_output=True, timeout=60,
                          env=clean())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for path in ("/-/live", "/-/ready", "/-/metrics", "//-/metrics", "/x/../-/metrics", "/%2d/metrics", "/-%2fmetrics"):
        code, _, body = ask(front, path, source="127.0.0.2")
        assert code in (403, 404) and b"jobstatus_" not in body and b'"status"' not in body, (path, code, body)
    assert ask(front, "/-/live", source="127.0.0.2")[0] == 403
    assert ask(front, "/-/other")[0] == 404
    assert front.get("default", NAME).status_code == 200
