"""Measures reads behind nginx against what their parts cost; started by run.sh."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import fronts
import postgres
import samples
from backends import SystemdSocket

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = (1, 16, 64)
ROWS = {
    "H": "empty responder, a body of the same size",
    "P": "the read's statement, by pgbench",
    "F": "full read",
}
LARGE = 100000
TICKS = os.sysconf("SC_CLK_TCK")


def fill(cluster, jobs):
    """Jobs of 3 steps of 4 tasks in 100 workspaces, named by their numbers; one of 100,000 tasks."""
    for name in ("schema", "roles", "reporting"):
        cluster.psql_file(postgres.TOP / "sql" / (name + ".sql"))
    with contextlib.closing(cluster.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")  # nobody reads yet: no triggers
        cursor.execute("""
            insert into jobstatus.jobs (workspace, name, id, status, status_details)
                select i %% 100, i, 'job-' || md5(i::text), 'active',
                '{"progress": "45%%", "current_step": "validating data"}' from generate_series(1, %s) i;
            insert into jobstatus.steps (workspace, job_id, position, id, name, status, status_details)
                select workspace, id, p, 'step-' || md5(id || p), 'step-' || p, 'completed',
                '{"records_extracted": 15000}' from jobstatus.jobs, generate_series(0, 2) p;
            insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status, status_details)
                select workspace, job_id, position, p, 'task-' || md5(id || p), 'task-' || p, 'completed',
                '{"duration_seconds": 120}' from jobstatus.steps, generate_series(0, 3) p;
            insert into jobstatus.jobs (workspace, name, id, status) values ('large', 'large', 'large', 'active');
            insert into jobstatus.steps (workspace, job_id, position, id, name, status)
                values ('large', 'large', 0, 's', 's', 'active');
            insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
                select 'large', 'large', 0, p, 'task-' || p, 'task-' || p, 'active' from generate_series(1, %s) p""",
                       (jobs, LARGE))
        cursor.execute("vacuum analyze")
        cursor.execute("create role reader login in role jobstatus_reader")
        cursor.execute("create role writer login in role jobstatus_writer")


def statement(cluster, database="postgres", schema="jobstatus"):
    """The text of the program's read, as the server saw it."""
    environment = dict(samples.clean(), REQUEST_METHOD="GET", JOBSTATUS_SCHEMA=schema,
                       JOBSTATUS_DATABASE=cluster.conninfo(dbname=database), PGOPTIONS="-c log_statement=all",
                       PATH_INFO=fronts.path_of("1", "1"))
    subprocess.run([str(postgres.program())], env=environment, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return re.findall(r"execute jobstatus_read: (.*)", pathlib.Path(cluster.log).read_text())[-1]


def cpu(pids):
    """Seconds that the processes and their children, ended ones too, have used."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(") ", 1)[1].split()
            total += sum(map(int, fields[11:15])) / TICKS
            total += cpu(map(int, pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()))
    return total


def memory(pid, field):
    """A figure of /proc/PID/status in MB."""
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"^%s:\s+(\d+) kB" % field, text, re.M).group(1)) / 1024


def wrk(site, clients, seconds, jobs):
    run = subprocess.run(["wrk", "-t1", "-c%d" % clients, "-d%ds" % seconds, "--timeout", "30s", "-s",
                          str(HERE / "load.lua"), site.front.url, "--", str(jobs), str(random.randrange(1 << 30))],
                         capture_output=True, text=True, check=True)
    count, microseconds, p50, p99, refused, broken = map(int, run.stdout.split("\nresult ")[1].split())
    assert (refused, broken) == (0, 0), run.stdout
    return {"requests": count, "rate": count / (microseconds / 1e6), "p50": p50 / 1000, "p99": p99 / 1000}


def pgbench(cluster, script, clients, seconds, user="reader", rate=None):
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([os.path.join(postgres.binaries(), "pgbench"), "-n", "-M", "prepared", "-c%d" % clients, "-j1",
                        "-T%d" % seconds, "-l", "--log-prefix=%s/log" % place, "-f", str(script), "-h",
                        cluster.socket_dir, "-p", str(cluster.port), "-U", user,
                        *(["-R%d" % rate] if rate else []), "postgres"],
                       capture_output=True, check=True)
        took = sorted(int(line.split()[2]) for path in pathlib.Path(place).iterdir() for line in path.open())
    return {"requests": len(took), "rate": len(took) / seconds, "p50": took[len(took) // 2] / 1000,
            "p99": took[len(took) * 99 // 100] / 1000}


class Bench:
    def __init__(self, stack, arguments, settings=()):
        self.arguments, self.raw = arguments, []
        self.cluster = stack.enter_context(postgres.Cluster(
            settings=["autovacuum=off", "shared_buffers=1GB", *settings]))
        fill(self.cluster, arguments.jobs)
        self.place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.place.chmod(0o755)
        self.full = self.start(stack, "full", postgres.program())
        (self.place / "empty" / "libexec").mkdir(parents=True)
        body = self.full.front.get("1", "1").content
        (self.place / "empty" / "libexec" / "body").write_bytes(body)
        self.size = len(body)
        self.empty = self.start(stack, "empty", os.environ["JOBSTATUS_EMPTY"])
        self.script = self.place / "read.sql"
        text = statement(self.cluster).replace("$1", ":workspace").replace("$2", ":name")
        self.script.write_text("\\set name random(1, %d)\n\\set workspace :name %% 100\n%s;\n" % (arguments.jobs, text))

    def start(self, stack, name, program):
        place = self.place / name
        place.mkdir(exist_ok=True)
        site = fronts.Site(place, fronts.Nginx, SystemdSocket, self.cluster.conninfo(user="reader"), program)
        stack.callback(site.stop)
        return site.start()

    def measure(self, row, clients):
        seconds, jobs = self.arguments.seconds, self.arguments.jobs
        site = {"H": self.empty, "F": self.full}.get(row)
        pids = {"database": [self.cluster.pid]}
        if site is not None:
            pids.update(nginx=[site.front.process.pid], program=[site.backend.process.pid])
        before = {name: cpu(pids[name]) for name in pids}
        got = wrk(site, clients, seconds, jobs) if site else pgbench(self.cluster, self.script, clients, seconds)
        if site is not None:
            got["cpu"] = {name: (cpu(pids[name]) - before[name]) * 1000 / got["requests"] for name in pids}
        self.raw.append(dict(got, row=row, clients=clients))

    def run(self):
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

    def table(self):
        yield "| what | clients | requests/s | spread | p50 ms | p99 ms | CPU s per 1,000: nginx, program, database |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        for row, what in ROWS.items():
            for clients in CLIENTS:
                rate, least, most = self.median(row, clients, "rate")
                parts = "" if row == "P" else ", ".join(
                    "%.3f" % self.median(row, clients, "cpu", part)[0] for part in ("nginx", "program", "database"))
                yield "| %s: %s | %d | %s | %s to %s | %.2f | %.2f | %s |" % (
                    row, what, clients, *("{:,.0f}".format(x) for x in (rate, least, most)),
                    self.median(row, clients, "p50")[0], self.median(row, clients, "p99")[0], parts)
        yield ""
        for clients in CLIENTS:
            h, p, f = (self.median(row, clients, "rate")[0] for row in "HPF")
            limit = 1 / (1 / h + 1 / p)
            yield "- %d clients: L = 1 / (1/H + 1/P) = %s; F = %.2f L" % (clients, "{:,.0f}".format(limit), f / limit)

    def large(self):
        """A job of 100,000 tasks, and the memory that it and all before it took."""
        pid = self.full.backend.process.pid
        before = memory(pid, "RssAnon")
        peak, over = [before], threading.Event()

        def watch():
            while not over.wait(0.002):
                peak.append(memory(pid, "RssAnon"))
        watcher = threading.Thread(target=watch)
        watcher.start()
        took = []
        for _ in range(5):
            began = time.monotonic()
            answer = self.full.front.get("large", "large")
            took.append(time.monotonic() - began)
            assert answer.status_code == 200 and answer.content.count(b'"error_stack"') == LARGE
        over.set()
        watcher.join()
        yield "- a job of {:,} tasks, {:.1f} MB, through nginx: whole in {:.2f} s (median of 5)".format(
            LARGE, len(answer.content) / 1e6, statistics.median(took))
        yield "- private memory of the program after the load above: %.1f MB, while reading that job: %.1f MB; " \
            "resident at most: %.1f MB" % (before, max(peak), memory(pid, "VmHWM"))


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    yield "%s, %d cores (%s), Linux %s" % (datetime.date.today(), os.cpu_count(),
                                          model.group(1) if model else platform.machine(), platform.release())
    yield "; ".join([version(os.path.join(postgres.binaries(), "postgres"), "--version"),
                     version(fronts.find("nginx"), "-v"), version("gcc", "--version"), version("wrk", "-v")])


def write(name, lines, raw):
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / (name + ".md")).write_text("\n".join(lines) + "\n")
    (results / (name + ".json")).write_text(json.dumps(raw, indent=1) + "\n")
    print("\n".join(lines))


def read_arguments(program):
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=100000)
    return parser.parse_args()


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
