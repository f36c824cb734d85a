"""Between a client and PostgreSQL: loses a connection at a chosen moment, or lets it hang."""

import contextlib
import os
import pathlib
import socket
import threading

import pytest

import postgres
from conftest import install

READY = b"Z\x00\x00\x00\x05"  # ReadyForQuery: the transaction is over


class Cutter:
    """A Unix socket in DIRECTORY that passes on to CLUSTER's.

    A connection on which the client sends MARKER is cut before the server has it, or after the server has done it and
    before its answer comes through, so many TIMES; with "hang" the server never has it, and the connection stays open.
    THEN is called between the cut and whatever the client does next."""

    def __init__(self, directory, cluster):
        self.directory = pathlib.Path(directory)
        self.port = cluster.port
        self.target = os.path.join(cluster.socket_dir, ".s.PGSQL.%d" % cluster.port)
        self.marker = None
        self.connections = 0
        self.lock = threading.Lock()
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.directory / (".s.PGSQL.%d" % self.port)))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def conninfo(self, user, dbname):
        return "host=%s port=%d user=%s dbname=%s" % (self.directory, self.port, user, dbname)

    def cut(self, marker, when, then=lambda: None, times=1):
        self.marker, self.when, self.then, self.left = marker.encode(), when, then, times

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.open:
            one.close()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            server = socket.socket(socket.AF_UNIX)
            self.open += [client, server]
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _takes(self, data):
        """Whether this is a moment to cut at."""
        with self.lock:
            if self.marker is None or self.marker not in data or self.left == 0:
                return False
            self.left -= 1
            return True

    def _serve(self, client, server):
        state = {"swallow": False}

        def end():
            for one in (client, server):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        def answers():
            reply = b""
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    if not state["swallow"]:
                        client.sendall(data)
                        continue
                    reply += data
                    if READY in reply:
                        self.then()
                        break
            end()

        with contextlib.suppress(OSError):
            server.connect(self.target)
            threading.Thread(target=answers, daemon=True).start()
            while data := client.recv(1 << 20):
                if not state["swallow"] and self._takes(data):
                    if self.when == "hang":
                        return
                    if self.when == "before":
                        self.then()
                        break
                    state["swallow"] = True
                server.sendall(data)
        end()


@pytest.fixture(scope="module")
def own():
    """A cluster of this module's own, which the tests stop and freeze."""
    cluster = postgres.Cluster()
    try:
        cluster.start()
        install(cluster, demo=False)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def cutter(own, directory):
    cutter = Cutter(directory, own)
    yield cutter
    cutter.close()
