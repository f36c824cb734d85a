"""A database of known jobs, the program, nginx before it, and clients that ask steadily and compare every body."""

import contextlib
import http.client
import json
import os
import pathlib
import socket
import threading
import time

import fronts
from conftest import DATABASE, Program, install, wait_for, www_group
from cutter import Cutter

RATE = 500  # requests a second
CLIENTS = 25
JOBS = 20
RIGHT, UNAVAILABLE = "right", "unavailable"  # a 200 with the right body, a 503 as it should be

FILL = """
insert into jobstatus.jobs (workspace, name, id, status, status_details)
    select 'endure', 'job-' || j, 'id-' || j, 'active', json_build_object('number', j)
    from generate_series(1, %(jobs)s) j;
insert into jobstatus.steps (workspace, job_id, position, id, name, status)
    select 'endure', 'id-' || j, s, 'step-' || j || '-' || s, 'step-' || s, 'active'
    from generate_series(1, %(jobs)s) j, generate_series(1, 3) s;
insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
    select 'endure', 'id-' || j, s, t, 'task-' || j || '-' || s || '-' || t, 'task-' || t, 'active'
    from generate_series(1, %(jobs)s) j, generate_series(1, 3) s, generate_series(1, 4) t"""


def paths():
    return [fronts.path_of("endure", "job-%d" % number) for number in range(1, JOBS + 1)]


def execute(cluster, statement, values=None):
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def fill(cluster):
    install(cluster, demo=False)
    execute(cluster, FILL, {"jobs": JOBS})


class Steady:
    """Clients on kept connections; `answers` are (when it was asked, how long it took, what came)."""

    def __init__(self, port, expected, rate=RATE):
        self.port, self.expected, self.pause = port, expected, CLIENTS / rate
        self.answers, self.wrong, self.over = [], [], threading.Event()
        self.threads = [threading.Thread(target=self._client, args=(n,)) for n in range(CLIENTS)]

    def _ask(self, connection, path):
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status == 200 and body == self.expected[path]:
            return RIGHT
        if response.status == 503 and response.headers["Retry-After"] == "1" and "detail" in json.loads(body):
            return UNAVAILABLE
        self.wrong.append((response.status, body[:200]))
        return "wrong %d" % response.status

    def _client(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        names = list(self.expected)
        due = time.monotonic() + self.pause * number / CLIENTS
        while not self.over.wait(max(0, due - time.monotonic())):
            number, began = number + 1, time.monotonic()
            try:
                what = self._ask(connection, names[number % len(names)])
            except (OSError, ValueError, http.client.HTTPException) as error:
                what = "broken"
                self.wrong.append(repr(error))
                connection.close()
            self.answers.append((began, time.monotonic() - began, what))
            due = max(due + self.pause, time.monotonic() - 1)
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_for(lambda: len(self.answers) > 2 * CLIENTS, "the first answers")
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def since(self, when, until=None):
        """The answers to what was asked in that time."""
        return [answer for answer in list(self.answers) if answer[0] >= when and (until is None or answer[0] < until)]

    def recovery(self, when, limit=10):
        """Seconds from WHEN to the end of the first right answer after it, whenever it was asked."""
        def found():
            ends = [began + took for began, took, what in list(self.answers)
                    if what == RIGHT and began + took >= when]
            return [min(ends) - when] if ends else None
        return wait_for(found, "a right answer", limit)[0]

    def kinds(self):
        counts = {}
        for _, _, what in list(self.answers):
            counts[what] = counts.get(what, 0) + 1
        return counts

    def only(self, *allowed):
        """Asserts that nothing else came."""
        assert set(self.kinds()) <= set(allowed), (self.kinds(), self.wrong[:5])


def percentile(answers, share):
    times = sorted(took for _, took, _ in answers)
    return times[min(len(times) - 1, int(share * len(times)))]


class Scene:
    """The program with OPTIONS on CLUSTER, or by PATH to it, behind nginx."""

    def __init__(self, directory, cluster, *options, path=None, env=None):
        self.directory = pathlib.Path(directory)
        conninfo = (path or cluster).conninfo(user="reader", dbname=DATABASE)
        self.program = Program(directory, *www_group(), *options, conninfo=conninfo, env=env)

    def __enter__(self):
        self.program.start()
        self.pid = self.program.pid
        place = self.directory / "nginx"
        place.mkdir()
        self.front = fronts.Nginx(place, self.program.socket).start()
        self.expected = {}
        for path in paths():
            answer = self.front.request("GET", path)
            assert answer[0] == 200
            self.expected[path] = answer[2]
        return self

    def steady(self, **keywords):
        return Steady(self.front.port, self.expected, **keywords)

    def __exit__(self, kind, *_):
        self.front.stop()
        if kind is not None and self.program.alive():
            self.program.process.kill()
            self.program.process.wait()
        else:
            assert self.program.pid == self.pid
            self.program.stop()

    def cpu(self):
        """Seconds of processor that the program has taken."""
        with open("/proc/%d/stat" % self.pid) as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Path(Cutter):
    """A way to a cluster's socket that can be made to swallow everything, as a network may."""

    def __init__(self, directory, cluster):
        self.through = threading.Event()
        self.through.set()
        super().__init__(directory, cluster)

    def close(self):
        self.through.set()
        super().close()

    def _serve(self, client, server):
        server.connect(self.target)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.through.wait()
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
