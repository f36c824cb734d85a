"""Measures the program beside services that others would write on the same database; started by run.sh."""

import contextlib
import pathlib
import shutil
import subprocess
import sys

import fronts
import load
import measure
import postgres
import results
from backends import Backend

HERE = pathlib.Path(__file__).resolve().parent / "peers"
WORKERS = (1, 2, 4)
CONNECTIONS = 8  # of the database, of all workers together
MODULES = ["fastify@4", "pg@8"]
ROWS = {
    "F": "the program, full read, any job, without its cache",
    "U": "the program, one of %d unchanged jobs" % measure.HOT,
    "Y": "FastAPI and asyncpg, any job",
    "S": "fastify and pg, any job",
}


class Proxy(fronts.Nginx):
    """nginx before a service that speaks HTTP, with kept connections to it as to the program."""

    def __init__(self, directory, socket):
        fronts.Front.__init__(self, directory)
        self.unbound = """
upstream peer { server unix:%s; keepalive 64; }
server {
    listen %s;
    location / { proxy_pass http://peer; proxy_http_version 1.1; proxy_set_header Connection ""; }
}
""" % (socket, self.listen)


class Service(Backend):
    """A service on a Unix socket, with some workers."""

    workers = 1

    def spawn(self, command=None, stdin=subprocess.DEVNULL):
        self.options = dict(self.options, WORKERS=str(self.workers), CONNECTIONS=str(max(1, CONNECTIONS // self.workers)),
                            SOCKET=str(self.socket))
        return super().spawn(command, stdin)


class FastApi(Service):
    def command(self):
        return ["/usr/bin/python3", "-m", "uvicorn", "--app-dir", HERE, "--uds", self.socket, "--workers", self.workers,
                "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "service:app"]


class Fastify(Service):
    modules = None  # where they are

    def command(self):
        return [shutil.which("node"), self.modules / "service.js"]


def modules(place):
    """Installs what service.js needs into PLACE."""
    place.mkdir()
    for name in ("service.js", "read.sql"):
        shutil.copy(HERE / name, place)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, *MODULES], check=True)
    return place


class Bench(measure.Bench):
    SITES = dict(measure.Bench.SITES, Y="fastapi", S="fastify")
    ANY = "FYS"

    def peer(self, row, kind):
        """Starts a service with as many workers as serve best, and compares its answers with the program's."""
        connection = {"DATABASE": "postgresql://reader@/postgres?host=%s&port=%d" % (self.cluster.socket_dir, self.cluster.port),
                      "PGHOST": self.cluster.socket_dir, "PGPORT": str(self.cluster.port), "PGUSER": "reader",
                      "PGDATABASE": "postgres"}
        rates = {}
        for workers in (*WORKERS, None):
            if workers is None:
                workers = max(rates, key=rates.get)
                self.notes.append("%s: %d workers, the best of %s" % (ROWS[row], workers, ", ".join(
                    "%d (%s/s)" % (count, "{:,.0f}".format(rate)) for count, rate in rates.items())))
                stack = self.stack
            else:
                stack = contextlib.ExitStack()
            backend = type(kind.__name__, (kind,), {"workers": workers})
            site = self.start(stack, "%s%d%s" % (row, workers, "" if stack is self.stack else "-try"), postgres.program(), Proxy,
                              backend, **connection)
            setattr(self, self.SITES[row], site)
            for job in ("1", "77"):
                mine, its = self.full.front.get(job, job), site.front.get(job, job)
                assert (its.status_code, its.json()) == (200, mine.json()), its.text
            assert site.front.get("1", "none").status_code == 404
            if stack is not self.stack:
                self.measure(row, 16)
                self.measure(row, 16)
                rates[workers] = self.raw.pop()["rate"]
                self.raw.pop()
                stack.close()

    def run(self):
        self.notes = []
        self.caching = self.start(self.stack, "caching", postgres.program())
        self.peer("Y", FastApi)
        Fastify.modules = modules(self.place / "modules")
        self.peer("S", Fastify)
        for number in range(-1, self.arguments.rounds):
            for clients in measure.CLIENTS:
                for row in ROWS:
                    print("round %d, %d clients, %s" % (number + 1, clients, row), file=sys.stderr)
                    self.measure(row, clients)
            if number < 0:  # warm
                self.raw.clear()

    def memory(self, row):
        """Private memory of a service's processes together."""
        def tree(pid):
            children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
            return load.memory(pid, "RssAnon") + sum(tree(int(child)) for child in children)
        return tree(getattr(self, self.SITES.get(row, "caching")).backend.process.pid)

    def table(self):
        yield from self.rows(ROWS)
        yield ""
        for note in self.notes:
            yield "- " + note
        yield "- private memory after this load: " + ", ".join("%s %.0f MB" % (row, self.memory(row)) for row in ROWS)
        f, u, y, s = (self.median(row, 16, "rate")[0] for row in "FUYS")
        yield "- 16 clients: F = {:.1f} Y = {:.1f} S, U = {:.1f} Y = {:.1f} S".format(f / y, f / s, u / y, u / s)


def main():
    arguments = results.read_arguments("bench/run.sh peers")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, arguments)
        bench.run()
        lines = [*results.machine(), "Python {}, node {}".format(sys.version.split()[0], results.version("node", "--version")), "",
                 "{:,} jobs of 3 steps of 4 tasks, a document of {:,} bytes, behind nginx with kept connections; medians of {} "
                 "rounds of {} s, interleaved.".format(arguments.jobs, bench.size, arguments.rounds, arguments.seconds), "",
                 *bench.table()]
    results.write("peers", lines, bench.raw)


if __name__ == "__main__":
    main()
