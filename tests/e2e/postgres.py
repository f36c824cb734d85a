"""A private PostgreSQL cluster in a temporary directory, and where the program is."""

import atexit
import contextlib
import glob
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
# PostgreSQL does not run as root.
AS_POSTGRES = dict(user="postgres", group="postgres", extra_groups=[]) if os.geteuid() == 0 else {}


def built(variable, name):
    """What VARIABLE names, or else what was built in the source tree."""
    path = pathlib.Path(os.environ.get(variable) or TOP / name)
    if not path.exists():
        raise RuntimeError("%s is not built, or %s is wrong" % (path, variable))
    return path


def program():
    """The program under test."""
    return built("JOBSTATUS_FCGI", "jobstatus.fcgi")


def report():
    """The reporting command under test."""
    return built("JOBSTATUS_REPORT", "jobstatus-report")


def free_port():
    """A port that nobody listens on: below those of outgoing connections, and another one than in the other processes of
    pytest-xdist."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    while True:
        port = 12000 + 1000 * (worker % 20) + random.randrange(1000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def binaries():
    """Debian's newest PostgreSQL."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise RuntimeError("PostgreSQL is missing: run scripts/install-deps.sh")
    return found[-1]


class Cluster:
    """A server on a Unix socket; with tcp, on 127.0.0.1 too. Root's runs as the user postgres."""

    def __init__(self, tcp=False, settings=()):
        self.directory = tempfile.mkdtemp(prefix="jobstatus-pg.")
        os.chmod(self.directory, 0o755)
        self.socket_dir = self.directory
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "log")
        self.port = free_port()
        self.tcp = tcp
        self.pid = None
        self.settings = list(settings)
        atexit.register(self.remove)
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
        self._make()

    def _make(self):
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8", "-N")

    def _command(self, name, *arguments):
        return [os.path.join(binaries(), name), *arguments]

    def _run(self, name, *arguments):
        subprocess.run(self._command(name, *arguments), check=True, cwd="/", timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **AS_POSTGRES)

    def start(self, wait=True):
        settings = ["fsync=off", "max_connections=200",
                    "unix_socket_directories=%s" % self.socket_dir,
                    "listen_addresses=%s" % ("127.0.0.1" if self.tcp else ""),
                    "port=%d" % self.port, *self.settings]
        options = [word for setting in settings for word in ("-c", setting)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", self.data, *options), cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **AS_POSTGRES)
        self.pid = self.process.pid
        if wait:
            self._wait_for(self._accepts)
        return self

    def _wait_for(self, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end or not self.running():
                raise RuntimeError("PostgreSQL: %s" % open(self.log).read())
            time.sleep(0.01)

    def _accepts(self):
        try:
            self.connect(dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def running(self):
        return self.pid is not None and self.process.poll() is None

    def stop(self, mode="fast"):
        """Stops the server: mode is smart, fast or immediate, as pg_ctl's."""
        if not self.running():
            return
        os.kill(self.pid, {"smart": signal.SIGTERM, "fast": signal.SIGINT,
                           "immediate": signal.SIGQUIT}[mode])
        self.process.wait(60)
        self.pid = None

    def _signal_children(self, number):
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as file:
            for pid in map(int, file.read().split()):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass  # it ended meanwhile

    def freeze(self):
        """Stops every process of the server where it is, first the one that makes the others."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self._signal_children(signal.SIGSTOP)

    def thaw(self):
        """Lets a frozen server go on; one that does, or that does not run, stays as it is."""
        if self.running():
            self._signal_children(signal.SIGCONT)
            os.kill(self.pid, signal.SIGCONT)

    def remove(self):
        """Stops the server, frozen or not, and leaves nothing of it."""
        self.thaw()
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    def conninfo(self, user="postgres", dbname="postgres"):
        return "host=%s port=%d user=%s dbname=%s" % (self.socket_dir, self.port, user, dbname)

    def connect(self, dbname="postgres", user="postgres"):
        connection = psycopg2.connect(self.conninfo(user, dbname))
        connection.autocommit = True
        return connection

    def _psql(self, *arguments, dbname, user):
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                               "-d", self.conninfo(user, dbname), *arguments], check=True,
                              timeout=120, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True).stdout

    def psql(self, sql, dbname="postgres", user="postgres"):
        return self._psql("-c", sql, dbname=dbname, user=user)

    def psql_file(self, path, dbname="postgres", user="postgres"):
        return self._psql("-f", str(path), dbname=dbname, user=user)

    def createdb(self, name, template=None):
        self.psql("create database %s%s" % (name, " template %s" % template if template else ""))


class Standby(Cluster):
    """A hot standby that follows PRIMARY, which runs, by streaming replication."""

    def __init__(self, primary):
        self.primary = primary
        super().__init__()

    def _make(self):
        self._run("pg_basebackup", "-D", self.data, "-d", self.primary.conninfo(), "-R", "-X", "stream", "-c", "fast", "-N")

    def conninfo_after(self, user, dbname):
        """The primary's and this one's socket, in this order."""
        return "host=%s,%s port=%d,%d user=%s dbname=%s" % (
            self.primary.socket_dir, self.socket_dir, self.primary.port, self.port, user, dbname)

    def has_all(self):
        """Whether it has replayed what the primary has written."""
        end = self.primary.psql("select pg_current_wal_lsn()").strip()
        return self.psql("select pg_last_wal_replay_lsn() >= '%s'" % end).strip() == "t"
