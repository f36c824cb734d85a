"""Every row of the HTTP table, over raw FastCGI and through a front."""

import contextlib
import json
import re
import threading
import time

import pytest

import fastcgi
import fronts
import oracle
from conftest import slack
from fastcgi import Connection, job, variables

WORKSPACE, NAME = "default", "data-import-2024-06-01"
NOT_FOUND = b'{"detail":"Not Found"}'
NO_JOB = b'{"detail":"Job not found"}'
NOT_ALLOWED = b'{"detail":"Method Not Allowed"}'
ALLOW = "GET, HEAD, OPTIONS"
PATTERN = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"

REASONS = {200: "OK", 204: "No Content", 404: "Not Found", 405: "Method Not Allowed",
           422: ("Unprocessable Entity", "Unprocessable Content"), 500: "Internal Server Error",
           503: "Service Unavailable"}


def check_headers(answer, *more, length=None):
    """The headers of an answer with a body: these and no others, but for the tag of a 200."""
    expected = {"content-type": "application/json", "cache-control": "no-cache",
                "x-content-type-options": "nosniff",
                "content-length": str(len(answer.body) if length is None else length)}
    expected.update({name.lower(): value for name, value in more})
    if answer.status == 200:
        assert re.fullmatch('"[0-9a-f]{32}"', answer.header("ETag"))
        expected["etag"] = answer.header("ETag")
    assert {name.lower(): value for name, value in answer.headers} == expected
    assert len(answer.headers) == len(expected)
    assert answer.reason == REASONS[answer.status] or answer.reason in REASONS[answer.status]


@pytest.mark.smoke
def test_known_job(jobstatus, example, contract):
    answer = jobstatus.get(WORKSPACE, NAME)
    assert answer.status == 200
    check_headers(answer, ("Retry-After", "30"))
    assert oracle.difference(example, oracle.parse(answer.body)) is None
    contract(answer.body)


@pytest.mark.parametrize("workspace, name", [
    (WORKSPACE, NAME), (WORKSPACE, "no-such-job"), ("x" * 256, "y"), (b"\xff", "y"),
])
def test_head_is_get_without_body(jobstatus, workspace, name):
    get = jobstatus.get(workspace, name)
    head = jobstatus.get(workspace, name, method="HEAD")
    assert (head.status, head.reason, head.headers) == (get.status, get.reason, get.headers)
    assert get.body != b"" and head.body == b""
    assert head.header("Content-Length") == str(len(get.body))


@pytest.mark.parametrize("path", ["/", "/apis/jobs/v2/workspaces/default/jobs"])
def test_head_of_another_path(jobstatus, path):
    answer = jobstatus.ask(variables(path, "HEAD"))
    assert (answer.status, answer.body) == (404, b"")
    check_headers(answer, length=len(NOT_FOUND))


@pytest.mark.parametrize("name", [NAME, "no-such-job", "n" * 300, b"\x01"])
def test_options(jobstatus, name):
    """The method is judged before parameters and job."""
    answer = jobstatus.get(WORKSPACE, name, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.reason == "No Content"
    assert answer.header("Allow") == ALLOW
    assert answer.header("Content-Length") is None
    assert answer.header("Content-Type") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get",
                                    "head", "Get", "options", "GETT", "GE", "", " GET", "G\xcbT",
                                    "PROPFIND", "X" * 5000])
@pytest.mark.parametrize("name", [NAME, "no-such-job", "n" * 300])
def test_another_method(jobstatus, method, name):
    answer = jobstatus.get(WORKSPACE, name, method=method)
    assert (answer.status, answer.body) == (405, NOT_ALLOWED)
    check_headers(answer, ("Allow", ALLOW))


def test_post_with_a_body_keeps_the_connection(jobstatus):
    with Connection(jobstatus.socket) as connection:
        for _ in range(3):
            answer = connection.ask(job(WORKSPACE, NAME, "POST", CONTENT_LENGTH="100000"),
                                    b"x" * 100000)
            assert (answer.status, answer.body) == (405, NOT_ALLOWED)
            assert connection.ask(job(WORKSPACE, NAME)).status == 200


OTHER_PATHS = [
    "", "/", "//", "/apis", "/apis/jobs/v2/workspaces/default/jobs/x",
    "/apis/jobs/v2/workspaces/default/jobs/x/status/",
    "/apis/jobs/v2/workspaces/default/jobs/x/status//",
    "/apis/jobs/v2/workspaces/default/jobs/x/statuses",
    "/apis/jobs/v2/workspaces/default/jobs/x/statu",
    "/apis/jobs/v2/workspaces/default/jobs/x/STATUS",
    "/apis/jobs/v2/workspaces/default/jobs/x/status/more",
    "/apis/jobs/v2/workspaces/default/jobs//status",
    "/apis/jobs/v2/workspaces//jobs/x/status",
    "/apis/jobs/v2/workspaces//jobs//status",
    "/apis/jobs/v2/workspaces/default//jobs/x/status",
    "/apis/jobs/v2/workspaces/default/jobs/a/b/status",
    "/apis/jobs/v2/workspaces/default/jobs/status",
    "/apis/jobs/v2/workspaces/default/job/x/status",
    "/apis/jobs/v1/workspaces/default/jobs/x/status",
    "/apis/jobs/v20/workspaces/default/jobs/x/status",
    "/APIS/jobs/v2/workspaces/default/jobs/x/status",
    "//apis/jobs/v2/workspaces/default/jobs/x/status",
    "/apis//jobs/v2/workspaces/default/jobs/x/status",
    "apis/jobs/v2/workspaces/default/jobs/x/status",
    "/apis/jobs/v2/workspaces/default/jobs/x/status ",
    "/apis/jobs/v2/workspaces/default/jobs/x/status?",
    "/apis/jobs/v2/workspaces/" + "a/" * 20000, "/" * 60000, b"\xff", "/\x01",
]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "brew"])
def test_another_path(jobstatus, method):
    """The path is judged before the method."""
    with Connection(jobstatus.socket) as connection:
        for path in OTHER_PATHS:
            answer = connection.ask(variables(path, method))
            assert (answer.status, answer.body) == (404, NOT_FOUND), path
            check_headers(answer)


def test_no_parameters_at_all(jobstatus):
    answer = jobstatus.ask({})
    assert (answer.status, answer.body) == (404, NOT_FOUND)


def entry(parameter, kind, value):
    message, ctx = {
        "long": ("String should have at most 255 characters", {"max_length": 255}),
        "control": ("String should match pattern '%s'" % PATTERN, {"pattern": PATTERN}),
        "unicode": ("Input should be a valid string, unable to parse raw data as a unicode string",
                    None),
    }[kind]
    out = {"type": {"long": "string_too_long", "control": "string_pattern_mismatch",
                    "unicode": "string_unicode"}[kind],
           "loc": ["path", parameter], "msg": message, "input": value}
    if ctx is not None:
        out["ctx"] = ctx
    return out


FINE = "fine"
INVALID = [b"\xff", b"a\xfe", b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xf5", b"a\xbfz", b"\xf8", b"\xc3z"]
# One character of U+FFFD for each byte, or one for each maximal part: both are in use.
TRUNCATED = [b"\xe2\x82", b"\xf0\x9f\x98", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
             b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82z", b"\xed\xa0\xbd\xed\xb8\x80"]

BAD = (
    [("long", c * 256, c * 256) for c in ("x", "ü", "日", "\U0001f600", "\u2028")] +
    [("long", "x" * 5000, "x" * 5000), ("long", "'" * 256, "'" * 256), ("long", '"\\' * 200, '"\\' * 200),
     # too long goes before control characters
     ("long", "\x01" * 256, "\x01" * 256), ("long", "x" * 255 + "\x7f", "x" * 255 + "\x7f")] +
    [("control", chr(c), chr(c)) for c in list(range(1, 32)) + list(range(127, 160))] +
    [("control", "a\nb", "a\nb"), ("control", "x" * 254 + "\x85", "x" * 254 + "\x85")] +
    [("unicode", raw, raw.decode("utf-8", "replace")) for raw in INVALID] +
    # not UTF-8 goes before too long and control characters
    [("unicode", b"x" * 300 + b"\xff", "x" * 300 + "\ufffd"), ("unicode", b"\x01\xff", "\x01\ufffd")]
)


def check_unprocessable(answer, contract, expected):
    assert answer.status == 422, answer
    check_headers(answer)
    contract(answer.body, "HTTPValidationError")
    assert json.loads(answer.body) == {"detail": expected}
    keys = [[key for key in ("type", "loc", "msg", "input", "ctx") if key in item]
            for item in expected]
    assert [list(item) for item in json.loads(answer.body)["detail"]] == keys


def test_bad_parameters(jobstatus, contract):
    with Connection(jobstatus.socket) as connection:
        for kind, raw, shown in BAD:
            for pair, expected in (
                    ((raw, FINE), [entry("workspace", kind, shown)]),
                    ((FINE, raw), [entry("name", kind, shown)]),
                    ((raw, raw), [entry("workspace", kind, shown), entry("name", kind, shown)])):
                check_unprocessable(connection.ask(job(*pair)), contract, expected)


def test_both_bad_in_their_own_ways(jobstatus, contract):
    kinds = [("long", "x" * 256, "x" * 256), ("control", "\x1f", "\x1f"),
             ("unicode", b"\xff", "\ufffd")]
    for one in kinds:
        for other in kinds:
            check_unprocessable(jobstatus.get(one[1], other[1]), contract,
                                [entry("workspace", one[0], one[2]), entry("name", other[0], other[2])])


def test_broken_sequences(jobstatus):
    """Bad bytes come back as U+FFFD, good ones as they are."""
    with Connection(jobstatus.socket) as connection:
        for raw in TRUNCATED:
            answer = connection.ask(job(b"a" + raw, FINE))
            assert answer.status == 422
            (item,) = json.loads(answer.body)["detail"]
            assert item["type"] == "string_unicode"
            good = bytes(byte for byte in raw if byte < 0x80).decode()
            shown = item["input"]
            assert shown[0] == "a" and shown[1] == "\ufffd" and shown.replace("\ufffd", "")[1:] == good
            assert 1 <= shown.count("\ufffd") <= len(raw)


@pytest.mark.parametrize("text", ["x", "ü", "日", "\U0001f600", "\U0010ffff", "%", "\u2028", "\u00a0", "~", " ",
                                  '"', "\\", "\ufffd"])
def test_255_characters_are_not_too_many(jobstatus, text):
    for pair in ((text * 255, FINE), (FINE, text * 255), (text * 255, text * 255)):
        answer = jobstatus.get(*pair)
        assert (answer.status, answer.body) == (404, NO_JOB)


def test_names_of_255_characters_are_found(jobstatus, admin):
    name, workspace = "\U0001f9ea" * 255, "ü" * 255
    admin("insert into jobstatus.jobs (workspace, name, id, status) values (%s, %s, 'i', 'active')",
          (workspace, name))
    try:
        answer = jobstatus.get(workspace, name)
        assert answer.status == 200 and json.loads(answer.body)["name"] == name
    finally:
        admin("delete from jobstatus.jobs where workspace = %s", (workspace,))


def test_nul_in_a_name(jobstatus):
    """CGI variables cannot hold it; whatever becomes of it, it is no job."""
    answer = jobstatus.get(WORKSPACE, NAME + "\0x")
    assert answer.status in (404, 422)


UNKNOWN = ["no-such-job", "DEFAULT", "default ", " default", "..", ".", "%", "%2F", "%64efault", "d_fault",
           "*", "null", "' or '1'='1", "'; drop table jobstatus.jobs; --", "$1", "x' union select 1--",
           "\\'; select pg_sleep(60); --", "default'||'", "U&'\\0064'", "E'\\x64'", "$$", "{1,2}",
           "\ufeffdefault", "defa\u200bult", "ｄｅｆａｕｌｔ", "default\u0301", "%s", "%n%n%n%n"]


def test_unknown_job_and_unknown_workspace_are_the_same_bytes(jobstatus):
    expected = jobstatus.get(WORKSPACE, "no-such-job")
    assert (expected.status, expected.body) == (404, NO_JOB)
    check_headers(expected)
    with Connection(jobstatus.socket) as connection:
        for text in UNKNOWN:
            for pair in ((WORKSPACE, text), (text, NAME), (text, text)):
                assert connection.ask(job(*pair)).stdout == expected.stdout, pair
        assert connection.ask(job(WORKSPACE, NAME)).status == 200


def test_percent_signs_are_not_decoded_again(jobstatus, lighttpd, admin):
    names = ("100%25", "100%", "a%2Fb", "a b", "a+b", "a%20b", "%", "%%", "%zz", "%00")
    for name in names:
        admin("insert into jobstatus.jobs (workspace, name, id, status) values (%s, %s, %s, 'active')",
              ("per%cent", name, "id:" + name))
    try:
        for name in names:
            for answer in (jobstatus.get("per%cent", name).body, lighttpd.get("per%cent", name).content):
                assert json.loads(answer).get("id") == "id:" + name, name
    finally:
        admin("delete from jobstatus.jobs where workspace = %s", ("per%cent",))


PATH = fastcgi.ROUTE % (WORKSPACE, NAME)


@pytest.mark.parametrize("script_name, path_info", [
    ("", PATH), (PATH, ""), (PATH, None), (None, PATH), ("/mount", PATH), ("/a/b/c.fcgi", PATH),
    ("/apis", PATH[5:]), ("/apis/jobs", PATH[10:]), (PATH[:-7], "/status"), (PATH[:-1], "s"),
    ("/apis/jobs/v2/workspaces/default/jobs/another/status", PATH), ("/" * 9000, PATH),
])
def test_mount_points(jobstatus, script_name, path_info):
    params = variables("x")
    del params["PATH_INFO"], params["SCRIPT_NAME"]
    if script_name is not None:
        params["SCRIPT_NAME"] = script_name
    if path_info is not None:
        params["PATH_INFO"] = path_info
    assert jobstatus.ask(params).status == 200


@pytest.mark.parametrize("query", ["", "x=1", "name=other", "%", "--version", "\xff", "a" * 10000])
def test_the_query_string_is_ignored(jobstatus, query):
    expected = jobstatus.get(WORKSPACE, NAME)
    assert jobstatus.get(WORKSPACE, NAME, QUERY_STRING=query).stdout == expected.stdout


def test_other_variables_are_ignored(jobstatus):
    expected = jobstatus.get(WORKSPACE, NAME)
    more = {"HTTP_HOST": "x", "HTTP_AUTHORIZATION": "Bearer x", "HTTP_ACCEPT": "text/html",
            "HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE", "JOBSTATUS_SCHEMA": "nowhere",
            "PATH_TRANSLATED": "/etc/passwd", "HTTP_COOKIE": "c" * 40000, "CONTENT_LENGTH": "",
            "": "", "x": "", "HTTP_PROXY": "http://x"}
    assert jobstatus.get(WORKSPACE, NAME, **more).stdout == expected.stdout


@pytest.mark.parametrize("size", [0, 1, 2, 8191, 65535, 65536, 300000, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_bodies_are_read_and_the_connection_kept(jobstatus, size):
    with Connection(jobstatus.socket) as connection:
        for _ in range(3):
            for params in (job(WORKSPACE, NAME, CONTENT_LENGTH=size), job(WORKSPACE, "none"),
                           variables("/", CONTENT_LENGTH=size)):
                answer = connection.ask(params, b"\0" * size)
                assert answer.status == (200 if params["PATH_INFO"] == PATH.encode() else 404)


@pytest.mark.parametrize("goes_on", [False, True], ids=["stops", "goes on"])
def test_a_body_beyond_1_mib_that_does_not_end(jobstatus, goes_on):
    """It is answered, to the end, when nothing more comes for a while, or too much; and the connection is closed."""
    start = fastcgi.encode(job(WORKSPACE, NAME), b"", keep=True)[:-8]  # without the end of the body
    piece = fastcgi.record(fastcgi.STDIN, b"\0" * 65528)
    ended = threading.Event()

    def send():
        with contextlib.suppress(OSError):
            connection.send(start + piece * 17)
            while goes_on and not ended.is_set():
                connection.send(piece)
                time.sleep(0.01)
    with Connection(jobstatus.socket) as connection:
        sender = threading.Thread(target=send)
        sender.start()
        began = time.monotonic()
        try:
            assert connection.receive().status == 200
            took = time.monotonic() - began
        finally:
            ended.set()
            sender.join()
        assert 0.9 * goes_on < took < (1.5 if goes_on else 0.6) * slack()
        assert connection.closed()
    assert jobstatus.get(WORKSPACE, NAME).status == 200


def test_connection_without_keep_is_closed(jobstatus):
    with Connection(jobstatus.socket) as connection:
        assert connection.ask(job(WORKSPACE, NAME), keep=False).status == 200
        assert connection.closed()


def test_pieces_of_any_size(jobstatus):
    """Records arrive as the network likes."""
    expected = jobstatus.get(WORKSPACE, NAME).stdout
    data = fastcgi.encode(job(WORKSPACE, NAME), b"{}", keep=True)
    with Connection(jobstatus.socket) as connection:
        for size in (1, 7, 8, 9, 100):
            for start in range(0, len(data), size):
                connection.send(data[start:start + size])
            assert connection.receive().stdout == expected


def test_padding_and_split_parameters(jobstatus):
    """Parameters in records of one byte, each with padding; long names and lengths."""
    params = b"".join(fastcgi.pair(*item) for item in job(WORKSPACE, NAME, X="y" * 200).items())
    data = fastcgi.begin(True) + b"".join(
        fastcgi.record(fastcgi.PARAMS, params[i:i + 1], padding=i % 8) for i in range(len(params)))
    data += fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.STDIN)
    with Connection(jobstatus.socket) as connection:
        for _ in range(2):
            connection.send(data)
            assert connection.receive().status == 200


@pytest.mark.parametrize("noise", [
    b"\0", b"\xff" * 8, b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100, b"\xff" * 5000,
    fastcgi.record(fastcgi.BEGIN, b"\0"), fastcgi.record(fastcgi.BEGIN, b"", 0),
    fastcgi.begin(role=3), fastcgi.begin(role=0), fastcgi.record(fastcgi.PARAMS, b"\x01\x01ab"),
    fastcgi.record(fastcgi.STDIN, b"x"), fastcgi.record(fastcgi.ABORT),
    fastcgi.begin() + fastcgi.record(fastcgi.ABORT),
    fastcgi.begin() + fastcgi.record(fastcgi.PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    fastcgi.begin() + fastcgi.record(fastcgi.PARAMS, b"\x05\x80"),
    fastcgi.begin() + fastcgi.begin(request_id=2), fastcgi.begin() + fastcgi.begin(),
    fastcgi.begin() + fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.ABORT),
    fastcgi.encode(job(WORKSPACE, NAME))[:-8],
    fastcgi.record(fastcgi.GET_VALUES, fastcgi.pair("FCGI_MPXS_CONNS", ""), 0),
    fastcgi.record(fastcgi.BEGIN, b"\0\1\1\0\0\0\0\0", version=2),
])
def test_noise_ends_nothing(jobstatus, noise):
    """Whatever a front sends, the process stays and answers others."""
    pid = jobstatus.pid
    with Connection(jobstatus.socket) as connection:
        try:
            connection.send(noise)
        except OSError:
            pass
        with Connection(jobstatus.socket, timeout=30) as other:
            assert other.ask(job(WORKSPACE, NAME)).status == 200
    assert jobstatus.get(WORKSPACE, NAME).status == 200
    assert jobstatus.alive() and jobstatus.pid == pid


@pytest.mark.parametrize("content", [b"", b"x"])
def test_a_management_record_of_an_unknown_type(jobstatus, content):
    """It ends the connection: libfcgi would answer, and lose 48 bytes at each."""
    with Connection(jobstatus.socket) as connection:
        connection.send(fastcgi.record(99, content, 0))
        assert connection.closed()
    assert jobstatus.get(WORKSPACE, NAME).status == 200


def test_clients_that_leave(jobstatus):
    """The peer goes at every stage of a request."""
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    for length in list(range(0, len(data), 13)) + [len(data)]:
        with Connection(jobstatus.socket) as connection:
            connection.send(data[:length])
    assert jobstatus.get(WORKSPACE, NAME).status == 200


def test_through_a_front(lighttpd):
    """The rows of the table that a front lets through."""
    def ask(method, target, body=None):
        return lighttpd.request(method, target, body)

    path = fronts.path_of(WORKSPACE, NAME)
    status, headers, body = ask("GET", path)
    assert status == 200 and headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask("GET", path, b"{}")[::2] == (200, body)
    status, head, nothing = ask("HEAD", path)
    assert (status, nothing) == (200, b"") and head["Content-Length"] == headers["Content-Length"]
    status, headers, body = ask("OPTIONS", path)
    assert (status, headers["Allow"], body) == (204, ALLOW, b"")
    status, headers, body = ask("POST", path, b"{}")
    assert (status, headers["Allow"], body) == (405, ALLOW, NOT_ALLOWED)
    assert ask("GET", "/apis/jobs/v2/nowhere")[::2] == (404, NOT_FOUND)
    assert ask("GET", path + "/")[::2] == (404, NOT_FOUND)
    assert ask("GET", path + "?a=b")[0] == 200
    assert ask("GET", fronts.path_of(WORKSPACE, "none"))[::2] == (404, NO_JOB)
    assert ask("GET", fronts.path_of("none", NAME))[::2] == (404, NO_JOB)
    assert ask("GET", fronts.path_of(WORKSPACE, "x" * 256))[0] == 422
    assert ask("GET", fronts.path_of(WORKSPACE, "\x85"))[0] == 422


def test_bad_parameters_through_a_front(run_front, jobstatus, contract):
    """nginx lets through what lighttpd refuses or replaces."""
    front = run_front(fronts.Nginx, jobstatus.socket)
    for text, kind, shown in (("%FF", "unicode", "\ufffd"), ("%C0%AF", "unicode", "\ufffd\ufffd"),
                              ("%0A", "control", "\n"), ("%7F", "control", "\x7f"),
                              ("%C2%85", "control", "\x85"), ("x" * 256, "long", "x" * 256)):
        status, _, body = front.request("GET", fastcgi.ROUTE % (text, text))
        assert status == 422
        contract(body, "HTTPValidationError")
        assert json.loads(body)["detail"] == [entry("workspace", kind, shown), entry("name", kind, shown)]
