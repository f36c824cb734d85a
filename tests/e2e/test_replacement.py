"""The program is replaced under load, and no request is lost.

Each way is the one that the samples tell. Where the front itself starts anew, every request has a connection of its
own, so that none depends on whether a kept one is still there; where it stays, half of the clients keep theirs.
"""

import http.client
import os
import signal
import threading

import pytest

import fronts
import samples
from conftest import wait_for

PATH = fronts.path_of("default", "data-import-2024-06-01")
TIMES = 5  # how often the program is replaced


class Steady:
    """Clients that ask all the time, and count what is not the right answer."""

    def __init__(self, port, kept, clients=8):
        self.port, self.count, self.wrong, self.over = port, 0, [], False
        self.expected = self.ask(self.connect())
        self.threads = [threading.Thread(target=self.client, args=(kept and i % 2 == 0,)) for i in range(clients)]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, connection):
        connection.request("GET", PATH)
        response = connection.getresponse()
        return response.status, response.read()

    def client(self, kept):
        connection = self.connect()
        while not self.over:
            try:
                answer = self.ask(connection)
            except (OSError, http.client.HTTPException) as failure:
                answer = repr(failure)
                connection.close()
            if answer != self.expected:
                self.wrong.append(answer)
            if not kept:
                connection.close()
            self.count += 1
        connection.close()

    def goes_on(self, more=200):
        """Waits until so many more have been answered."""
        goal = self.count + more
        wait_for(lambda: self.count >= goal, "%d answers" % more, timeout=60)

    def __enter__(self):
        assert self.expected[0] == 200
        for thread in self.threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.goes_on()
        self.over = True
        for thread in self.threads:
            thread.join()
        assert self.wrong == [], (len(self.wrong), self.count, self.wrong[:5])


def running(path):
    """The processes whose program is this very file, which may have been replaced."""
    found, wanted = [], os.stat(path)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            its = os.stat("/proc/%s/exe" % pid)
        except OSError:
            continue
        if (its.st_dev, its.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.append(int(pid))
    return found


def replace(program):
    """A new file in the place of the program, and what names the old one still."""
    old = program.with_name("old")
    os.link(program, old)
    new = program.with_name("new")
    new.write_bytes(program.read_bytes())
    new.chmod(0o755)
    new.rename(program)
    return old


class ImpatientFcgid(fronts.ApacheFcgid):
    """It ends a process that is idle after a second, not after five minutes."""

    def __init__(self, directory, **keywords):
        super().__init__(directory, replace={"FcgidIdleTimeout 300": "FcgidIdleTimeout 1"}, **keywords)
        self.more += "FcgidIdleScanInterval 1\n"


@pytest.mark.native
def test_mod_fcgid(run_site):
    """A new file is another program for mod_fcgid: it starts that, and ends the old one when it has been idle."""
    front = run_site("apache fcgid", front=ImpatientFcgid).front
    with Steady(front.port, kept=True):
        old = replace(front.program)
        wait_for(lambda: running(front.program) and not running(old), "the new program alone", timeout=60)


@pytest.mark.native
def test_graceful_restart_of_lighttpd(run_site):
    """SIGUSR1: lighttpd answers what it has, ends its processes and starts them anew; its clients wait."""
    front = run_site("lighttpd").front
    with Steady(front.port, kept=False) as load:
        for _ in range(TIMES):
            old = replace(front.program)
            front.signal(signal.SIGUSR1)
            wait_for(lambda: running(front.program) and not running(old), "the new program alone", timeout=60)
            load.goes_on()
            old.unlink()


class ApacheWithoutReuse(fronts.ApacheProxy):
    """As its sample tells for the time of a replacement."""

    def __init__(self, directory, socket):
        super().__init__(directory, socket)
        self.sample = samples.replaced(self.sample, {"enablereuse=on": "enablereuse=off"})


KINDS = [("nginx systemd", None), ("lighttpd socket", None), ("apache proxy", ApacheWithoutReuse)]


def pause(backend):
    """systemctl restart: the old one ends before the new one starts, and requests wait in between."""
    assert backend.end() == 0
    backend.start()


WAYS = {
    "a new program on the listener of the socket unit, then the old one's end": (fronts.SystemdSocket,
                                                                               fronts.SystemdSocket.replace),
    "no program for a moment": (fronts.SystemdSocket, pause),
    # The new one on a path beside, which takes the old one's place in one step; then the old one's end.
    "spawn-fcgi anew on the same path": (fronts.SpawnFcgi, fronts.SpawnFcgi.replace),
}


@pytest.mark.parametrize("name, front", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_socket_that_outlives_the_program(run_site, name, front, way):
    backend, change = WAYS[way]
    site = run_site(name, front=front, backend=backend)
    with Steady(site.front.port, kept=True) as load:
        for _ in range(TIMES):
            replace(site.backend.program).unlink()
            change(site.backend)
            load.goes_on()
