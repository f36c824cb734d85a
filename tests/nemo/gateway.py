"""nginx with the documented sample before the platform and the program, and the platform's own client through it."""

import json
import re
import subprocess
import time

import expect
import fronts
import samples
from server import path_of


class Gateway(fronts.Nginx):
    listen = "127.0.0.1:8081"
    access = """log_format route '$request_method $request_uri $upstream_addr $status';
    access_log %(dir)s/access.log route;"""

    def __init__(self, directory, socket, platform, back=False):
        """BACK: as the sample says to go back, without the location for the status."""
        directory.mkdir()
        fronts.Front.__init__(self, directory)
        self.unbound = samples.sample("nginx/nemo-gateway.conf", {
            samples.SOCKET: socket, "server 127.0.0.1:8080": "server 127.0.0.1:%d" % platform.port})
        if back:
            self.unbound, count = re.subn(r"\n\tlocation ~ .*?\n\t}\n", "", self.unbound, flags=re.DOTALL)
            assert count == 1
        self.log = self.directory / "access.log"
        self.seen = 0

    def routes(self, least=0):
        """The requests logged since the last call, LEAST at least: (method, path, whether jobstatus got it).

        nginx logs a request after its answer has gone."""
        end = time.monotonic() + 10
        while True:
            lines = self.log.read_text().splitlines()
            if len(lines) >= self.seen + least or time.monotonic() > end:
                break
            time.sleep(0.01)
        new, self.seen = lines[self.seen:], len(lines)
        return [[*line.split()[:2], "unix:" in line.split()[2]] for line in new]


def status_path(workspace, name):
    return path_of("apis", "jobs", "v2", "workspaces", workspace, "jobs", name, "status")


def check_routes(checks, gateway, platform, workspace, name):
    """GET, HEAD and OPTIONS of exactly that path are the program's, all else is the platform's."""
    path = status_path(workspace, name)
    cors = {"Origin": "http://elsewhere.example"}
    preflight = dict(cors, **{"Access-Control-Request-Method": "GET"})
    table = [  # method, path, headers, whether it is the program's
        ("GET", path, {}, True), ("HEAD", path, {}, True), ("OPTIONS", path, {}, True), ("GET", path, cors, True),
        ("GET", path + "?a=b", {}, True), ("GET", path.replace("is-active", "no-such-job"), {}, True),
        ("OPTIONS", path, preflight, False), ("POST", path, {}, False), ("PATCH", path, {}, False),
        ("GET", path + "/", {}, False), ("GET", path + "-details", {}, False),
        ("GET", path[:-len("/status")], {}, False),
        ("GET", path.replace("/jobs/is-active", "/jobs/a%2Fb"), {}, False), ("GET", "/apis" + path, {}, False),
        ("GET", path.replace("/apis/", "/apis//"), {}, False), ("GET", "/health/ready", {}, False),
    ]
    gateway.routes()
    for method, target, headers, ours in table:
        answer = expect.ask(gateway.url + target, method, **headers)
        checks.equal("%s %s goes to %s" % (method, target, "jobstatus" if ours else "the platform"),
                     [[method, target, ours]], gateway.routes(1))
        own = expect.ask(platform.url + target, method, **headers)
        if not ours:
            checks.equal("%s %s through the gateway" % (method, target), own.status_code, answer.status_code)
            checks.that(own.content == answer.content, "the body of %s %s" % (method, target))
        if headers:
            for header in own.headers:
                if header.lower().startswith("access-control-"):
                    checks.equal("%s %s: %s" % (method, target, header), own.headers[header],
                                 answer.headers.get(header))


class Client:
    """The platform's command-line client, told nothing but where the gateway is."""

    def __init__(self, platform, gateway):
        self.platform, self.gateway = platform, gateway

    def start(self, *arguments):
        return subprocess.Popen([str(self.platform.venv / "bin" / "nemo"), "jobs", *arguments], text=True,
                                cwd=self.platform.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT,
                                env=self.platform.environment(NMP_BASE_URL=self.gateway.url))

    def end(self, process):
        try:
            output = process.communicate(timeout=120)[0]
        finally:
            process.kill()
        return process.returncode, output

    def check(self, checks, maker, what):
        """get-status of a job and of none, and watch of one that ends meanwhile."""
        self.gateway.routes()
        code, output = self.end(self.start("get-status", "is-active", "--workspace", maker.workspace, "-f", "json"))
        checks.that(code == 0 and json.loads(output)["steps"][0]["name"] == "step-one",
                    "%s: nemo jobs get-status: exit %s\n%s" % (what, code, output))
        code, output = self.end(self.start("get-status", "no-such-job", "--workspace", maker.workspace))
        checks.that(code == 3 and "not found" in output.lower(),
                    "%s: nemo jobs get-status of no job: exit %s\n%s" % (what, code, output))
        job = maker.create("watched-%s" % what).way("active")
        asked = status_path(maker.workspace, job.name)
        watch = self.start("watch", job.name, "--workspace", maker.workspace, "--poll-interval", "1",
                           "--timeout", "100")
        seen = []
        while not any(path == asked for _, path, _ in seen) and watch.poll() is None:
            seen += self.gateway.routes(1)
        job.way("completed")
        code, output = self.end(watch)
        checks.that(code == 0 and "completed" in output, "%s: nemo jobs watch: exit %s\n%s" % (what, code, output))
        seen += self.gateway.routes()
        statuses = [ours for _, path, ours in seen if path.split("?")[0].endswith("/status")]
        checks.that(len(statuses) > 3 and all(statuses), "%s: every status that the client asked for was ours" % what)
        others = [path for _, path, ours in seen if ours and not path.split("?")[0].endswith("/status")]
        checks.equal("%s: what else of the client's came to jobstatus" % what, [], others)
        print("%s: the client made %d requests, %d of them for a status" % (what, len(seen), len(statuses)))
