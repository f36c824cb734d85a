"""Measures what becomes of a read with more jobs, tasks, threads and processes, how soon the program answers, and what it
takes at rest; started by run.sh."""

import contextlib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import fastcgi
import load
import measure
import postgres
import results
from backends import OwnSocket, SystemdSocket, end

CLIENTS = 16
JOBS = (1000, 10000, 100000, 1000000)
TASKS = (10, 100, 1000, 10000, 100000)
COUNTS = (1, 2, 4, 8, 16)  # of threads and of processes
STARTS = 20
IDLE = 8  # threads, and sessions of the database


class Processes(SystemdSocket):
    """Several of the program on one listener."""

    count = 1

    def start(self):
        super().start()
        self.others = [self.spawn() for _ in range(self.count - 1)]
        return self

    def stop(self):
        for process in self.others:
            end(process)
        return super().stop()


class Bench(measure.Bench):
    def rates(self, key, value, **sites):
        """Rounds of reads, full (F) and of unchanged jobs (U), at one client and at many, of these SITES."""
        usual = {name: getattr(self, name, None) for name in sites}
        self.__dict__.update(sites)
        for number in range(-1, self.arguments.rounds):  # the first one warms
            for clients in (1, CLIENTS):
                for row in "FU":
                    self.measure(row, clients)
                    got = self.raw.pop()
                    if number >= 0:
                        self.raw.append(dict(got, **{key: value}))
        self.__dict__.update(usual)

    def figure(self, row, clients, field, **where):
        return statistics.median(got[field] for got in self.raw if (got["row"], got["clients"]) == (row, clients)
                                 and all(got.get(key) == value for key, value in where.items()))

    def lines(self, key, values):
        yield ""
        yield "| %s | F, 1 client: p50 ms | F, %d clients: a second | U, 1 client: p50 ms | U, %d clients: a second |" % (
            key, CLIENTS, CLIENTS)
        yield "| --- | --- | --- | --- | --- |"
        for value in values:
            yield "| {:,} | {:.2f} | {:,.0f} | {:.2f} | {:,.0f} |".format(value, *(
                self.figure(row, clients, field, **{key: value}) for row in "FU"
                for clients, field in ((1, "p50"), (CLIENTS, "rate"))))

    def jobs(self, most):
        """The same reads with more and more jobs."""
        caching = self.start(self.stack, "caching", postgres.program())
        sizes = [jobs for jobs in JOBS if jobs <= most]
        for jobs in sizes:
            if jobs > self.arguments.jobs:
                print("filling up to {:,} jobs".format(jobs), file=sys.stderr)
                with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
                    load.add_jobs(cursor, self.arguments.jobs + 1, jobs)
                    cursor.execute("vacuum analyze")
                    cursor.execute("checkpoint")
                self.arguments.jobs = jobs
            self.rates("jobs", jobs, caching=caching)
        yield from self.lines("jobs", sizes)

    def tasks(self):
        with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            for tasks in TASKS:
                load.add_large(cursor, tasks, str(tasks))
            cursor.execute("vacuum analyze")
        yield ""
        yield "| tasks of a job | MB | whole through nginx: s | private memory before and at most: MB |"
        yield "| --- | --- | --- | --- |"
        for tasks in TASKS:
            size, took, before, peak = self.whole(str(tasks), tasks, rounds=9)
            self.raw.append({"row": "tasks", "tasks": tasks, "clients": 1, "seconds": took, "before": before, "peak": peak})
            yield "| {:,} | {:.3f} | {:.4f} | {:.1f}, {:.1f} |".format(tasks, size / 1e6, took, before, peak)

    def threads(self, key, kind, **more):
        """One process with more threads, or more processes of one thread."""
        for count in COUNTS:
            backend = type("Several", (kind,), {"count": count})
            variables = dict(more) or {"JOBSTATUS_THREADS": str(count)}
            with contextlib.ExitStack() as stack:
                self.rates(key, count, **{name: self.start(
                    stack, "%s-%d-%s" % (key, count, name), postgres.program(), backend=backend, JOBSTATUS_CACHE=size, **variables)
                    for name, size in (("full", "0"), ("caching", "16M"))})
        yield from self.lines(key, COUNTS)

    def starts(self):
        """From the call of the program to the end of its first answer, for which the request waits."""
        own, plain = [], []
        place = self.place / "starts"
        place.mkdir()
        request = fastcgi.job("1", "1")
        environment = {"JOBSTATUS_DATABASE": self.cluster.conninfo(user="reader")}
        for _ in range(STARTS):
            (place / "socket").unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(place / "socket"))
                listener.listen()
                with fastcgi.Connection(place / "socket") as connection:
                    connection.send(fastcgi.encode(request))
                    began = time.monotonic()
                    process = subprocess.Popen([postgres.program()], stdin=listener, stderr=subprocess.DEVNULL, env=environment)
                    assert connection.receive().status == 200
                    own.append(time.monotonic() - began)
                assert end(process) == 0
            began = time.monotonic()
            done = subprocess.run([postgres.program()], env=dict(environment, **request), stdin=subprocess.DEVNULL,
                                  capture_output=True, check=True)
            plain.append(time.monotonic() - began)
            assert done.stdout.startswith(b"Status: 200")
        yield ""
        yield "- from the start to the end of the first answer: %.0f ms as a server, %.0f ms as plain CGI (medians of %d)" % (
            statistics.median(own) * 1000, statistics.median(plain) * 1000, STARTS)

    def idle(self):
        """What the program takes at rest, with and without TLS to the database."""
        for what, name, more in (("a Unix socket", "idle", ""), ("TLS", "tls", " host=127.0.0.1 sslmode=require")):
            place = self.place / name
            place.mkdir()
            conninfo = self.cluster.conninfo(user="reader") + more + " application_name=" + name
            backend = OwnSocket(place, {"JOBSTATUS_DATABASE": conninfo,
                                        "JOBSTATUS_THREADS": str(IDLE)})
            self.stack.callback(backend.stop)
            backend.start()
            while self.sessions(name) < IDLE:
                clients = [threading.Thread(target=fastcgi.ask, args=(backend.socket, fastcgi.job("large", "large", "HEAD")))
                           for _ in range(IDLE)]
                for client in clients:
                    client.start()
                for client in clients:
                    client.join()
            yield "- at rest, {} threads and {} sessions over {}: {:.1f} MB private, {:.1f} MB resident".format(
                IDLE, IDLE, what, *(load.memory(backend.process.pid, field) for field in ("RssAnon", "VmRSS")))
            backend.stop()

    def sessions(self, name):
        with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_stat_activity join pg_stat_ssl using (pid) where application_name = %s"
                           " and ssl = (application_name = 'tls')", (name,))
            return cursor.fetchone()[0]


def certificate(cluster):
    """Gives the server a certificate, before it starts."""
    data = pathlib.Path(cluster.data)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout",
                    data / "server.key", "-out", data / "server.crt"], check=True, capture_output=True)
    (data / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        for name in ("server.key", "server.crt"):
            shutil.chown(data / name, "postgres")


def main():
    arguments = results.read_arguments("bench/run.sh growth", jobs=JOBS[-1])
    most, arguments.jobs = arguments.jobs, JOBS[0]
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, arguments, ["ssl=on"], tcp=True, prepare=certificate)
        lines = [*results.machine(), "", "Jobs of 3 steps of 4 tasks; F: full read, any job, without the cache; U: read of one of"
                 " {} unchanged jobs; behind nginx; 4 threads unless said otherwise; medians of {} rounds of {} s.".format(
                     measure.HOT, arguments.rounds, arguments.seconds),
                 *bench.starts(), *bench.idle(), *bench.tasks(), *bench.threads("threads", SystemdSocket),
                 *bench.threads("processes", Processes, JOBSTATUS_THREADS="1"), *bench.jobs(most)]
    results.write("growth", lines, bench.raw)


if __name__ == "__main__":
    main()
