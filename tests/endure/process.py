"""What may happen to the process, and what may run out."""

import concurrent.futures
import os
import resource
import signal
import socket
import subprocess
import time

import fronts
from conftest import DATABASE, HERE, Program, clean_environment, wait_for
from load import RIGHT, Scene, Steady, paths
from rows import row
from test_replacement import running


def site(name, directory, cluster, program=None):
    """A front that starts the program itself, and what is right to answer."""
    (directory / "libexec").mkdir(exist_ok=True)
    made = fronts.Site(directory, *fronts.SITES[name], cluster.conninfo("reader", DATABASE), program)
    made.start()
    return made, {path: made.front.request("GET", path)[2] for path in paths()}


# mod_fcgid starts none for a while when many have ended: it counts three for each that ends and is replaced, takes one
# away a second, and stops at ten.
APART = 4


@row("a process killed with SIGKILL under mod_fcgid, {times} times", quick=1, full=30)
def killed(cluster, directory, times):
    made, expected = site("apache fcgid", directory, cluster)
    recoveries, failed = [], []
    try:
        with Steady(made.front.port, expected) as load:
            for _ in range(times):
                before = len([1 for answer in load.answers if answer[2] != RIGHT])
                victims = wait_for(lambda: running(made.front.program), "a process")
                began = time.monotonic()
                os.kill(victims[0], signal.SIGKILL)
                recoveries.append(load.recovery(began))
                time.sleep(APART)
                failed.append(len([1 for answer in load.answers if answer[2] != RIGHT]) - before)
    finally:
        made.stop()
    assert "wrong 200" not in load.kinds(), load.wrong[:3]
    assert max(failed) <= 1, failed  # a process has one request at a time
    assert max(recoveries) < 1, recoveries
    return "one each %d s; %d of %d requests failed, at most %d by one kill; first 200 after %.2f s" % (
        APART, sum(failed), len(load.answers), max(failed), max(recoveries))


@row("the program replaced under load, by SIGTERM to the old one, {times} times", quick=5, full=200)
def replaced(cluster, directory, times):
    made, expected = site("nginx systemd", directory, cluster)
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


@row("file descriptors used up for {times} s", quick=3, full=30)
def descriptors(cluster, directory, times):
    with Scene(directory, cluster) as scene, scene.steady() as load:
        resource.prlimit(scene.pid, resource.RLIMIT_NOFILE, (100, 100))
        waiting = []
        for _ in range(300):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(str(scene.program.socket))
        wait_for(lambda: scene.program.lines("error"), "the line")
        before = scene.cpu()
        time.sleep(times)
        spent = (scene.cpu() - before) / times
        began = time.monotonic()
        for one in waiting:
            one.close()
        recovery = load.recovery(began)
        time.sleep(0.5)
    # Who is not accepted waits in the socket's queue, and nginx answers him after 15 s.
    load.only(RIGHT, "wrong 504")
    assert spent < 0.5 and recovery < 1 and len(scene.program.lines("error")) == 1
    return "%d right, %d answered 504 by nginx; %.0f %% of a processor; first 200 after %.2f s" % (
        load.kinds()[RIGHT], len(load.answers) - load.kinds()[RIGHT], 100 * spent, recovery)


@row("the time of day set back and forward by a day, {times} times", quick=10, full=300)
def clock(cluster, directory, times):
    shim, state = directory / "clock.so", directory / "offset"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(HERE.parent / "endure" / "clock.c"), "-ldl"],
                   check=True)
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
