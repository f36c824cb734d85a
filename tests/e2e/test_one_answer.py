"""The same request, byte for byte, gets the same answer behind every front."""

import http.client
import json
import socket
import threading

import pytest

import corpus
import fronts
import oracle
import postgres

ALLOW = "GET, HEAD, OPTIONS"
OURS = ("content-type", "content-length", "cache-control", "x-content-type-options", "allow", "retry-after",
        "etag")


class Answer:
    """Status, the headers that are the program's, body. What a front says by itself is no JSON of ours."""

    def __init__(self, connection, method):
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        self.status, self.body = response.status, response.read()
        headers = [(name.lower(), value) for name, value in response.getheaders()]
        self.headers = sorted(pair for pair in headers if pair[0] in OURS)
        self.own = dict(headers).get("content-type") == "application/json" or self.status in (204, 304)

    def __eq__(self, other):
        return isinstance(other, Answer) and \
            (self.status, self.headers, self.body) == (other.status, other.headers, other.body)

    def __repr__(self):
        return "%s %d %s %r" % ("program" if self.own else "front", self.status, self.headers, self.body[:200])


def ask(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused before the end
        try:
            return Answer(connection, "HEAD" if request.startswith(b"HEAD ") else "GET")
        except (OSError, http.client.HTTPException) as failure:
            return failure


@pytest.fixture(scope="module")
def answers(session_directory, conninfo, cluster):
    """What every front answers to every case."""
    connection = cluster.connect(dbname="jobstatus")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into jobstatus.jobs (workspace, name, id, status, created_at, updated_at) "
            "values (%s, %s, %s, 'active', %s, %s)",
            [(corpus.WORKSPACE, name, corpus.document(name)["id"], corpus.STAMP, corpus.STAMP)
             for name in corpus.NAMES])
    sites, got = {}, {}

    def ask_all(name):
        got[name] = [ask(sites[name].front.port, request) for _, _, request in corpus.CASES]
    try:
        for name, kinds in fronts.SITES.items():
            place = session_directory / ("one-answer-" + name.replace(" ", "-"))
            place.mkdir()
            sites[name] = fronts.Site(place, *kinds, conninfo)
            sites[name].start()
        threads = [threading.Thread(target=ask_all, args=(name,)) for name in sites]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield got
    finally:
        for site in sites.values():
            site.stop()
        with connection.cursor() as cursor:
            cursor.execute("delete from jobstatus.jobs where workspace = %s", (corpus.WORKSPACE,))
        connection.close()


def wrong(answer, right, request):
    """What is wrong with an answer of the program's, or None."""
    status, body = right
    if not isinstance(answer, Answer) or not answer.own or answer.status != status:
        return "not %d" % status
    headers = dict(answer.headers)
    if len(headers) != len(answer.headers):
        return "a header twice"
    if status in (204, 405) and headers.pop("allow", None) != ALLOW:
        return "Allow"
    if status == 204:
        return None if (headers, answer.body) == ({}, b"") else "headers or a body with 204"
    if status in (200, 304):
        if headers.pop("retry-after", "") != "30" or len(headers.pop("etag", "")) != 34:
            return "Retry-After or ETag"
    if status == 304:
        return None if (headers, answer.body) == ({"cache-control": "no-cache"}, b"") else "headers or a body with 304"
    length = headers.pop("content-length", "none")
    if headers != {"content-type": "application/json", "cache-control": "no-cache",
                   "x-content-type-options": "nosniff"}:
        return "headers"
    if request.startswith(b"HEAD "):
        return None if answer.body == b"" and int(length) > 0 else "HEAD"
    if length != str(len(answer.body)):
        return "Content-Length"
    return oracle.difference(oracle.parse(json.dumps(body).encode()), oracle.parse(answer.body))


@pytest.mark.parametrize("front", fronts.SITES)
def test_each_case(answers, front):
    """The answer that the HTTP table promises, or the refusal that is written down."""
    failures = []
    for (kind, right, request), answer in zip(corpus.CASES, answers[front]):
        refused = corpus.refusal(kind, front)
        if refused is None:
            assert right is not None, "somebody must refuse %r" % request[:100]
            what = wrong(answer, right, request)
        else:
            as_told = isinstance(answer, Answer) and not answer.own and answer.status == refused
            what = None if as_told else "not refused with %d" % refused
        if what is not None:
            failures.append("%s: %r: %r" % (what, request[:120], answer))
    assert not failures, "\n".join(failures)


def test_all_the_same(answers):
    """Of those who passed a case on, all gave the same status, headers and body."""
    for number, (kind, _, request) in enumerate(corpus.CASES):
        passed = [front for front in fronts.SITES if corpus.refusal(kind, front) is None]
        for front in passed[1:]:
            assert answers[front][number] == answers[passed[0]][number], (front, passed[0], request[:200])


def test_the_corpus():
    """It is as large as it should be, uses each refusal, and looks for each odd name."""
    requests = [request for _, _, request in corpus.CASES]
    assert len(set(requests)) == len(requests) >= 150
    assert {kind for kind, _, _ in corpus.CASES} == {None, *corpus.REFUSALS}
    found = [right[1]["name"] for _, right, _ in corpus.CASES if right is not None and right[0] == 200]
    assert set(found) == set(corpus.NAMES)
    for statuses, why in corpus.REFUSALS.values():
        assert why and all(400 <= status < 500 or status == 501 for status in statuses.values())
        assert all(front in fronts.SITES or front in corpus.EVERYONE for front in statuses)


def test_the_refusals_are_written_down():
    assert "\n".join(corpus.table()) in (postgres.TOP / "README.md").read_text()


@pytest.mark.parametrize("front", fronts.SITES)
def test_without_a_database(run_site, front):
    """503 with Retry-After, the same behind every front."""
    site = run_site(front, conninfo="host=/nonexistent dbname=jobstatus")
    answer = ask(site.front.port, corpus.request(corpus.X))
    assert answer.own and answer.status == 503
    assert dict(answer.headers)["retry-after"] == "1"
    assert answer.body == b'{"detail":"The job database is not available"}'
