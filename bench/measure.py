"""Measures reads behind nginx and without it against what their parts cost; started by run.sh."""

import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

import fronts
import postgres
from backends import SystemdSocket
from load import LARGE, cpu, direct, fill, memory, pgbench, statement, wrk
from results import machine, read_arguments, write

CLIENTS = (1, 16, 64)
HOT = 1000  # jobs that are asked for again and again
ROWS = {
    "H": "empty responder, a body of the same size",
    "P": "the read's statement, by pgbench",
    "V": "the revision's statement, by pgbench",
    "F": "full read, any job, without the cache",
    "U": "read of one of %d unchanged jobs" % HOT,
    "N": "the same with its tag: 304",
    "C": "the same jobs, behind the nginx that keeps answers for a second",
    "h": "H without nginx",
    "f": "F without nginx",
    "u": "U without nginx",
    "n": "N without nginx",
}


class Bench:
    SITES = {"H": "empty", "F": "full", "C": "kept"}  # of rows; the others': "caching"
    ANY = "F"  # rows that ask for any job

    def __init__(self, stack, arguments, settings=(), tcp=False, prepare=lambda cluster: None):
        """PREPARE may do something to the cluster before it starts."""
        self.stack, self.arguments, self.raw = stack, arguments, []
        self.cluster = postgres.Cluster(tcp, ["autovacuum=off", "shared_buffers=1GB", *settings])
        prepare(self.cluster)
        stack.enter_context(self.cluster)
        fill(self.cluster, arguments.jobs)
        self.place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.place.chmod(0o755)
        self.full = self.start(stack, "full", postgres.program(), JOBSTATUS_CACHE="0")
        (self.place / "empty" / "libexec").mkdir(parents=True)
        body = self.full.front.get("1", "1").content
        (self.place / "empty" / "libexec" / "body").write_bytes(body)
        self.size = len(body)
        self.empty = self.start(stack, "empty", os.environ["JOBSTATUS_EMPTY"])
        self.script = self.write_script("jobstatus_read", arguments.jobs)

    def write_script(self, name, jobs):
        """A script of pgbench's that runs the statement for random jobs."""
        script = self.place / (name + ".sql")
        text = statement(self.cluster, name=name).replace("$1", ":workspace").replace("$2", ":name")
        script.write_text("\\set name random(1, %d)\n\\set workspace :name %% 100\n%s;\n" % (jobs, text))
        return script

    def start(self, stack, name, program, front=fronts.Nginx, backend=SystemdSocket, **more):
        """Starts a PROGRAM behind an nginx of its own, with MORE variables."""
        place = self.place / name
        place.mkdir(exist_ok=True)
        site = fronts.Site(place, front, lambda directory, options, program: backend(
            directory, dict(options, **more), program), self.cluster.conninfo(user="reader"), program)
        stack.callback(site.stop)
        return site.start()

    def measure(self, row, clients):
        seconds, jobs = self.arguments.seconds, self.arguments.jobs
        if row in "PV":
            script = self.script if row == "P" else self.lookup
            self.raw.append(dict(pgbench(self.cluster, script, clients, seconds), row=row, clients=clients))
            return
        site = getattr(self, self.SITES.get(row.upper(), "caching"))
        pids = {"database": [self.cluster.pid], "nginx": [site.front.process.pid], "program": [site.backend.process.pid]}
        before = {name: cpu(pids[name]) for name in pids}
        got = (direct if row.islower() else wrk)(site, clients, seconds, jobs if row.upper() in self.ANY else HOT,
                                                 *([self.tags] if row.upper() == "N" else []))
        got["cpu"] = {name: (cpu(pids[name]) - before[name]) * 1000 / got["requests"] for name in pids}
        self.raw.append(dict(got, row=row, clients=clients))

    def run(self):
        self.caching = self.start(self.stack, "caching", postgres.program())
        self.kept = self.start(self.stack, "kept", postgres.program(), fronts.MicroCache)
        self.lookup = self.write_script("jobstatus_revision", HOT)
        self.tags = self.place / "tags"
        self.tags.write_text("".join(self.caching.front.get(str(job % 100), str(job)).headers["ETag"] + "\n"
                                     for job in range(1, HOT + 1)))
        for row in ROWS:  # warm
            self.measure(row, 16)
        self.raw.clear()
        for number in range(self.arguments.rounds):
            for clients in CLIENTS:
                for row in ROWS:
                    print("round %d, %d clients, %s" % (number + 1, clients, row), file=sys.stderr)
                    self.measure(row, clients)

    def median(self, row, clients, *keys):
        values = []
        for got in self.raw:
            if (got["row"], got["clients"]) == (row, clients):
                for key in keys:
                    got = got[key]
                values.append(got)
        return statistics.median(values), min(values), max(values)

    def rows(self, rows):
        yield "| what | clients | requests/s | spread | p50 ms | p99 ms | CPU s per 1,000: nginx, program, database |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        for row, what in rows.items():
            for clients in CLIENTS:
                rate, least, most = self.median(row, clients, "rate")
                parts = "" if row in "PV" else ", ".join(
                    "%.3f" % self.median(row, clients, "cpu", part)[0] for part in ("nginx", "program", "database"))
                yield "| %s: %s | %d | %s | %s to %s | %.2f | %.2f | %s |" % (
                    row, what, clients, *("{:,.0f}".format(x) for x in (rate, least, most)),
                    self.median(row, clients, "p50")[0], self.median(row, clients, "p99")[0], parts)

    def table(self):
        yield from self.rows(ROWS)
        yield ""
        yield "L = 1 / (1/H + 1/P) is the limit of a read, M = 1 / (1/H + 1/V) that of an unchanged one."
        yield ""
        for clients in CLIENTS:
            h, p, v, f, u, n = (self.median(row, clients, "rate")[0] for row in "HPVFUN")
            read, unchanged = 1 / (1 / h + 1 / p), 1 / (1 / h + 1 / v)
            yield "- {} clients: L = {:,.0f}, M = {:,.0f}; F = {:.2f} L, U = {:.2f} M = {:.2f} F, N = {:.2f} U".format(
                clients, read, unchanged, f / read, u / unchanged, u / f, n / u)
        yield "- bytes from nginx: U {:,.0f} a request, N {:,.0f}".format(
            *(self.median(row, 16, "bytes")[0] for row in "UN"))
        pid = self.caching.backend.process.pid
        yield "- private memory of the program with the cache after this load: %.1f MB, resident at most %.1f MB" % (
            memory(pid, "RssAnon"), memory(pid, "VmHWM"))

    def whole(self, name, tasks, rounds=5):
        """Reads a job of so many tasks; the bytes, the median of the seconds, the program's private memory before it and the
        most of it meanwhile."""
        pid = self.full.backend.process.pid
        before = memory(pid, "RssAnon")
        peak, over = [before], threading.Event()

        def watch():
            while not over.wait(0.002):
                peak.append(memory(pid, "RssAnon"))
        watcher = threading.Thread(target=watch)
        watcher.start()
        took = []
        for _ in range(rounds):
            began = time.monotonic()
            answer = self.full.front.get("large", name)
            took.append(time.monotonic() - began)
            assert answer.status_code == 200 and answer.content.count(b'"error_stack"') == tasks
        over.set()
        watcher.join()
        return len(answer.content), statistics.median(took), before, max(peak)

    def large(self):
        """A job of 100,000 tasks, and the memory that it and all before it took."""
        size, took, before, peak = self.whole("large", LARGE)
        yield "- a job of {:,} tasks, {:.1f} MB, through nginx: whole in {:.2f} s (median of 5)".format(LARGE, size / 1e6, took)
        yield "- private memory of the program without the cache after the load above: %.1f MB, while reading that job: %.1f MB; " \
            "resident at most: %.1f MB" % (before, peak, memory(self.full.backend.process.pid, "VmHWM"))


def main():
    arguments = read_arguments("bench/run.sh")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, arguments)
        bench.run()
        lines = [*machine(), "", "{:,} jobs of 3 steps of 4 tasks, a document of {:,} bytes, 4 threads, kept connections; "
                 "medians of {} rounds of {} s, interleaved.".format(arguments.jobs, bench.size, arguments.rounds,
                                                                    arguments.seconds), "",
                 *bench.table(), *bench.large()]
    write("latest", lines, bench.raw)


if __name__ == "__main__":
    main()
