"""Real web servers, each with the least configuration that includes the sample of apache/, lighttpd/ or nginx/.

Every server listens on a free port of 127.0.0.1, keeps all its files in the directory it is given and
runs in the foreground as a child, so that it is stopped by its process id.
"""

import grp
import http.client
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

import requests

import postgres
from backends import OwnSocket, SpawnFcgi, SystemdSocket
from samples import DATABASE, LOCKS, PROGRAMDIR, SOCKET, clean, find, install, replaced, sample

ROOT = os.geteuid() == 0


def path_of(workspace, name):
    """A job's path, every odd byte of the names percent-encoded."""
    quote = lambda text: urllib.parse.quote(text, safe="")
    return "/apis/jobs/v2/workspaces/%s/jobs/%s/status" % (quote(workspace), quote(name))


class Front:
    sudo = ()  # what starts and ends it with more rights than ours

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        os.chmod(self.directory, 0o755)
        self.process = None
        self.session = requests.Session()
        self.session.trust_env = False

    def command(self):
        raise NotImplementedError

    def write(self, name, text, **values):
        """Writes the sample and the configuration that includes it, whose path it returns."""
        (self.directory / "jobstatus.conf").write_text(self.sample)
        path = self.directory / name
        path.write_text(text % dict(values, dir=self.directory, port=self.port))
        return str(path)

    def start(self):
        """Starts it on a free port; on another one if somebody was faster."""
        for _ in range(5):
            self.port = postgres.free_port()
            with open(self.directory / "output.log", "ab") as log:
                self.process = subprocess.Popen(
                    [*self.sudo, *self.command()], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=clean(), cwd=self.directory)
            if self._ready():
                return self
            self.stop()
        raise AssertionError("%s does not start:\n%s" % (type(self).__name__, self.logs()))

    def _ready(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self.process.poll() is None
            time.sleep(0.01)
        return False

    def logs(self):
        return "".join(path.read_text("utf-8", "replace")
                       for path in sorted(self.directory.glob("*.log")))

    def stop(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.signal(signal.SIGTERM)
                try:
                    self.process.wait(20)
                except subprocess.TimeoutExpired:
                    self.signal(signal.SIGKILL)
                    self.process.wait()
            self.process = None
        self.session.close()

    def signal(self, number):
        if self.sudo:
            subprocess.run([*self.sudo, "kill", "-%d" % number, str(self.process.pid)], check=True)
        else:
            self.process.send_signal(number)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def get(self, workspace, name):
        """A job's status through a kept connection."""
        return self.session.get(self.url + path_of(workspace, name), timeout=60)

    def request(self, method, target, body=None, headers=None):
        """Any request with its target as it is; returns (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for key, value in (headers or {}).items():
                connection.putheader(key, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


class Lighttpd(Front):
    """lighttpd before a socket, or starting the program itself."""

    def __init__(self, directory, socket=None, conninfo=None, program=None):
        super().__init__(directory)
        if socket is not None:
            self.sample = sample("lighttpd/jobstatus-socket.conf", {SOCKET: socket})
        else:
            self.program = install(self.directory, program)
            self.sample = sample("lighttpd/jobstatus.conf", {
                PROGRAMDIR: self.program.parent, DATABASE: conninfo,
                "/run/lighttpd/jobstatus.sock": self.directory / "bin.sock",
                "/run/lighttpd/jobstatus-metrics": self.directory / "metrics"})

    def command(self):
        return [find("lighttpd"), "-D", "-f", self.write("lighttpd.conf", """
server.document-root = "%(dir)s"
server.bind = "127.0.0.1"
server.port = %(port)d
server.max-keep-alive-requests = 1000000
server.errorlog = "%(dir)s/error.log"
server.upload-dirs = ("%(dir)s")
include "%(dir)s/jobstatus.conf"
""")]


class Nginx(Front):
    """nginx before a socket, with kept FastCGI connections."""

    listen = "127.0.0.1:8080"
    access = "access_log off;"

    def __init__(self, directory, socket, replace=None):
        super().__init__(directory)
        self.unbound = sample("nginx/jobstatus.conf", dict({SOCKET: socket}, **(replace or {})))

    def command(self):
        self.sample = replaced(self.unbound, {"listen " + self.listen: "listen 127.0.0.1:%d" % self.port})
        path = self.write("nginx.conf", """
%(user)s
daemon off;
worker_processes 1;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log;
events { worker_connections 1024; }
http {
    %(access)s
    client_body_temp_path %(dir)s/body;
    proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi;
    scgi_temp_path %(dir)s/scgi;
    keepalive_requests 1000000;
    include %(dir)s/jobstatus.conf;
}
""", access=self.access % {"dir": self.directory}, user="user root;" if ROOT else "")
        return [find("nginx"), "-p", str(self.directory), "-c", path, "-e", str(self.directory / "error.log")]


class MicroCache(Nginx):
    """nginx that keeps answers for a second."""

    def __init__(self, directory, socket):
        super().__init__(directory, socket)
        self.unbound = sample("nginx/jobstatus-microcache.conf", {
            SOCKET: socket, "/var/lib/nginx/jobstatus": self.directory / "cache"})


class _Apache(Front):
    modules = ()
    more = ""  # what the module needs beside the sample

    def __init__(self, directory, everywhere=False):
        """EVERYWHERE: the sample is included outside of the site."""
        super().__init__(directory)
        self.everywhere = everywhere

    def user(self):
        """Whom Apache, started as root, serves as: with sudo, the one who runs the tests."""
        if ROOT:
            return "www-data", "www-data"
        return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name

    def state(self):
        """A directory that Apache's user may write to."""
        path = self.directory / "state"
        if not path.exists():
            path.mkdir()
            if ROOT:
                shutil.chown(path, "www-data", "www-data")
        return path

    def command(self):
        modules = ("mpm_event", "authz_core", "authz_host") + self.modules
        include = 'Include "%s/jobstatus.conf"' % self.directory
        return [find("apache2"), "-D", "FOREGROUND", "-f", self.write("apache.conf", """
ServerRoot "%(dir)s"
ServerName localhost
Listen 127.0.0.1:%(port)d
PidFile "%(dir)s/apache.pid"
DefaultRuntimeDir "%(dir)s"
ErrorLog "%(dir)s/error.log"
Mutex "file:%(dir)s"
%(load)s
%(user)s
# Short of threads, or with more to spare than it likes, Apache closes kept connections as it pleases.
ServerLimit 1
StartServers 1
ThreadLimit 150
ThreadsPerChild 150
MaxRequestWorkers 150
MaxSpareThreads 150
MaxKeepAliveRequests 0
KeepAliveTimeout 30
DocumentRoot "%(dir)s"
<Directory />
    Require all granted
</Directory>
%(more)s
%(outside)s
<VirtualHost *:%(port)d>
%(inside)s
</VirtualHost>
""", outside=include if self.everywhere else "", inside="" if self.everywhere else include, more=self.more,
            user="User %s\nGroup %s" % self.user() if ROOT or self.sudo else "",
            load="\n".join("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so" % (m, m) for m in modules))]


class ApacheProxy(_Apache):
    """Apache mod_proxy_fcgi with reused connections."""

    modules = ("env", "proxy", "proxy_fcgi")

    def __init__(self, directory, socket, **keywords):
        super().__init__(directory, **keywords)
        self.sample = sample("apache/jobstatus-proxy.conf", {SOCKET: socket})


class ApacheFcgid(_Apache):
    """Apache mod_fcgid, which starts processes of one thread itself."""

    modules = ("alias", "fcgid")
    # It shares its process table through /dev/shm, which not every system lets a user write to.
    if not ROOT and not os.access("/dev/shm", os.W_OK):
        sudo = ("sudo", "-n")

    def __init__(self, directory, conninfo, program=None, replace=None, **keywords):
        super().__init__(directory, **keywords)
        self.program = install(self.directory, program)
        self.sample = sample("apache/jobstatus-fcgid.conf", dict({
            PROGRAMDIR: self.program.parent, DATABASE: conninfo, LOCKS: self.state()}, **(replace or {})))
        self.more = 'FcgidIPCDir "%(dir)s"\nFcgidProcessTableFile "%(dir)s/table"\n' % {"dir": self.state()}


class ApacheCgi(_Apache):
    """Apache mod_cgid, a process a request."""

    modules = ("alias", "env", "cgid")

    def __init__(self, directory, conninfo, program=None, **keywords):
        super().__init__(directory, **keywords)
        self.program = install(self.directory, program)
        self.sample = sample("apache/jobstatus-cgi.conf", {
            PROGRAMDIR: self.program.parent, DATABASE: conninfo, LOCKS: self.state()})
        self.more = 'ScriptSock "%s/cgid.sock"\n' % self.directory


class Site:
    """A front, and the program behind it where the front does not start it."""

    def __init__(self, directory, front, backend, conninfo, program=None, options=None):
        """OPTIONS are variables of a program that the front does not start."""
        self.directory, self.conninfo, self.program = pathlib.Path(directory), conninfo, program
        self.options = options or {}
        self.kinds = front, backend
        self.front = self.backend = None

    def start(self):
        front, backend = self.kinds
        if backend is not None:
            self.backend = backend(self.directory, dict(self.options, JOBSTATUS_DATABASE=self.conninfo),
                                   install(self.directory, self.program)).start()
            self.front = front(self.directory, socket=self.backend.socket)
        else:
            self.front = front(self.directory, conninfo=self.conninfo, program=self.program)
        self.front.start()
        return self

    def logs(self):
        return self.front.logs() + (self.backend.log() if self.backend else "")

    def stop(self):
        for part in (self.front, self.backend):
            if part is not None:
                part.stop()


# Every front of the samples.
SITES = {
    "lighttpd": (Lighttpd, None),
    "lighttpd socket": (Lighttpd, OwnSocket),
    "nginx spawn-fcgi": (Nginx, SpawnFcgi),
    "nginx systemd": (Nginx, SystemdSocket),
    "apache fcgid": (ApacheFcgid, None),
    "apache proxy": (ApacheProxy, OwnSocket),
    "apache cgi": (ApacheCgi, None),
}
