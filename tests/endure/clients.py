"""What clients and fronts may do, and a great many requests."""

import concurrent.futures
import contextlib
import os
import threading
import time

import fastcgi
from fastcgi import Connection, job, variables
from load import RIGHT, Scene, percentile
from rows import row

THREADS = 8


class Drip:
    """A front that sends a byte of a request each second, or goes away in the middle of one, again and again."""

    def __init__(self, path, leaves):
        self.path, self.leaves, self.over, self.begun = path, leaves, threading.Event(), 0
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        data = fastcgi.encode(job("endure", "job-1"), keep=True)
        while not self.over.is_set():
            self.begun += 1
            with contextlib.suppress(OSError), Connection(self.path) as connection:
                for at in range(len(data)):
                    connection.send(data[at:at + 1])
                    if self.over.wait(0.01 if self.leaves else 1) or (self.leaves and at == 50):
                        break


def memory(pid):
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@row("clients that send a byte a second, or go away, on half of the threads, {times} s", quick=3, full=60)
def slow(cluster, directory, times):
    with Scene(directory, cluster, "--threads=%d" % THREADS) as scene:
        tries = []
        while not tries or (len(tries) < 3 and tries[-1][1] > 2 * tries[-1][0]):
            with scene.steady() as load:
                began = time.monotonic()
                time.sleep(times)
                drips = [Drip(scene.program.socket, leaves=number % 2 == 1) for number in range(THREADS // 2)]
                for drip in drips:
                    drip.thread.start()
                middle = time.monotonic()
                time.sleep(times)
                end = time.monotonic()
                for drip in drips:
                    drip.over.set()
                    drip.thread.join()
            load.only(RIGHT)
            tries.append((1000 * percentile(load.since(began, middle), 0.99),
                          1000 * percentile(load.since(middle, end), 0.99)))
        assert tries[-1][1] <= 2 * tries[-1][0], tries
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            statuses = list(pool.map(lambda _: scene.program.get("endure", "job-1").status, range(10 * THREADS)))
        assert set(statuses) == {200} and time.monotonic() - began < 1  # all threads are back
    return "%d begun; p99 of the others %.1f ms before and %.1f ms meanwhile" % (
        sum(drip.begun for drip in drips), *tries[-1])


@row("{times} requests, mixed", quick=30000, full=1000000)
def many(cluster, directory, times):
    with Scene(directory, cluster, "--cache=1M") as scene:
        tag = scene.program.get("endure", "job-3").header("ETag")
        mixed = [(200, job("endure", "job-1")), (200, job("endure", "job-2", "HEAD")), (404, job("endure", "none")),
                 (304, job("endure", "job-3", HTTP_IF_NONE_MATCH=tag)), (422, job("endure", "x" * 300)),
                 (405, job("endure", "job-4", "PUT")), (204, job("endure", "job-5", "OPTIONS")), (404, variables("/")),
                 (200, job("endure", "job-6", HTTP_IF_NONE_MATCH='"x"'))]
        wrong, figures = [], []

        def client(number):
            with Connection(scene.program.socket) as connection:
                for at in range(times // THREADS):
                    status, params = mixed[(at + number) % len(mixed)]
                    answer = connection.ask(params)
                    if answer.status != status:
                        wrong.append((status, answer))
                    if number == 0 and at % (times // THREADS // 20) == 0:
                        figures.append((memory(scene.pid), len(os.listdir("/proc/%d/fd" % scene.pid))))
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(client, range(THREADS)))
        assert wrong == [], wrong[:3]
    warm = figures[len(figures) // 4:]
    growth = max(size for size, _ in warm) - warm[0][0]
    assert growth < 1 and max(count for _, count in warm) <= max(count for _, count in figures[:5]) + 2, figures
    return "memory %.1f MB, grown by %.2f MB after the first quarter; %d descriptors" % (
        warm[-1][0], growth, warm[-1][1])
