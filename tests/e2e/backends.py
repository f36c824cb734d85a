"""The program on a Unix socket, in each way that a front may find it there."""

import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import time

import postgres
from samples import PROGRAMDIR, SOCKET, TOP, clean, find, sample

ROOT = os.geteuid() == 0


class Backend:
    """The program on a Unix socket, for the fronts that do not start it."""

    def __init__(self, directory, options, program=None):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "backend.sock"
        self.options, self.program = options, program or postgres.program()
        self.process = None

    def command(self):
        raise NotImplementedError

    def spawn(self, command=None, stdin=subprocess.DEVNULL):
        with open(self.directory / "backend.log", "ab") as log:
            return subprocess.Popen([str(word) for word in command or self.command()], stdin=stdin, stdout=log,
                                    stderr=log, env=dict(clean(), **self.options), cwd="/")

    def start(self):
        self.process = self.spawn()
        return self.wait(self.socket)

    def wait(self, path):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    return self
            time.sleep(0.01)
        raise AssertionError("%s does not start: %s" % (type(self).__name__, self.log()))

    def log(self):
        return (self.directory / "backend.log").read_text()

    def stop(self):
        """Returns the program's exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        return end(process)


def end(process):
    """Asks a process to stop, and waits until it has. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class OwnSocket(Backend):
    """The program as it opens its socket itself."""

    def command(self):
        return [self.program, "--socket=%s" % self.socket, *(["--socket-group=www-data"] if ROOT else [])]


class SpawnFcgi(Backend):
    """The program started by spawn-fcgi with the socket as descriptor 0."""

    def command(self, path=None):
        return [find("spawn-fcgi"), "-n", "-s", path or self.socket, "-M", "0660",
                *(["-G", "www-data"] if ROOT else []), "--", self.program]

    def replace(self):
        """Starts a new one on a path beside and moves that to the place of the old one's, which then ends."""
        beside, old = self.socket.with_name("new.sock"), self.process
        self.process = self.spawn(self.command(beside))
        self.wait(beside)
        beside.rename(self.socket)
        assert end(old) == 0


class Multiwatch(SpawnFcgi):
    """The same, with multiwatch between them, which starts another when the program ends."""

    def command(self, path=None):
        *words, program = super().command(path)
        return [*words, find("multiwatch"), "-f", "1", "-t", "500", "--", program]


class SystemdSocket(Backend):
    """The program as systemd starts it by the units: the listener is descriptor 0, and outlives it."""

    def __init__(self, directory, options, program=None):
        super().__init__(directory, options, program)
        self.service = unit(sample("systemd/jobstatus.service", {PROGRAMDIR: self.program.parent}))["Service"]
        listening = unit((TOP / "systemd/jobstatus.socket").read_text())["Socket"]
        assert (listening["ListenStream"], listening["Accept"]) == ([SOCKET], ["no"])
        assert (self.service["StandardInput"], self.service["StandardError"]) == (["socket"], ["journal"])
        name, _, value = shlex.split(self.service["Environment"][0])[0].partition("=")
        self.options = dict({name: value}, **options)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(4096)
        os.chmod(self.socket, int(listening["SocketMode"][0], 8))
        if ROOT:
            shutil.chown(self.socket, group=listening["SocketGroup"][0])

    def command(self):
        return shlex.split(self.service["ExecStart"][0])

    def spawn(self):
        return super().spawn(stdin=self.listener)

    def replace(self):
        """Starts a new one on the same listener, and ends the old one."""
        old = self.process
        self.process = self.spawn()
        assert end(old) == 0

    def end(self):
        """Ends the program, and keeps the listener."""
        return super().stop()

    def stop(self):
        code = super().stop()
        self.listener.close()
        return code


def unit(text):
    """The sections of a systemd unit, each as names with their values in order."""
    sections, section = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            section.setdefault(name, []).append(value)
    return sections
