"""The platform itself, as its package installs it: started on a database, asked over HTTP, ended by its process id."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse

import requests

import postgres
import samples

CONFIG = """
platform:
  runtime: none
  base_url: http://127.0.0.1:%(port)d
auth:
  enabled: false
jobs:
  executors:
    - provider: subprocess
      profile: default
      backend: subprocess
      config:
        working_directory: %(directory)s/jobs
files:
  default_storage_config:
    type: local
    path: %(directory)s/files
"""


def path_of(*segments):
    return "/" + "/".join(urllib.parse.quote(segment, safe="") for segment in segments)


class Platform:
    """Its entities, auth, secrets, files and jobs services, without controllers, on a free port of 127.0.0.1."""

    def __init__(self, venv, directory, database):
        self.venv, self.directory, self.database = pathlib.Path(venv), pathlib.Path(directory), database
        self.log = self.directory / "platform.log"
        self.port = postgres.free_port()
        self.process = None
        self.session = requests.Session()
        self.session.trust_env = False
        self.writes = 0

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def environment(self, **more):
        """What it, and its client, keep beside their files is kept in our directory."""
        return dict(samples.clean(), HOME=str(self.directory), NEMO_TELEMETRY_ENABLED="false", NO_COLOR="1",
                    OTEL_SDK_DISABLED="true", **more)

    def start(self, timeout=180):
        config = self.directory / "platform.yaml"
        config.write_text(CONFIG % {"port": self.port, "directory": self.directory})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.venv / "bin" / "nemo"), "services", "run", "--services", "entities,auth,secrets,files,jobs",
                 "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, start_new_session=True,
                env=self.environment(DATABASE_URL=self.database))
        end = time.monotonic() + timeout
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the platform does not start:\n%s" % self.log.read_text()[-5000:])
            time.sleep(0.2)
        return self

    def ready(self):
        try:
            return self.session.get(self.url + "/health/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self):
        """Ends it and what it may have started: the process group is its own."""
        self.session.close()
        if self.process is None:
            return
        for number in signal.SIGTERM, signal.SIGKILL:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        self.process.wait()
        self.process = None

    def call(self, method, *segments, body=None, expect=(200, 201, 204)):
        """A call of its API; BODY may be JSON text already. What it answered, if that was expected."""
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode("ascii")
        answer = self.session.request(method, self.url + path_of("apis", *segments), data=data, timeout=60,
                                      headers={"Content-Type": "application/json"} if data else {})
        self.writes += method != "GET"
        if answer.status_code not in expect:
            raise RuntimeError("%s %s: %d %s" % (method, answer.request.path_url, answer.status_code,
                                                 answer.text[:500]))
        return answer
