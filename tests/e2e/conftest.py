"""Fixtures: a private PostgreSQL with our schema, the program on a socket, web servers before it."""

import contextlib
import grp
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import jsonschema
import pytest

# Their assertions speak for themselves as those of tests do.
pytest.register_assert_rewrite("reports", "reporting_crowd")

import fastcgi
import fronts
import oracle
import postgres

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
DATABASE = "jobstatus"


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the few tests that show that anything works at all")
    config.addinivalue_line("markers", "alone: tests of times so short that nothing else may run beside them")
    config.addinivalue_line("markers", "native: tests that need the program's own speed or file, which valgrind takes away")
    config.addinivalue_line("markers", "threads: tests in which several threads of the program meet")
    config.addinivalue_line("markers", "any_build: tests of the SQL or of a front, to which the program's build is all the same")


def sanitized():
    """Whether the program under test is a sanitizer build, whose time and memory say nothing."""
    if "JOBSTATUS_SANITIZED" in os.environ:
        return os.environ["JOBSTATUS_SANITIZED"] != "no"
    with open(postgres.program(), "rb") as file:
        return re.search(rb"__[at]san_init", file.read()) is not None


def slack():
    """What a sanitizer build may take longer."""
    return 3 if sanitized() else 1


def wait_for(condition, what, timeout=30):
    """Polls until CONDITION() is true and returns what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited %s s for %s" % (timeout, what)
        time.sleep(0.01)


def clean_environment(**more):
    """The environment without anything that would configure the program or libpq."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("JOBSTATUS_", "PG")) and key not in ("REQUEST_METHOD",)}
    env.update(more)
    return env


@contextlib.contextmanager
def scratch():
    """A temporary directory with a short path that servers of other users can reach."""
    path = tempfile.mkdtemp(prefix="jobstatus-e2e-")
    os.chmod(path, 0o755)
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def logfmt(line):
    """A line's pairs; {} for one that is none of ours."""
    pairs = {}
    while line:
        pair = re.match(r'([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "=\\]+))(?: |$)', line)
        if pair is None:
            return {}
        key, quoted, bare = pair.groups()
        assert key not in pairs, "%s twice in %r" % (key, line)
        pairs[key] = bare if quoted is None else re.sub(
            r"\\(?:x(..)|(.))", lambda escape: chr(int(escape[1], 16)) if escape[1] else escape[2], quoted)
        line = line[pair.end():]
    return pairs


class Program:
    """The program as a FastCGI server on a socket of its own, with its log in a file."""

    def __init__(self, directory, *options, env=None, conninfo=None, name="fcgi", preexec=None,
                 **keywords):
        self.socket = pathlib.Path(directory) / (name + ".sock")
        self.log_path = pathlib.Path(directory) / (name + ".log")
        self.arguments = [str(postgres.program()), "--socket=%s" % self.socket]
        if conninfo is not None:
            self.arguments.append("--database=" + conninfo)
        self.arguments += options
        self.env = clean_environment(**(env or {}))
        self.keywords = dict(keywords, preexec_fn=preexec)
        self.process = None

    def start(self, wait=True):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.env, cwd="/", **self.keywords)
        if wait:
            wait_for(self.listening, "the program's socket")
        return self

    def listening(self):
        assert self.process.poll() is None, "exit %d at start: %s" % (self.process.returncode,
                                                                     self.log)
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def lines(self, level):
        """The log lines of a level."""
        begins = re.compile(r"jobstatus: %s: |time=\S+ level=%s " % (level, level))
        return [line for line in self.log.splitlines() if begins.match(line)]

    def logged(self, **wanted):
        """What the lines with such pairs say, each as a dictionary."""
        return [pairs for pairs in map(logfmt, self.log.splitlines()) if wanted.items() <= pairs.items()]

    def signal(self, number):
        os.kill(self.pid, number)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def stop(self):
        """Ends it gracefully and says whether it went as it should."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code, self.process = self.process.returncode, None
        assert code == 0, "exit %d\n%s" % (code, self.log)
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log

    def ask(self, params, stdin=b"", timeout=60):
        return fastcgi.ask(self.socket, params, stdin, timeout)

    def get(self, workspace, name, **more):
        return fastcgi.get(self.socket, workspace, name, **more)

    def memory(self, field):
        """A figure of /proc/PID/status in bytes: VmHWM, VmRSS, RssAnon."""
        text = pathlib.Path("/proc/%d/status" % self.pid).read_text()
        return int(re.search(r"^%s:\s+(\d+) kB" % field, text, re.M).group(1)) * 1024


@pytest.fixture(scope="session")
def session_directory():
    with scratch() as path:
        yield path


@pytest.fixture
def directory():
    with scratch() as path:
        yield path


def install(cluster, database=DATABASE, demo=True):
    """Our schema, roles and functions, and login roles `reader` for the program and `writer` for who reports."""
    cluster.createdb(database)
    for name in ("schema", "roles", "reporting", "history") + (("demo",) if demo else ()):
        cluster.psql_file(TOP / "sql" / (name + ".sql"), dbname=database)
    with contextlib.closing(cluster.connect(dbname=database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role in ("reader", "writer"):
                cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
                if not cursor.fetchone():
                    cursor.execute("create role %s login in role jobstatus_%s" % (role, role))


@pytest.fixture(scope="session")
def cluster():
    cluster = postgres.Cluster()
    try:
        cluster.start()
        install(cluster)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def conninfo(cluster):
    """What the program connects with."""
    return cluster.conninfo(user="reader", dbname=DATABASE)


@pytest.fixture
def database(cluster):
    """A superuser's connection, for making and changing jobs."""
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        yield connection


@pytest.fixture
def admin(database):
    """The same as a function that executes, each statement a transaction."""
    database.autocommit = True

    def execute(statement, values=None):
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else None
    return execute


def www_group():
    """Options that let a web server's user at the socket, which only root can arrange for."""
    if os.geteuid() == 0:
        try:
            return ("--socket-group=" + grp.getgrnam("www-data").gr_name,)
        except KeyError:
            pass
    return ()


@pytest.fixture(scope="session")
def jobstatus(session_directory, conninfo):
    """The program, for all tests that do nothing to it."""
    program = Program(session_directory, *www_group(), conninfo=conninfo)
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture
def run_program(directory, conninfo):
    """Starts programs with options of their own; they end with the test."""
    programs = []

    def run(*options, wait=True, **keywords):
        keywords.setdefault("conninfo", conninfo)
        program = Program(directory, *options, name="fcgi%d" % len(programs), **keywords)
        programs.append(program)
        return program.start(wait)
    yield run
    failures = []
    for program in programs:
        try:
            program.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def run_front(directory):
    """Starts web servers that end with the test."""
    running = []

    def run(kind, *args, **keywords):
        place = directory / ("front%d" % len(running))
        place.mkdir()
        front = kind(place, *args, **keywords)
        running.append(front)
        return front.start()
    yield run
    for front in running:
        front.stop()


@pytest.fixture
def run_site(directory, request):
    """Starts fronts by their names, with the program behind them; they end with the test."""
    running = []

    def run(name, program=None, conninfo=None, body=None, front=None, backend=None, options=None):
        """Another PROGRAM, with a file BODY beside it if it needs one; another kind of FRONT or BACKEND."""
        place = directory / ("site%d" % len(running))
        (place / "libexec").mkdir(parents=True)
        if body is not None:
            shutil.copy(body, place / "libexec" / "body")
        conninfo = conninfo or request.getfixturevalue("conninfo")
        kinds = [mine or its for mine, its in zip((front, backend), fronts.SITES[name])]
        running.append(fronts.Site(place, *kinds, conninfo, program, options))
        return running[-1].start()
    yield run
    for site in running:
        site.stop()


@pytest.fixture(scope="session")
def lighttpd(session_directory, jobstatus):
    """A real front before `jobstatus`."""
    place = session_directory / "lighttpd"
    place.mkdir()
    front = fronts.Lighttpd(place, socket=jobstatus.socket)
    try:
        yield front.start()
    finally:
        front.stop()


@pytest.fixture(scope="session")
def example():
    """The contract's example response."""
    return oracle.parse((HERE / "example.json").read_bytes())


@pytest.fixture(scope="session")
def contract():
    """Validates a body against a schema of the contract."""
    schemas = json.loads((HERE / "contract_schema.json").read_text())
    checkers = {}

    def validate(body, name="PlatformJobStatusResponse"):
        if name not in checkers:
            checkers[name] = jsonschema.Draft202012Validator(
                dict(schemas, **{"$ref": "#/components/schemas/" + name}))
        checkers[name].validate(json.loads(body))
    return validate


@pytest.fixture(scope="session")
def odd(cluster):
    """A schema `odd` of plain tables without constraints: what views may bring along."""
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("""
                create schema odd;
                create table odd.jobs (workspace text, name text, id text,
                    attempt integer default 0, status text default 'active',
                    status_details json default '{}', error_details json default '{}',
                    revision bigint, created_at timestamptz default '2024-06-01 08:00:00+00',
                    updated_at timestamptz default '2024-06-01 08:00:00+00');
                create table odd.steps (workspace text, job_id text, attempt integer default 0,
                    position integer default 1, id text default 'step-1', name text default 's',
                    status text default 'active', status_details json default '{}',
                    error_details json default '{}',
                    created_at timestamptz default '2024-06-01 08:00:00+00',
                    updated_at timestamptz default '2024-06-01 08:00:00+00');
                create table odd.tasks (workspace text, job_id text, attempt integer default 0,
                    step_position integer default 1, position integer default 1,
                    id text default 'task-1', name text default 't',
                    status text default 'active', status_details json default '{}',
                    error_details json default '{}', error_stack text default '',
                    created_at timestamptz default '2024-06-01 08:00:00+00',
                    updated_at timestamptz default '2024-06-01 08:00:00+00');
                create unique index on odd.jobs (workspace, name);
                grant usage on schema odd to jobstatus_reader;
                grant select on all tables in schema odd to jobstatus_reader;
            """)
    return "odd"


@pytest.fixture(scope="session")
def odd_program(session_directory, conninfo, odd):
    """The program that reads the schema `odd`."""
    program = Program(session_directory, "--schema=" + odd, conninfo=conninfo, name="odd")
    try:
        program.start()
        yield program
    finally:
        program.stop()
