"""Real web servers, each with the least configuration that serves the program.

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

ROOT = os.geteuid() == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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

    def environment(self):
        return {key: value for key, value in os.environ.items()
                if not key.startswith(("JOBSTATUS_", "PG"))}

    def start(self):
        """Starts it on a free port; on another one if somebody was faster."""
        for _ in range(5):
            self.port = free_port()
            with open(self.directory / "output.log", "ab") as log:
                self.process = subprocess.Popen(
                    [*self.sudo, *self.command()], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=self.environment(), cwd=self.directory)
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
                self._signal(signal.SIGTERM)
                try:
                    self.process.wait(20)
                except subprocess.TimeoutExpired:
                    self._signal(signal.SIGKILL)
                    self.process.wait()
            self.process = None
        self.session.close()

    def _signal(self, number):
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
    """lighttpd before a socket, or starting the program itself (descriptor 0)."""

    def __init__(self, directory, socket=None, options=None, prefix="/"):
        super().__init__(directory)
        self.socket, self.options, self.prefix = socket, options or {}, prefix

    def command(self):
        if self.socket is not None:
            place = '"socket" => "%s"' % self.socket
        else:
            place = ('"bin-path" => "%s", "socket" => "%s/bin.sock", "max-procs" => 1,\n'
                     '"bin-environment" => (%s)' % (
                         postgres.program(), self.directory,
                         ", ".join('"%s" => "%s"' % item for item in self.options.items())))
        (self.directory / "lighttpd.conf").write_text("""
server.document-root = "%(dir)s"
server.bind = "127.0.0.1"
server.port = %(port)d
server.errorlog = "%(dir)s/error.log"
server.upload-dirs = ("%(dir)s")
server.modules = ("mod_fastcgi")
server.http-parseopts = (
    "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
    "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable",
    "url-ctrls-reject" => "enable", "url-path-2f-decode" => "disable",
    "url-path-dotseg-remove" => "enable", "method-get-body" => "enable")
fastcgi.server = ("%(prefix)s" => ((%(place)s,
    "check-local" => "disable", "fix-root-scriptname" => "enable")))
""" % {"dir": self.directory, "port": self.port, "prefix": self.prefix, "place": place})
        return [shutil.which("lighttpd", path="/usr/sbin:/usr/bin") or "lighttpd", "-D", "-f",
                str(self.directory / "lighttpd.conf")]


class Nginx(Front):
    """nginx with kept FastCGI connections."""

    def __init__(self, directory, socket, keep=64, parameters=None):
        super().__init__(directory)
        self.socket, self.keep = socket, keep
        self.parameters = parameters or {"SCRIPT_NAME": "$fastcgi_script_name"}

    def command(self):
        parameters = dict({"REQUEST_METHOD": "$request_method", "QUERY_STRING": "$query_string",
                           "CONTENT_TYPE": "$content_type", "CONTENT_LENGTH": "$content_length",
                           "REQUEST_URI": "$request_uri", "SERVER_PROTOCOL": "$server_protocol",
                           "GATEWAY_INTERFACE": "CGI/1.1"}, **self.parameters)
        (self.directory / "nginx.conf").write_text("""
%(user)s
daemon off;
worker_processes 1;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path %(dir)s/body;
    proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi;
    scgi_temp_path %(dir)s/scgi;
    upstream jobstatus { server unix:%(socket)s; keepalive %(keep)d; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%(port)d;
        keepalive_requests 1000000;
        location / {
            fastcgi_pass jobstatus;
            fastcgi_keep_conn on;
            %(params)s
        }
    }
}
""" % {"dir": self.directory, "port": self.port, "socket": self.socket, "keep": self.keep,
            "user": "user root;" if ROOT else "",
            "params": "\n".join("fastcgi_param %s %s;" % item for item in parameters.items())})
        return [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-p",
                str(self.directory), "-c", str(self.directory / "nginx.conf"), "-e",
                str(self.directory / "error.log")]


class _Apache(Front):
    modules = ()

    def sites(self):
        raise NotImplementedError

    def user(self):
        """Whom Apache, started as root, serves as: with sudo, the one who runs the tests."""
        if ROOT:
            return "www-data", "www-data"
        return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name

    def command(self):
        modules = ("mpm_event", "authz_core") + self.modules
        (self.directory / "apache.conf").write_text("""
ServerRoot "%(dir)s"
ServerName localhost
Listen 127.0.0.1:%(port)d
PidFile "%(dir)s/apache.pid"
DefaultRuntimeDir "%(dir)s"
ErrorLog "%(dir)s/error.log"
%(load)s
%(user)s
ServerLimit 1
StartServers 1
ThreadsPerChild 80
ThreadLimit 80
MaxRequestWorkers 80
MinSpareThreads 1
MaxSpareThreads 80
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
TraceEnable off
AllowEncodedSlashes NoDecode
Mutex "file:%(dir)s"
DocumentRoot "%(dir)s"
<Directory />
    Require all granted
</Directory>
%(sites)s
""" % {"dir": self.directory, "port": self.port, "sites": self.sites(),
            "user": "User %s\nGroup %s" % self.user() if ROOT or self.sudo else "",
            "load": "\n".join("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so" % (m, m)
                              for m in modules)})
        return [shutil.which("apache2", path="/usr/sbin:/usr/bin") or "apache2", "-f",
                str(self.directory / "apache.conf"), "-D", "FOREGROUND"]


class ApacheProxy(_Apache):
    """Apache mod_proxy_fcgi with reused connections."""

    modules = ("proxy", "proxy_fcgi")

    def __init__(self, directory, socket):
        super().__init__(directory)
        self.socket = socket

    def sites(self):
        # ProxyPass would refuse a name with a bare percent sign, or with nocanon any query string.
        return """
<Location "/">
    SetHandler "proxy:unix:%s|fcgi://localhost/"
</Location>
<Proxy "fcgi://localhost/">
    ProxySet enablereuse=on
</Proxy>""" % self.socket


class ApacheFcgid(_Apache):
    """Apache mod_fcgid, which starts processes of one thread itself."""

    modules = ("alias", "fcgid")
    # It shares its process table through /dev/shm, which not every system lets a user write to.
    if not ROOT and not os.access("/dev/shm", os.W_OK):
        sudo = ("sudo", "-n")

    def __init__(self, directory, options, mount="/"):
        super().__init__(directory)
        self.options, self.mount = dict({"JOBSTATUS_THREADS": "1"}, **options), mount
        # www-data need not reach the build's directory
        self.program = self.directory / "jobstatus.fcgi"
        shutil.copy2(postgres.program(), self.program)
        os.chmod(self.program, 0o755)
        (self.directory / "ipc").mkdir()
        if ROOT:
            shutil.chown(self.directory / "ipc", "www-data", "www-data")

    def sites(self):
        return """
FcgidIPCDir "%(dir)s/ipc"
FcgidProcessTableFile "%(dir)s/ipc/table"
FcgidMaxProcessesPerClass 8
%(env)s
ScriptAlias "%(mount)s" "%(program)s%(slash)s"
<Directory "%(dir)s">
    SetHandler fcgid-script
    Options +ExecCGI
</Directory>
""" % {"dir": self.directory, "program": self.program, "mount": self.mount,
            "slash": "/" if self.mount.endswith("/") else "",
            "env": "\n".join('FcgidInitialEnv %s "%s"' % item for item in self.options.items())}


class SpawnFcgi:
    """The program started by spawn-fcgi with the socket as descriptor 0."""

    def __init__(self, directory, options):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "spawn.sock"
        self.options, self.process = options, None

    def start(self):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("JOBSTATUS_", "PG"))}
        with open(self.directory / "spawn.log", "ab") as log:
            self.process = subprocess.Popen(
                [shutil.which("spawn-fcgi", path="/usr/bin:/usr/sbin") or "spawn-fcgi", "-n", "-s",
                 str(self.socket), "-M", "0660", "--", str(postgres.program())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(environment, **self.options), cwd="/")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self.socket)) == 0:
                    return self
            time.sleep(0.01)
        raise AssertionError("spawn-fcgi: " + (self.directory / "spawn.log").read_text())

    def stop(self):
        """Returns the program's exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        process, self.process = self.process, None
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
