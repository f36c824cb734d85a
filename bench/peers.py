"""Measures the program beside services that others would write on the same database; started by run.sh."""

import contextlib
import datetime
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


def comparable(document):
    """A document with its times as moments, however they are written."""
    if isinstance(document, list):
        return [comparable(value) for value in document]
    if isinstance(document, dict):
        return {key: datetime.datetime.fromisoformat(value) if key.endswith("_at") else comparable(value)
                for key, value in document.items()}
    return document


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
        """Starts a service with as many workers as serve best."""
        rates = {workers: [] for workers in WORKERS}
        with contextlib.ExitStack() as stack:
            sites = {workers: self.serve(stack, "%s%d-try" % (row, workers), kind, workers) for workers in WORKERS}
            for number in range(3):  # the first one warms
                for workers in WORKERS:
                    setattr(self, self.SITES[row], sites[workers])
                    self.measure(row, 16)
                    rate = self.raw.pop()["rate"]
                    if number > 0:
                        rates[workers].append(rate)
        best = max(WORKERS, key=lambda workers: max(rates[workers]))
        self.notes.append("%s: workers: %d, the best of %s" % (ROWS[row], best, ", ".join(
            "%d (%s/s)" % (workers, "{:,.0f}".format(max(rates[workers]))) for workers in WORKERS)))
        setattr(self, self.SITES[row], self.serve(self.stack, row, kind, best))

    def serve(self, stack, name, kind, workers):
        """Starts a service whose answers are the program's."""
        connection = {"DATABASE": "postgresql://reader@/postgres?host=%s&port=%d" % (self.cluster.socket_dir, self.cluster.port),
                      "PGHOST": self.cluster.socket_dir, "PGPORT": str(self.cluster.port), "PGUSER": "reader",
                      "PGDATABASE": "postgres"}
        backend = type(kind.__name__, (kind,), {"workers": workers})
        site = self.start(stack, name, postgres.program(), Proxy, backend, **connection)
        for workspace, job, status in (("1", "1", 200), ("77", "77", 200), ("1", "none", 404)):
            mine, its = (front.get(workspace, job) for front in (self.full.front, site.front))
            if (its.status_code, comparable(its.json())) != (status, comparable(mine.json())):
                sys.exit("peers: %s answers %s, and the program %s" % (name, its.text, mine.text))
        return site

    def run(self):
        self.notes, self.present = [], ["F", "U"]
        self.caching = self.start(self.stack, "caching", postgres.program())
        # Its document's updated_at is not the job's own.
        with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select from jobstatus.report_task('77', '77', 'step-1', 'task-2', error_stack => 'late')")
        for row, kind in (("Y", FastApi), ("S", Fastify)):
            try:
                if kind is Fastify:
                    kind.modules = modules(self.place / "modules")
                self.peer(row, kind)
                self.present.append(row)
            except (AssertionError, OSError, TypeError, subprocess.CalledProcessError) as error:
                self.notes.append("%s: left out, it cannot be installed or started here: %s" % (ROWS[row], str(error)[:200]))
        for number in range(-1, self.arguments.rounds):
            for clients in measure.CLIENTS:
                for row in self.present:
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
        yield from self.rows({row: ROWS[row] for row in self.present})
        yield ""
        for note in self.notes:
            yield "- " + note
        yield "- private memory after this load: " + ", ".join("%s %.0f MB" % (row, self.memory(row)) for row in self.present)
        rates = {row: self.median(row, 16, "rate")[0] for row in self.present}
        yield "- 16 clients: " + ", ".join("%s = %.1f %s" % (mine, rates[mine] / rates[its], its)
                                           for mine in "FU" for its in self.present[2:])


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
