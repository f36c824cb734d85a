"""What may happen to the process, and what may run out."""

import concurrent.futures
import os
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import backends
import fronts
from conftest import DATABASE, HERE, Program, clean_environment, wait_for
from load import RIGHT, Scene, Steady, paths
from rows import row
from test_replacement import running


THREADS = 4  # of a process, unless the sample says otherwise


def site(kinds, directory, cluster, options=None):
    """A front and the program behind it, and what is right to answer."""
    (directory / "libexec").mkdir(exist_ok=True)
    made = fronts.Site(directory, *kinds, cluster.conninfo("reader", DATABASE), options=options).start()
    return made, {path: made.front.request("GET", path)[2] for path in paths()}


def compiled(directory, name):
    """A library to be loaded before all others."""
    shim = directory / (name + ".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(HERE.parent / "endure" / (name + ".c")), "-ldl"],
                   check=True)
    return shim


# mod_fcgid starts none for a while when many have ended: it counts three for each that ends and is replaced, takes one
# away a second, and stops at ten.
SUPERVISORS = {"mod_fcgid": (fronts.SITES["apache fcgid"], 4, 1),
               "lighttpd": (fronts.SITES["lighttpd"], 1, THREADS),
               "multiwatch": ((fronts.Nginx, backends.Multiwatch), 1, THREADS)}


@row("a process killed with SIGKILL under {supervisor}, {times} times", quick=2, full=30, supervisor=SUPERVISORS)
def killed(cluster, directory, times, supervisor):
    """Requests in flight fail, of which a process has so many; nobody else notices."""
    kinds, apart, in_flight = SUPERVISORS[supervisor]
    made, expected = site(kinds, directory, cluster)
    recoveries, replacements, failed = [], [], []

    def processes():
        return set(running((made.backend or made.front).program))

    def count_failed():
        return len(load.answers) - load.kinds()[RIGHT]
    try:
        with Steady(made.front.port, expected) as load:
            for _ in range(times):
                before, there = count_failed(), wait_for(processes, "a process")
                began = time.monotonic()
                os.kill(min(there), signal.SIGKILL)
                recoveries.append(load.recovery(began))
                # mod_fcgid starts another only if it needs one.
                while not processes() - there and time.monotonic() < began + 4:
                    time.sleep(0.01)
                if processes() - there:
                    replacements.append(time.monotonic() - began)
                time.sleep(max(0, began + apart - time.monotonic()))
                failed.append(count_failed() - before)
    finally:
        made.stop()
    assert "wrong 200" not in load.kinds(), load.wrong[:3]
    assert max(failed) <= in_flight and max(recoveries) < 1, (failed, recoveries, load.kinds())
    assert replacements or supervisor == "mod_fcgid"
    return ("one each %d s; %d of %d requests failed, at most %d by one kill; first 200 after %.2f s, another process "
            "after %.2f s" % (apart, sum(failed), len(load.answers), max(failed), max(recoveries),
                              max(replacements, default=0)))


@row("libfcgi left without memory, again and again, for {times} s", quick=4, full=60)
def starved(cluster, directory, times):
    """It ends the process by its assertions, and multiwatch starts another."""
    shim = compiled(directory, "starve")
    made, expected = site((fronts.Nginx, backends.Multiwatch), directory, cluster,
                          {"LD_PRELOAD": str(shim), "STARVE_AFTER": "20000"})
    seen = set()
    try:
        with Steady(made.front.port, expected) as load:
            end = time.monotonic() + times
            while time.monotonic() < end:
                seen |= set(running(made.backend.program))
                time.sleep(0.01)
    finally:
        made.stop()
    load.only(RIGHT, "wrong 502", "broken")
    assert len(seen) > times / 4, seen
    return "%d processes; %d right, %d answered 502 by nginx or not whole" % (
        len(seen), load.kinds()[RIGHT], len(load.answers) - load.kinds()[RIGHT])


@row("the program replaced under load, by SIGTERM to the old one, {times} times", quick=5, full=200)
def replaced(cluster, directory, times):
    made, expected = site(fronts.SITES["nginx systemd"], directory, cluster)
    try:
        with Steady(made.front.port, expected) as load:
            for _ in range(times):
                made.backend.replace()
                time.sleep(0.2)
    finally:
        made.stop()
    load.only(RIGHT)
    return "%d answers, all right" % len(load.answers)


@row("SIGTERM to an idle process of 64 threads, {times} times", quick=20, full=1000)
def stopped(cluster, directory, times):
    longest = 0
    for _ in range(times):
        program = Program(directory, "--threads=64", conninfo=cluster.conninfo("reader", DATABASE)).start()
        assert program.get("endure", "job-1").status == 200
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        longest = max(longest, time.monotonic() - began)
        program.process = None
    assert longest < 0.2, "%.3f s" % longest
    return "exit 0 after %.0f ms at most" % (1000 * longest)


class Hoard:
    """So many connections to PATH that ask for nothing; for each that is ended there is another."""

    def __init__(self, path, count):
        self.path, self.over, self.opened = str(path), threading.Event(), 0
        self.held = [self._open() for _ in range(count)]
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _open(self):
        self.opened += 1
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        one.connect_ex(self.path)
        return one

    def _run(self):
        while not self.over.wait(0.01):
            for ended in select.select(self.held, [], [], 0)[0]:
                ended.close()
                self.held[self.held.index(ended)] = self._open()

    def end(self):
        self.over.set()
        self.thread.join()
        for one in self.held:
            one.close()


@row("file descriptors used up by 300 connections that ask for nothing, for {times} s", quick=3, full=30)
def descriptors(cluster, directory, times):
    with Scene(directory, cluster) as scene, scene.steady() as load:
        resource.prlimit(scene.pid, resource.RLIMIT_NOFILE, (100, 100))
        hoard = Hoard(scene.program.socket, 300)
        try:
            wait_for(lambda: scene.program.lines("error"), "the line")
            before = scene.cpu()
            time.sleep(times)
            spent = (scene.cpu() - before) / times
        finally:
            hoard.end()
        recovery = load.recovery(time.monotonic())
        time.sleep(0.5)
    load.only(RIGHT)
    assert spent < 0.5 and recovery < 1 and len(scene.program.lines("error")) == 1
    return "%d opened, %d answers, all right; longest %.2f s; %.0f %% of a processor" % (
        hoard.opened, len(load.answers), max(took for _, took, _ in load.answers), 100 * spent)


@row("the time of day set back and forward by a day, {times} times", quick=10, full=300)
def clock(cluster, directory, times):
    shim, state = compiled(directory, "clock"), directory / "offset"
    state.write_bytes(bytes(8))
    env = clean_environment(LD_PRELOAD=str(shim), CLOCK_OFFSET=str(state))
    with Scene(directory, cluster, "--timeout=1", env=env) as scene:
        def turn(number, pause):
            """Sets it to tomorrow, then to yesterday."""
            with open(state, "r+b") as file:
                file.write((86400 * (-1) ** number).to_bytes(8, "little", signed=True))
            time.sleep(pause)
        with scene.steady() as load:
            for number in range(times):
                turn(number, 0.2)
        load.only(RIGHT)
        # A deadline meanwhile is as long as ever.
        cluster.freeze()
        try:
            with concurrent.futures.ThreadPoolExecutor() as threads:
                began = time.monotonic()
                asked = threads.submit(lambda: (scene.front.request("GET", paths()[0])[0], time.monotonic() - began))
                number = 0
                while not asked.done():
                    turn(number, 0.1)
                    number += 1
            status, took = asked.result()
        finally:
            cluster.thaw()
    assert status == 503 and 0.9 < took < 1.5, (status, took)
    days = {line["time"][:10] for line in scene.program.logged()}
    assert len(days) > 1, "the time was not set"
    return "%d answers, all right; a deadline of 1 s took %.2f s" % (len(load.answers), took)
