"""Entity tags and conditional requests as they come through each front, and through fronts that compress."""

import contextlib
import socket

import pytest

import fronts
from conditional import JOB, make, tag_of  # noqa: F401

PATH = fronts.path_of(*JOB)
GZIP = "Accept-Encoding: gzip"


class GzipNginx(fronts.Nginx):
    access = "access_log off; gzip on; gzip_types application/json; gzip_min_length 1;"


def deflating(kind):
    """The kind of Apache, with mod_deflate."""
    class Deflating(kind):
        modules = (*kind.modules, "filter", "deflate")

        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.more += "SetOutputFilter DEFLATE\n"
    return Deflating


class DeflatingLighttpd(fronts.Lighttpd):
    def write(self, name, text, **values):
        return super().write(name, text + 'server.modules += ("mod_deflate")\ndeflate.mimetypes = ("application/json")\n'
                             'deflate.allowed-encodings = ("gzip")\n', **values)


# What the tag of a compressed answer is, where TAG is the program's without its quotes.
COMPRESSING = {
    "lighttpd socket": (DeflatingLighttpd, '"TAG-gzip"'), "nginx systemd": (GzipNginx, 'W/"TAG"'),
    "apache fcgid": (deflating(fronts.ApacheFcgid), '"TAG-gzip"'),
    "apache proxy": (deflating(fronts.ApacheProxy), '"TAG-gzip"'),
    "apache cgi": (deflating(fronts.ApacheCgi), '"TAG-gzip"'),
}


@pytest.fixture(scope="module")
def sites(session_directory, conninfo):
    """Every front, and those that compress, with the program behind it."""
    with contextlib.ExitStack() as stack:
        def start(name, kind=None):
            front, backend = fronts.SITES[name]
            place = session_directory / ("conditional-%s-%s" % (name.replace(" ", "-"), kind is None))
            place.mkdir()
            site = fronts.Site(place, kind or front, backend, conninfo)
            stack.callback(site.stop)
            return site.start().front
        yield {name: start(name) for name in fronts.SITES}, {
            name: start(name, kind) for name, (kind, _) in COMPRESSING.items()}


@pytest.fixture
def front(request, sites):
    return sites[0][request.param]


class Answer:
    """Status, the headers that are not the front's own, and whatever comes before the connection ends."""

    def __init__(self, data):
        head, mark, self.body = data.partition(b"\r\n\r\n")
        assert mark, data
        line, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(line.split(" ")[1])
        headers = [tuple(header.split(": ", 1)) for header in lines]
        self.headers = {name.lower(): value for name, value in headers
                        if name.lower() not in ("date", "server", "connection", "vary", "content-encoding")}
        self.encoding = dict(headers).get("Content-Encoding")

    def header(self, name):
        return self.headers.get(name.lower())

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.headers, self.body[:200])


def ask(front, *lines, method="GET", path=PATH):
    """A request with these header lines, on a connection that ends with the answer."""
    request = "\r\n".join(["%s %s HTTP/1.1" % (method, path), "Host: localhost", "Connection: close", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        connection.sendall(request.encode())
        return Answer(b"".join(iter(lambda: connection.recv(65536), b"")))


def check_unchanged(answer, tag):
    """Nothing of a document is sent: no byte, and no header that would tell of bytes."""
    assert (answer.status, answer.body) == (304, b""), answer
    assert {name: value for name, value in answer.headers.items() if name != "retry-after"} == {
        "cache-control": "no-cache", "etag": tag}


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_the_tag(make, jobstatus, front):
    """The program's own, of GET and HEAD; none of what is no document."""
    expected = jobstatus.get(*JOB)
    get, head = ask(front), ask(front, method="HEAD")
    assert (tag_of(get), get.body) == (tag_of(expected), expected.body)
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")
    for status, more in ((404, {"path": fronts.path_of("conditional", "none")}), (404, {"path": PATH + "/"}),
                         (422, {"path": fronts.path_of("x" * 256, "y")}), (405, {"method": "DELETE"}),
                         (204, {"method": "OPTIONS"})):
        for lines in ((), ("If-None-Match: *",), ("If-None-Match: " + tag_of(get),)):
            answer = ask(front, *lines, **more)
            assert (answer.status, answer.header("ETag")) == (status, None), answer


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_unchanged(make, front):
    tag = tag_of(ask(front))
    for field in (tag, "W/" + tag, '"x", W/"y,z" , ' + tag, '"%s-gzip"' % tag[1:-1], "*"):
        for method in ("GET", "HEAD"):
            check_unchanged(ask(front, "If-None-Match: " + field, method=method), tag)
    for field in ('"x"', tag[:-2] + '"', '"%s-x"' % tag[1:-1], tag[1:-1]):
        answer = ask(front, "If-None-Match: " + field)
        assert tag_of(answer) == tag and answer.body


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_changed(make, admin, front):
    old = ask(front)
    admin("update jobstatus.tasks set error_stack = 'x' where workspace = 'conditional' and name = 'u'")
    answer = ask(front, "If-None-Match: " + tag_of(old))
    assert tag_of(answer) != tag_of(old) and b'"error_stack":"x"' in answer.body
    admin("delete from jobstatus.jobs where workspace = 'conditional'")
    for field in (tag_of(answer), "*"):
        assert ask(front, "If-None-Match: " + field).status == 404


# Which of several lines the program gets: all, as one list; the first; or the front refuses the request.
LINES = {"apache": (304, 304), "lighttpd": (304, 200), "nginx": (400, 400)}


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_several_lines(make, front, request):
    tag = tag_of(ask(front))
    kind = request.node.callspec.params["front"].split()[0]
    lines = ["If-None-Match: " + tag, 'If-None-Match: "x"']
    assert (ask(front, *lines).status, ask(front, *reversed(lines)).status) == LINES[kind]


@pytest.mark.parametrize("name", COMPRESSING)
def test_compressed(make, jobstatus, admin, sites, name):
    """The tag that the client has of a compressed answer is known again, by whatever request it comes."""
    front, form = sites[1][name], COMPRESSING[name][1]
    tag = tag_of(jobstatus.get(*JOB))
    plain, compressed = ask(front), ask(front, GZIP)
    assert (tag_of(plain), plain.encoding) == (tag, None)
    assert (compressed.status, compressed.encoding) == (200, "gzip")
    theirs = compressed.header("ETag")
    assert theirs == form.replace("TAG", tag[1:-1])
    assert front.get(*JOB).content == plain.body == jobstatus.get(*JOB).body
    for field in (theirs, '"x", ' + theirs, tag, "*"):
        for more in ((), (GZIP,)):
            for method in ("GET", "HEAD"):
                check_unchanged(ask(front, "If-None-Match: " + field, *more, method=method), tag)
    admin("update jobstatus.tasks set error_stack = 'x' where workspace = 'conditional' and name = 'u'")
    changed = ask(front, "If-None-Match: " + theirs, GZIP)
    assert (changed.status, changed.encoding) == (200, "gzip") and changed.header("ETag") != theirs
