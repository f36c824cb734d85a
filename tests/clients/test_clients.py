"""The contract's call made by its own clients, behind lighttpd, Apache and nginx.

A client takes BASE WORKSPACE NAME, prints the body and fails unless the status is 200. Run by scripts/check-clients.sh,
with the fixtures of tests/e2e.
"""

import collections
import contextlib
import pathlib
import re
import socket
import subprocess
import threading
from urllib.parse import unquote

import pytest

import fronts
import oracle

HERE = pathlib.Path(__file__).resolve().parent
JARS = ("unirest-java", "httpclient", "httpcore", "httpasyncclient", "httpcore-nio", "httpmime", "commons-logging",
        "commons-codec", "com.android.json")
CLASSPATH = ":".join("/usr/share/java/%s.jar" % jar for jar in JARS)
JAVA = "java -XX:-UsePerfData -cp %s:%%(built)s Client" % CLASSPATH
REPLAY = "python3 %(here)s/replay.py "
BODY, NONE = b"{}", b""

Client = collections.namedtuple("Client", "language library version how body command")
# The version is a Debian package's, or the one whose bytes are replayed.
CLIENTS = [
    Client("Python", "requests", "python3-requests", "client", BODY, "python3 %(here)s/client.py"),
    Client("JavaScript", "fetch", "nodejs", "client", NONE, "node %(here)s/client.mjs"),
    Client("JavaScript", "fetch", "nodejs", "replay", BODY, REPLAY + "fetch"),
    Client("Go", "net/http", "golang-go", "client", BODY, "%(built)s/client"),
    Client("Ruby", "net/http", "ruby", "client", BODY, "ruby %(here)s/client.rb"),
    Client("Java", "Unirest", "libunirest-java-java", "client", NONE, JAVA),
    Client("Java", "Unirest", "libunirest-java-java", "replay", BODY, REPLAY + "unirest"),
    Client("PHP", "Guzzle", "php-guzzlehttp-guzzle", "client", BODY, "php %(here)s/client.php"),
    Client("C#", "RestSharp", "106.9", "replay", NONE, REPLAY + "restsharp-106"),
    Client("C#", "RestSharp", "112.1", "replay", BODY, REPLAY + "restsharp-112"),
    Client("Swift", "URLSession", "iOS 12", "replay", BODY, REPLAY + "urlsession-apple"),
    Client("Swift", "URLSession", "Linux", "replay", NONE, REPLAY + "urlsession-linux"),
]
FRONTS = {
    "lighttpd": lambda run, path: run(fronts.Lighttpd, socket=path),
    "Apache": lambda run, path: run(fronts.ApacheProxy, path),
    "nginx": lambda run, path: run(fronts.Nginx, path),
}
ODD = [("my team", "a b+c"), ("default", "100% & more? #1"), ("default", "%41%2542"), ("Größe", "日本語 ünï"),
       ("default", "\U0001f680 שלום")]


def name_of(client):
    return "-".join((client.language, client.library, client.version, client.how)).replace("/", "")


every_client = pytest.mark.parametrize("client", CLIENTS, ids=name_of)


def one(library, how):
    return next(client for client in CLIENTS if (client.library, client.how) == (library, how))


@pytest.fixture(scope="session")
def execute(tmp_path_factory):
    """Runs a command line with Debian's tools, all that they write in a directory of its own."""
    built = tmp_path_factory.mktemp("built")
    home = tmp_path_factory.mktemp("home")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "GOFLAGS": "-mod=mod",
                   "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "0", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(command, *arguments):
        words = (command % {"here": HERE, "built": built}).split() + list(arguments)
        return subprocess.run(words, env=environment, cwd=home, timeout=120, stdin=subprocess.DEVNULL,
                              capture_output=True)
    for command in ("go build -o %(built)s/client %(here)s/client.go",
                    "javac -J-XX:-UsePerfData -cp " + CLASSPATH + " -d %(built)s %(here)s/Client.java"):
        done = run(command)
        assert done.returncode == 0, done.stderr.decode()
    return run


@pytest.fixture(scope="session")
def table(request):
    """What became of each client on each front; printed at the end."""
    results = {}
    yield results
    rows = [("language", "library", "version", "how", "body", *FRONTS)]
    for client in CLIENTS:
        version = client.version
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", version],
                               capture_output=True, text=True)
        if asked.returncode == 0:
            version = re.sub(r"^\d+:|[+~].*", "", asked.stdout)
        rows.append((client.language, client.library, version, client.how, client.body.decode() or "-",
                     *(results.get((client, front), "not run") for front in FRONTS)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@pytest.fixture(scope="session")
def odd_jobs(cluster):
    with contextlib.closing(cluster.connect(dbname="jobstatus")) as connection, connection.cursor() as cursor:
        cursor.executemany("insert into jobstatus.jobs (workspace, name, id, status) values (%s, %s, %s, 'paused')",
                           [(workspace, name, "id of " + name) for workspace, name in ODD])
    return ODD


@pytest.mark.parametrize("front_name", FRONTS)
@every_client
def test_the_call_is_answered(client, front_name, run_front, jobstatus, execute, example, odd_jobs, table):
    table[client, front_name] = "FAILED"
    front = FRONTS[front_name](run_front, jobstatus.socket)
    done = execute(client.command, front.url, "default", "data-import-2024-06-01")
    assert done.returncode == 0, done.stderr.decode() + front.logs()
    assert oracle.difference(example, oracle.parse(done.stdout)) is None
    for workspace, name in odd_jobs:
        done = execute(client.command, front.url, workspace, name)
        assert done.returncode == 0, (name, done.stderr.decode())
        job = oracle.parse(done.stdout)
        assert (oracle.member(job, "name"), oracle.member(job, "id")) == (name, "id of " + name)
    done = execute(client.command, front.url, "default", "no such job")
    assert done.returncode != 0 and done.stdout == b"" and done.stderr.startswith(b"404 ")
    assert b'{"detail":"Job not found"}' in done.stderr
    table[client, front_name] = "ok"


@pytest.fixture
def record(execute):
    """Returns the request that a client sends: its line, its headers (in their order), its body."""
    def run(client, workspace="w", name="n"):
        got = {}

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                got["line"] = stream.readline().decode().strip()
                lines = iter(stream.readline, b"\r\n")
                got["headers"] = [tuple(line.decode().strip().split(": ", 1)) for line in lines]
                length = {key.lower(): value for key, value in got["headers"]}.get("content-length", "0")
                got["body"] = stream.read(int(length))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(60)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            done = execute(client.command, "http://127.0.0.1:%d" % listener.getsockname()[1], workspace, name)
            assert (done.returncode, done.stdout) == (0, b"[]"), done.stderr.decode()
            thread.join()
        return got
    return run


@every_client
def test_the_call_is_the_contracts(client, record):
    """GET, the contract's path, its one header and the body that the table says."""
    workspace, name = "my team", "100% \U0001f680"
    got = record(client, workspace, name)
    method, path, version = got["line"].split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert unquote(path) == "/apis/jobs/v2/workspaces/%s/jobs/%s/status" % (workspace, name)
    assert [value for key, value in got["headers"] if key.lower() == "content-type"] == ["application/json"]
    assert got["body"] == client.body


@pytest.mark.parametrize("library", ["fetch", "Unirest"])
def test_a_replay_is_its_librarys_call_with_a_body(library, record):
    """The same headers as the client's, Content-Length besides."""
    without, body = (sorted(key.lower() for key, _ in record(one(library, how))["headers"])
                     for how in ("client", "replay"))
    assert sorted(without + ["content-length"]) == body


def test_fetch_and_unirest_take_no_body(execute):
    """What the contract's snippets show cannot be done: else their clients here would have to do it."""
    call = "fetch('http://127.0.0.1:1', {method: 'GET', body: '{}'})"
    done = execute("node -e", call + ".catch(error => console.log(`${error}`))")
    assert done.stdout == b"TypeError: Request with GET/HEAD method cannot have body.\n", done.stderr.decode()
    done = execute("javap -J-XX:-UsePerfData -cp " + CLASSPATH + " com.mashape.unirest.request.GetRequest")
    assert b" header(" in done.stdout and b" body(" not in done.stdout, done.stderr.decode()
