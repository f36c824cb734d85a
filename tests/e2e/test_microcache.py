"""nginx with the sample that keeps answers for a second."""

import collections
import pathlib
import re
import threading
import time

import pytest

import fronts
from conftest import DATABASE, wait_for

# Under load more than one asks: after 20 ms nginx lets all ask.
pytestmark = [pytest.mark.alone, pytest.mark.any_build]
JOB = ("microcache", "job")
PATH = fronts.path_of(*JOB)


@pytest.fixture
def front(run_site, cluster, admin):
    """nginx before a program whose statements are logged."""
    admin("insert into jobstatus.jobs (workspace, name, id, status) values ('microcache', 'job', 'job', 'active')")
    yield run_site("nginx systemd", front=fronts.MicroCache,
                   conninfo=cluster.conninfo(dbname=DATABASE) + " options='-c log_statement=all'").front
    admin("delete from jobstatus.jobs where workspace = 'microcache'")


@pytest.fixture
def count(cluster):
    """How many statements the program has sent since the last time."""
    place = [len(pathlib.Path(cluster.log).read_text(errors="replace"))]

    def count():
        text = pathlib.Path(cluster.log).read_text(errors="replace")
        new, place[0] = text[place[0]:], len(text)
        return len(re.findall("execute jobstatus_", new))
    return count


def get(front, path=PATH, method="GET", **headers):
    return front.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})


def status_of(front):
    return re.search(rb'"status":"(\w+)"', get(front)[2]).group(1)


def test_many_ask_and_one_is_answered(front, count):
    answers = collections.Counter()

    def ask():
        for _ in range(5):
            status, headers, body = get(front)
            answers[status, headers["ETag"], headers["Content-Length"], body] += 1
    threads = [threading.Thread(target=ask) for _ in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1 and sum(answers.values()) == 100
    assert 1 <= count() <= 2 * (1 + time.monotonic() - began)


def test_an_answer_is_no_older_than_that(front, admin):
    for status in ("paused", "active", "error"):
        status_of(front)
        admin("update jobstatus.jobs set status = %s where workspace = 'microcache'", (status,))
        changed = time.monotonic()
        wait_for(lambda: status_of(front) == status.encode(), status, 3)
        # nginx counts whole seconds.
        assert time.monotonic() - changed < 2.1


def test_what_a_client_has_is_304(front, count):
    tag = get(front)[1]["ETag"]
    count()
    status, headers, body = get(front, If_None_Match=tag)
    assert (status, headers["ETag"], body) == (304, tag, b"")
    assert get(front, If_None_Match='"x"')[0] == 200
    assert count() <= 2


def test_requests_that_differ_are_kept_apart(front, admin):
    admin("insert into jobstatus.jobs (workspace, name, id, status) values ('microcache', 'a b', 'other', 'paused')")
    assert get(front, method="HEAD")[2] == b""
    assert b'"id":"job"' in get(front)[2] and b'"id":"job"' in get(front, PATH + "?x=1")[2]
    for name in ("a%20b", "%61%20b"):
        assert b'"id":"other"' in get(front, fronts.path_of("microcache", "x").replace("/x/", "/%s/" % name))[2]
    assert get(front, fronts.path_of("microcache", "none"))[0] == 404


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_who_says_who_he_is_gets_his_own(front, admin, header):
    """Nothing that is kept, and nothing of his is kept for others."""
    assert status_of(front) == b"active"
    admin("update jobstatus.jobs set status = 'paused' where workspace = 'microcache'")
    assert b'"status":"paused"' in get(front, **{header: "x"})[2]
    admin("delete from jobstatus.jobs where workspace = 'microcache'")
    for _ in range(3):
        assert get(front, **{header: "x"})[0] == 404


def test_what_is_private_is_not_kept(run_site, admin):
    """As all is with access rules; who asks is called like what he does here."""
    admin("insert into jobstatus.jobs (workspace, name, id, status) values ('microcache', 'job', 'job', 'active');"
          "insert into jobstatus.readers (workspace, principal) values ('microcache', 'GET')")
    try:
        front = run_site("nginx systemd", front=fronts.MicroCache,
                         options={"JOBSTATUS_AUTHORIZE": "REQUEST_METHOD"}).front
        assert get(front)[1]["Cache-Control"] == "private, no-cache"
        for status in ("paused", "active"):
            admin("update jobstatus.jobs set status = %s where workspace = 'microcache'", (status,))
            assert status_of(front) == status.encode()
    finally:
        admin("delete from jobstatus.jobs where workspace = 'microcache';"
              "delete from jobstatus.readers where workspace = 'microcache'")


def test_an_error_is_not_kept(front, admin):
    admin("alter table jobstatus.tasks rename to away")
    try:
        assert get(front)[0] == 503
    finally:
        admin("alter table jobstatus.away rename to tasks")
    wait_for(lambda: get(front)[0] == 200, "an answer again", 1)
