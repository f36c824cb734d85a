"""Behind each of the web servers, one request at a time and many at once."""

import json
import subprocess

import pytest

import fastcgi
import fronts
import oracle
import samples
from conftest import HERE

WORKSPACE, NAME = "default", "data-import-2024-06-01"
PATH = fronts.path_of(WORKSPACE, NAME)


@pytest.fixture
def front(request, run_site):
    return run_site(request.param).front


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
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
        assert answer.headers["Content-Length"] == str(len(answer.content))
    status, headers, body = front.request("HEAD", PATH)
    assert (status, headers["Content-Length"], body) == (200, str(len(answer.content)), b"")
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


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_a_body_in_chunks(front):
    """More of it than fits in the buffers on the way to the program."""
    for _ in range(3):
        answer = front.session.get(front.url + PATH, data=(b"x" * 1000 for _ in range(1000)), timeout=60)
        assert answer.status_code == 200


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
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
    front = run_front(fronts.ApacheFcgid, conninfo, replace={
        "ScriptAliasMatch ^/(apis/jobs/v2|-)/": "ScriptAlias /below"})
    assert front.request("GET", "/below" + PATH)[0] == 200
    assert front.request("GET", "/below/x" + PATH)[0] == 404


def test_path_info_from_nginx(run_front, jobstatus):
    """Other configurations of nginx split the path as they like."""
    for name, info in (('""', "$fastcgi_script_name"), ("/apis", "/jobs/v2/workspaces/default/jobs/%s/status" % NAME)):
        front = run_front(fronts.Nginx, jobstatus.socket, {
            "SCRIPT_NAME $fastcgi_script_name;": "SCRIPT_NAME %s; fastcgi_param PATH_INFO %s;" % (name, info)})
        assert front.request("GET", PATH)[0] == 200


def test_load_behind_nginx_with_bodies(run_program, run_front):
    """Requests with a body, as the contract's own clients send them, on kept connections."""
    program = run_program("--threads=4")
    front = run_front(fronts.Nginx, program.socket)
    for _ in range(200):
        assert front.session.get(front.url + PATH, json={}, timeout=60).status_code == 200


@pytest.mark.parametrize("front", fronts.SITES, indirect=True)
def test_a_large_answer_through_each_front(front, jobstatus, admin):
    """A document beyond the spool's limit arrives whole, with its length."""
    admin("insert into jobstatus.jobs (workspace, name, id, status, status_details) "
          "values ('large', 'big', 'id-big', 'active', json_build_object('s', repeat('x', 3000000)))")
    try:
        expected = fastcgi.get(jobstatus.socket, "large", "big").body
        answer = front.get("large", "big")
        assert answer.status_code == 200 and answer.content == expected and len(expected) > 3000000
        assert answer.headers.get("Content-Length") == str(len(expected))
    finally:
        admin("delete from jobstatus.jobs where workspace = 'large'")


@pytest.mark.parametrize("name", fronts.SITES)
def test_what_the_program_is_told(run_site, name):
    """Each front passes the headers on that the program may come to need, and the path as a whole."""
    its_own = fronts.SITES[name][1] is None
    site = run_site(name, program=HERE / "tell.py", backend=None if its_own else fronts.SystemdSocket)
    status, _, body = site.front.request("GET", fronts.path_of("a b", "c"), None, {
        "Authorization": "Bearer token", "If-None-Match": '"tag"'})
    told = json.loads(body)
    assert status == 200
    assert (told["HTTP_AUTHORIZATION"], told["HTTP_IF_NONE_MATCH"]) == ("Bearer token", '"tag"')
    assert told["REQUEST_METHOD"] == "GET"
    assert told.get("SCRIPT_NAME", "") + told.get("PATH_INFO", "") == "/apis/jobs/v2/workspaces/a b/jobs/c/status"


@pytest.mark.parametrize("kind", [fronts.ApacheFcgid, fronts.ApacheProxy, fronts.ApacheCgi])
def test_apache_samples_outside_of_sites(run_front, jobstatus, conninfo, kind):
    """Each can be included for all sites too."""
    front = run_front(kind, **({"socket": jobstatus.socket} if kind is fronts.ApacheProxy else {"conninfo": conninfo}),
                      everywhere=True)
    assert front.get(WORKSPACE, NAME).status_code == 200
    assert front.request("GET", fronts.path_of(WORKSPACE, "a/b"))[::2] == (404, b'{"detail":"Not Found"}')
    assert front.request("TRACE", PATH)[0] == 405


def test_the_units(directory):
    """systemd finds nothing wrong with them, and nothing left open that the program does not need."""
    program = samples.install(directory)
    for name in ("jobstatus.service", "jobstatus.socket"):
        source = samples.TOP / "systemd" / name
        text = source.read_text() if source.exists() else samples.sample(
            "systemd/" + name, {samples.PROGRAMDIR: program.parent})
        (directory / name).write_text(text)
    names = [str(directory / name) for name in ("jobstatus.service", "jobstatus.socket")]
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True,
                              timeout=60)
    about_ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "jobstatus" in line]
    assert (verified.returncode, about_ours) == (0, [])
    security = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", names[0]],
                              capture_output=True, text=True, timeout=60)
    assert security.returncode == 0, security.stdout + security.stderr


def test_the_units_can_fail(directory):
    """The check above finds what is wrong with a unit."""
    path = directory / "jobstatus.service"
    path.write_text(samples.sample("systemd/jobstatus.service", {
        samples.PROGRAMDIR: "/nonexistent", "StandardInput=socket": "StandardInput=sockets"}))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True,
                              timeout=60)
    assert verified.returncode != 0 and "jobstatus" in verified.stderr


def test_a_sample_without_what_is_replaced():
    """A sample that has changed is not tested as something else."""
    with pytest.raises(AssertionError):
        samples.sample("nginx/jobstatus.conf", {"listen 127.0.0.1:8081": "listen 127.0.0.1:1"})
