"""Behind each of the web servers, one request at a time and many at once."""

import pytest

import fastcgi
import fronts
import oracle
from conftest import Load, www_group

WORKSPACE, NAME = "default", "data-import-2024-06-01"
PATH = fronts.path_of(WORKSPACE, NAME)
FRONTS = ["lighttpd", "lighttpd bin-path", "nginx", "nginx PATH_INFO", "apache proxy", "apache fcgid"]


@pytest.fixture
def front(request, run_front, jobstatus, conninfo):
    options = {"JOBSTATUS_DATABASE": conninfo}
    return {
        "lighttpd": lambda: run_front(fronts.Lighttpd, socket=jobstatus.socket),
        "lighttpd bin-path": lambda: run_front(fronts.Lighttpd, options=options),
        "nginx": lambda: run_front(fronts.Nginx, jobstatus.socket),
        "nginx PATH_INFO": lambda: run_front(fronts.Nginx, jobstatus.socket, parameters={
            "SCRIPT_NAME": '""', "PATH_INFO": "$fastcgi_script_name"}),
        "apache proxy": lambda: run_front(fronts.ApacheProxy, jobstatus.socket),
        "apache fcgid": lambda: run_front(fronts.ApacheFcgid, options),
    }[request.param]()


@pytest.mark.parametrize("front", FRONTS, indirect=True)
def test_each_front(front, example, contract):
    """The rows of the HTTP table, as they arrive at a client."""
    for _ in range(3):
        answer = front.get(WORKSPACE, NAME)
        assert answer.status_code == 200, front.logs()
        assert oracle.difference(example, oracle.parse(answer.content)) is None
        contract(answer.content)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    status, _, body = front.request("HEAD", PATH)
    assert (status, body) == (200, b"")
    status, headers, body = front.request("OPTIONS", PATH)
    assert (status, headers["Allow"], body) == (204, "GET, HEAD, OPTIONS", b"")
    status, headers, body = front.request("POST", PATH, b"{}")
    assert (status, headers["Allow"], body) == (405, "GET, HEAD, OPTIONS", b'{"detail":"Method Not Allowed"}')
    assert front.request("GET", PATH, b"{}", {"Content-Type": "application/json"})[0] == 200
    assert front.request("GET", PATH + "/")[::2] == (404, b'{"detail":"Not Found"}')
    unknown = front.request("GET", fronts.path_of(WORKSPACE, "none"))
    assert unknown[::2] == (404, b'{"detail":"Job not found"}')
    assert front.request("GET", fronts.path_of("none", NAME))[::2] == unknown[::2]
    status, _, body = front.request("GET", fronts.path_of("x" * 256, NAME))
    assert status == 422
    contract(body, "HTTPValidationError")
    assert front.request("GET", PATH + "?x=1&y=%20")[0] == 200
    assert front.session.get(front.url + PATH, json={}, timeout=60).status_code == 200


@pytest.mark.parametrize("front", FRONTS, indirect=True)
def test_odd_names_through_each_front(front, admin):
    """Decoded once, by the front; never again."""
    names = ["a b", "a+b", "100%", "%41", "%2541", "ü", "\U0001f600", "'\"", "\\", "?", "#", "&=;", "\u2028", "...",
             "~", "|<>^`{}"]
    workspace = "ö d%d"
    for name in names:
        admin("insert into jobstatus.jobs (workspace, name, id, status) values (%s, %s, %s, 'active')",
              (workspace, name, "id:" + name))
    try:
        for name in names:
            answer = front.get(workspace, name)
            assert answer.status_code == 200, (name, answer.status_code, answer.content)
            assert (answer.json()["name"], answer.json()["id"]) == (name, "id:" + name)
    finally:
        admin("delete from jobstatus.jobs where workspace = %s", (workspace,))


def test_mounted_below_a_path(run_front, conninfo):
    """Apache with ScriptAlias: SCRIPT_NAME is the mount, PATH_INFO the route."""
    front = run_front(fronts.ApacheFcgid, {"JOBSTATUS_DATABASE": conninfo}, mount="/below")
    assert front.request("GET", "/below" + PATH)[0] == 200
    assert front.request("GET", "/below/x" + PATH)[0] == 404


def check_load(front, seconds=4):
    load = Load(front.port, PATH, 64).run(seconds)
    assert load.wrong == [], (load.wrong[:5], front.logs()[-2000:])
    assert load.answers > 64 * 2


def test_load_behind_nginx(run_program, run_front):
    """64 kept FastCGI connections, 4 threads, 64 clients: no answer but 200."""
    program = run_program("--threads=4")
    check_load(run_front(fronts.Nginx, program.socket, keep=64))
    assert program.lines("error") == []


def test_load_behind_apache(run_program, run_front):
    """The same with enablereuse=on."""
    program = run_program("--threads=4", *www_group())
    check_load(run_front(fronts.ApacheProxy, program.socket))
    assert program.lines("error") == []


def test_load_behind_nginx_with_bodies(run_program, run_front):
    """Requests with a body, as the contract's own clients send them, on kept connections."""
    program = run_program("--threads=4")
    front = run_front(fronts.Nginx, program.socket)
    for _ in range(200):
        assert front.session.get(front.url + PATH, json={}, timeout=60).status_code == 200


def test_a_large_answer_through_each_front(run_front, odd_program, admin, conninfo, odd):
    """A document beyond the spool's limit arrives whole behind every server."""
    admin("insert into odd.jobs (workspace, name, id, status_details) "
          "values ('w', 'big', 'id-big', json_build_object('s', repeat('x', 3000000)))")
    try:
        expected = fastcgi.get(odd_program.socket, "w", "big").body
        options = {"JOBSTATUS_DATABASE": conninfo, "JOBSTATUS_SCHEMA": odd}
        for kind, arguments in ((fronts.Nginx, (odd_program.socket,)), (fronts.Lighttpd, (odd_program.socket,)),
                                (fronts.ApacheFcgid, (options,))):
            answer = run_front(kind, *arguments).get("w", "big")
            assert answer.status_code == 200 and answer.content == expected
    finally:
        admin("delete from odd.jobs")
