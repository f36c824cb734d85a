"""The status routes behind every front of the samples: for this machine, and for nobody else."""

import concurrent.futures
import http.client
import json
import subprocess

import pytest

from fronts import SITES
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
    # Several at once, so that a front which starts processes has several.
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: front.get("default", NAME).status_code, range(40))) == {200}
    code, headers, body = ask(front, "/-/metrics")
    assert (code, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert int(headers["Content-Length"]) == len(body)
    assert counted(body, 'jobstatus_requests_total{status="200"}') == 40
    assert counted(body, "jobstatus_document_size_bytes_count") == 40
    if name == "apache fcgid":
        assert counted(body, "jobstatus_processes ") >= 2
    done = subprocess.run([find("promtool"), "check", "metrics"], input=body, capture_output=True, timeout=60,
                          env=clean())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for path in ("/-/live", "/-/ready", "/-/metrics", "//-/metrics", "/x/../-/metrics", "/%2d/metrics", "/-%2fmetrics"):
        code, _, body = ask(front, path, source="127.0.0.2")
        assert code in (403, 404) and b"jobstatus_" not in body and b'"status"' not in body, (path, code, body)
    assert ask(front, "/-/live", source="127.0.0.2")[0] == 403
    assert ask(front, "/-/other")[0] == 404
    assert front.get("default", NAME).status_code == 200
