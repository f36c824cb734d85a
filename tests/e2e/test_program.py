"""The program as a process: options, exit codes, plain CGI, sockets, signals, slow clients."""

import contextlib
import grp
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

import fastcgi
import fronts
import oracle
import postgres
from conftest import DATABASE, clean_environment, wait_for
from fastcgi import Answer, Connection, job

WORKSPACE, NAME = "default", "data-import-2024-06-01"
PATH = fastcgi.ROUTE % (WORKSPACE, NAME)
INTERNAL = b'{"detail":"Internal Server Error"}'


def run(*arguments, env=None, stdin=subprocess.DEVNULL):
    """One run to its end: (exit code, stdout, stderr)."""
    done = subprocess.run([str(postgres.program()), *arguments], stdin=stdin, capture_output=True,
                          env=clean_environment(**(env or {})), cwd="/", timeout=60)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


# Plain CGI


def cgi(conninfo, *arguments, method="GET", path=PATH, stdin=subprocess.DEVNULL, **env):
    env = dict({"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "",
                "GATEWAY_INTERFACE": "CGI/1.1", "JOBSTATUS_DATABASE": conninfo}, **env)
    code, out, err = run(*arguments, env=env, stdin=stdin)
    assert code == 0, err
    return Answer(out), err


@pytest.mark.smoke
def test_plain_cgi(conninfo, jobstatus, example):
    answer, err = cgi(conninfo)
    assert (answer.status, err) == (200, "")
    assert oracle.difference(example, oracle.parse(answer.body)) is None
    assert answer.stdout == jobstatus.get(WORKSPACE, NAME).stdout


@pytest.mark.parametrize("method, path", [
    ("HEAD", PATH), ("OPTIONS", PATH), ("POST", PATH), ("GET", PATH + "/"), ("HEAD", "/x"),
    ("GET", fastcgi.ROUTE % (WORKSPACE, "none")), ("GET", fastcgi.ROUTE % ("x" * 256, "\x01"))])
def test_plain_cgi_answers_as_fastcgi_does(conninfo, jobstatus, method, path):
    answer, _ = cgi(conninfo, method=method, path=path)
    assert answer.stdout == jobstatus.ask(fastcgi.variables(path, method)).stdout


@pytest.mark.parametrize("argument", ["--version", "--help", "--check", "--database=host=/nowhere", "--nonsense",
                                      "--threads=0", "--socket=/nowhere/x", "x", "--log-level=debug", "-"])
def test_plain_cgi_never_reads_its_command_line(conninfo, argument):
    answer, err = cgi(conninfo, argument, QUERY_STRING=argument.replace("=", "%3D"))
    assert (answer.status, err) == (200, "")


def test_plain_cgi_with_a_body_and_a_connected_socket(conninfo):
    """Apache's mod_cgid gives a connected socket, which is no listening one."""
    ours, its = socket.socketpair()
    with ours, its:
        ours.sendall(b"{}")
        assert cgi(conninfo, stdin=its.fileno(), CONTENT_LENGTH="2")[0].status == 200


def test_plain_cgi_without_database():
    answer, err = cgi("host=/nonexistent user=x password=sekrit dbname=y")
    assert (answer.status, answer.header("Retry-After")) == (503, "1")
    assert "error" in err and "sekrit" not in err and b"nonexistent" not in answer.body


@pytest.mark.parametrize("variable, value", [("JOBSTATUS_THREADS", "0"), ("JOBSTATUS_TIMEOUT", "never"),
                                             ("JOBSTATUS_PREPARE", "perhaps"),
                                             ("JOBSTATUS_DATABASE", "host='x password=sekrit")])
def test_plain_cgi_with_a_bad_variable(conninfo, variable, value):
    answer, err = cgi(**dict({"conninfo": conninfo}, **{variable: value}))
    assert (answer.status, answer.body) == (500, INTERNAL)
    assert answer.header("Content-Length") == str(len(INTERNAL))
    assert len(err.splitlines()) == 1 and variable in err and "sekrit" not in err


# Exit codes


BAD = {
    "threads": ["0", "257", "-1", "x", "", "4x", " 4", "1e1", "99999999999999999999"],
    "timeout": ["0", "0.009", "3600.1", "x", "", "-1", "nan", "inf", "1s", "0x10"],
    "prepare": ["maybe", "", "YES!", "1"],
    "log-level": ["loud", "", "2"],
    "log": ["file", ""],
    "socket-group": ["no-such-group-anywhere"],
    "database": ["host='unterminated", "no_such_keyword=1", "postgresql://[::1/x", "just words"],
    "schema": [""],
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options_and_variables(directory, option):
    variable = "JOBSTATUS_" + option.upper().replace("-", "_")
    for value in BAD[option]:
        listen = "--socket=%s/s" % directory
        code, out, err = run(listen, "--%s=%s" % (option, value))
        assert (code, out) == (64, b""), (value, code, out, err)
        assert "--" + option in err, (value, err)
        code, out, err = run(listen, env={variable: value})
        if value == "":
            continue  # an empty variable may stand for none
        assert (code, out) == (64, b""), (value, code, out, err)
        assert variable in err, (value, err)
        assert not (directory / "s").exists()


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--threads",), ("word",), ("--thread=4x",),
                                       ("--check=yes",), ("-x",), ("--socket=" + "/x" * 60,), ("--socket=",)])
def test_bad_command_lines(arguments):
    code, out, err = run(*arguments)
    assert code in ((64, 73) if arguments[0].startswith("--socket=/") else (64,)), (code, err)
    assert out == b"" and err != ""
    name = re.search(r"[a-z]+", arguments[0]).group()
    assert name in err


def test_options_go_before_variables(run_program):
    program = run_program("--threads=2", "--timeout=1", env={"JOBSTATUS_THREADS": "3",
                                                            "JOBSTATUS_DATABASE": "host=/nowhere"})
    assert program.get(WORKSPACE, NAME).status == 200


def test_everything_from_variables(conninfo, run_program):
    program = run_program(conninfo=None, env={
        "JOBSTATUS_DATABASE": conninfo, "JOBSTATUS_SCHEMA": "jobstatus", "JOBSTATUS_THREADS": "1",
        "JOBSTATUS_PREPARE": "no", "JOBSTATUS_TIMEOUT": "9.5", "JOBSTATUS_LOG_LEVEL": "debug",
        "JOBSTATUS_LOG": "stderr"})
    assert program.get(WORKSPACE, NAME).status == 200


@pytest.mark.parametrize("options", [(), ("--prepare=no",), ("--prepare=yes",), ("--threads=1",), ("--threads=256",),
                                     ("--timeout=3600",), ("--log=syslog",), ("--log-level=error",),
                                     ("--log-level=debug",)])
def test_good_options(run_program, options):
    program = run_program(*options)
    for _ in range(2):
        assert program.get(WORKSPACE, NAME).status == 200


def test_libpq_environment(run_program, conninfo):
    """Without --database, libpq's own variables count."""
    settings = dict(re.findall(r"(\w+)=(\S+)", conninfo))
    env = {{"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}[key]: value.strip("'")
           for key, value in settings.items() if key in ("host", "port", "user", "dbname")}
    program = run_program(conninfo=None, env=env)
    assert program.get(WORKSPACE, NAME).status == 200


def test_version():
    code, out, err = run("--version")
    assert (code, err) == (0, "") and re.match(rb"jobstatus\S* \S+\n$", out)


def test_help():
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for option in ("socket", "socket-group", "threads", "database", "schema", "prepare", "timeout", "log-level",
                   "log", "check", "version", "help"):
        assert b"--" + option.encode() in out


def test_usage_without_a_socket():
    code, out, err = run()
    assert (code, out) == (64, b"") and "--socket" in err


# Sockets


def test_a_live_socket_is_refused(run_program):
    program = run_program()
    code, out, err = run("--socket=%s" % program.socket)
    assert (code, out) == (73, b"") and str(program.socket) in err
    assert program.get(WORKSPACE, NAME).status == 200


def test_a_stale_socket_is_replaced(directory, run_program):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(directory / "fcgi0.sock"))
    assert run_program().get(WORKSPACE, NAME).status == 200


def test_after_a_crash(run_program):
    program = run_program()
    program.process.kill()
    program.process.wait()
    program.process = None
    assert program.socket.exists()
    assert program.start().get(WORKSPACE, NAME).status == 200


@pytest.mark.parametrize("what", ["missing directory", "directory", "file", "too long"])
def test_a_socket_that_cannot_be_made(directory, what):
    path = {"missing directory": directory / "no" / "s", "directory": directory, "file": directory / "f",
            "too long": directory / ("x" * 108)}[what]
    (directory / "f").write_text("precious")
    code, out, err = run("--socket=%s" % path)
    assert (code, out) == (73, b"") and str(path) in err
    assert (directory / "f").read_text() == "precious"


def test_socket_mode(run_program):
    mask = os.umask(0)
    try:
        program = run_program()
    finally:
        os.umask(mask)
    info = program.socket.stat()
    assert stat.S_ISSOCK(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o660
    assert info.st_gid == os.getegid()


def test_socket_group(run_program):
    groups = [g for g in grp.getgrall() if g.gr_gid != os.getegid()
              and (os.geteuid() == 0 or g.gr_gid in os.getgroups())]
    # A user who is in no other group can still name the own one.
    groups.append(grp.getgrgid(os.getegid()))
    program = run_program("--socket-group=" + groups[0].gr_name)
    info = program.socket.stat()
    assert (info.st_gid, stat.S_IMODE(info.st_mode)) == (groups[0].gr_gid, 0o660)
    assert program.get(WORKSPACE, NAME).status == 200


def test_the_socket_goes_with_the_program(run_program):
    program = run_program()
    program.stop()
    assert not program.socket.exists() or run("--socket=%s" % program.socket, "--version")[0] == 0
    assert program.start().get(WORKSPACE, NAME).status == 200


def test_spawn_fcgi(directory, conninfo, example):
    spawned = fronts.SpawnFcgi(directory, {"JOBSTATUS_DATABASE": conninfo})
    try:
        spawned.start()
        with Connection(spawned.socket) as connection:
            for _ in range(3):
                answer = connection.ask(job(WORKSPACE, NAME))
                assert answer.status == 200
                assert oracle.difference(example, oracle.parse(answer.body)) is None
        assert spawned.stop() == 0
    finally:
        spawned.stop()


def test_request_method_with_a_listening_socket(directory, conninfo):
    """A variable left over in the environment makes no CGI program of a FastCGI one."""
    spawned = fronts.SpawnFcgi(directory, {"JOBSTATUS_DATABASE": conninfo, "REQUEST_METHOD": "GET"})
    try:
        assert fastcgi.get(spawned.start().socket, WORKSPACE, NAME).status == 200
    finally:
        spawned.stop()


# Passwords


@pytest.mark.parametrize("database", [
    "host=/nonexistent user=x password=sekrit", "postgresql://x:sekrit@127.0.0.1:1/y", "host=x password='sekrit",
    "password=sekrit nonsense", "password=sekrit bogus=1", "postgresql://x:sekrit@[::1/y",
    "postgresql://x:sekrit@host:99999999/y", "postgresql://x:sekrit@host/y?bogus=1"])
def test_passwords_are_never_shown(run_program, database):
    for arguments, env in (("--database=" + database,), {}), ((), {"JOBSTATUS_DATABASE": database}):
        code, out, err = run("--check", "--timeout=1", *arguments, env=env)
        assert code in (64, 78) and err + out.decode() != ""
        assert "sekrit" not in err and b"sekrit" not in out
    if code == 78:
        program = run_program("--log-level=debug", "--timeout=1", conninfo=database)
        answer = program.get(WORKSPACE, NAME)
        assert answer.status == 503 and b"sekrit" not in answer.stdout
        assert "sekrit" not in program.log


# --check


def check(conninfo, *options):
    code, out, err = run("--check", "--database=" + conninfo, *options)
    text = out.decode() + err
    assert code in (0, 78) and text != ""
    assert "Sanitizer" not in text
    return code, text


@pytest.fixture
def schema(admin):
    """Makes a schema of views over ours; the test changes it."""
    made = []

    def make(name):
        admin("create schema " + name)
        made.append(name)
        for table in ("jobs", "steps", "tasks"):
            admin("create view %s.%s as select * from jobstatus.%s" % (name, table, table))
        admin("grant usage on schema %s to jobstatus_reader" % name)
        admin("grant select on all tables in schema %s to jobstatus_reader" % name)
        return name
    yield make
    for name in made:
        admin("drop schema %s cascade" % name)


def test_check_finds_nothing_wrong(conninfo, schema):
    assert check(conninfo)[0] == 0
    assert check(conninfo, "--schema=" + schema("check_views"))[0] == 0
    assert check(conninfo, "--prepare=no")[0] == 0


def test_check_cannot_connect(cluster):
    for database in ("host=/nonexistent", "host=127.0.0.1 port=1", cluster.conninfo(user="reader", dbname="nowhere"),
                     cluster.conninfo(user="nobody_of_that_name", dbname=DATABASE)):
        code, text = check(database)
        assert code == 78 and "connect" in text


def test_check_names_what_is_missing(conninfo, schema, admin):
    code, text = check(conninfo, "--schema=no_such_schema")
    assert code == 78 and "no_such_schema" in text and "schema" in text
    name = schema("check_missing")
    admin("drop view check_missing.tasks")
    code, text = check(conninfo, "--schema=" + name)
    assert code == 78 and "tasks" in text
    admin("create view check_missing.tasks as select workspace, job_id, attempt, step_position, position, id, name, "
          "status, status_details, error_details, created_at, updated_at from jobstatus.tasks")
    admin("grant select on check_missing.tasks to jobstatus_reader")
    code, text = check(conninfo, "--schema=" + name)
    assert code == 78 and "error_stack" in text and "tasks" in text


def test_check_names_the_right_that_lacks(conninfo, schema, admin):
    name = schema("check_rights")
    admin("revoke select on check_rights.steps from jobstatus_reader")
    code, text = check(conninfo, "--schema=" + name)
    assert code == 78 and "steps" in text and re.search("right|permission|privilege|select", text, re.I)
    admin("grant select on check_rights.steps to jobstatus_reader")
    admin("revoke usage on schema check_rights from jobstatus_reader")
    code, text = check(conninfo, "--schema=" + name)
    assert code == 78 and name in text and re.search("right|permission|privilege|usage", text, re.I)


def test_check_warns_of_a_superuser(cluster, admin):
    user = admin("select current_user")[0][0]
    code, text = check(cluster.conninfo(user=user, dbname=DATABASE))
    assert code == 0 and "superuser" in text


def test_check_makes_no_socket(conninfo, directory):
    assert check(conninfo, "--socket=%s/s" % directory)[0] == 0
    assert not (directory / "s").exists()


# Signals


@pytest.fixture
def slow(admin):
    """A schema whose jobs take as long to read as is asked for, the sleep being part of the read."""
    def make(seconds):
        admin("""
            drop schema if exists slow cascade;
            create schema slow;
            create view slow.jobs as select j.* from jobstatus.jobs j, (select pg_sleep(%s)) s;
            create view slow.steps as select * from jobstatus.steps;
            create view slow.tasks as select * from jobstatus.tasks;
            grant usage on schema slow to jobstatus_reader;
            grant select on all tables in schema slow to jobstatus_reader""", (seconds,))
        return "--schema=slow"
    yield make
    admin("drop schema if exists slow cascade")


def reading(admin):
    """How many sessions of the program are in a query."""
    return admin("select count(*) from pg_stat_activity where usename = 'reader' "
                 "and state = 'active'")[0][0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_graceful_stop(run_program, slow, admin, number):
    """What is in flight is finished, nothing more is accepted, idle connections hold nothing up."""
    program = run_program(slow(0.3), "--timeout=60")
    idle = [Connection(program.socket) for _ in range(3)]
    with Connection(program.socket) as connection, contextlib.ExitStack() as stack:
        for other in idle:
            stack.enter_context(other)
        connection.send(fastcgi.encode(job(WORKSPACE, NAME), keep=True))
        wait_for(lambda: reading(admin), "the read")
        program.signal(number)
        assert connection.receive().status == 200
        assert program.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_stop_of_an_idle_program(run_program, number):
    program = run_program()
    with Connection(program.socket) as kept:
        assert kept.ask(job(WORKSPACE, NAME)).status == 200
        start = time.monotonic()
        program.signal(number)
        assert program.wait() == 0
        assert time.monotonic() - start < 5
        assert kept.closed()


def test_stop_before_the_first_request(run_program):
    for _ in range(5):
        program = run_program()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0


def test_stop_without_a_database(run_program):
    program = run_program(conninfo="host=/nonexistent")
    assert program.get(WORKSPACE, NAME).status == 503
    program.signal(signal.SIGTERM)
    assert program.wait() == 0


def test_ignored_signals(run_program):
    program = run_program()
    with Connection(program.socket) as connection:
        for number in (signal.SIGHUP, signal.SIGPIPE):
            for _ in range(3):
                program.signal(number)
                assert connection.ask(job(WORKSPACE, NAME)).status == 200
    assert program.alive()


# Slow clients


def large(admin):
    admin("insert into odd.jobs (workspace, name, id, status_details) "
          "values ('w', 'large', 'id-large', json_build_object('s', repeat('x', 8000000)))")


def test_a_silent_client_is_cut(run_program):
    """Half a request and then nothing: cut after the deadline, and nobody else waits."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    for length in (1, 20, len(data) - 8):
        with Connection(program.socket) as silent:
            silent.send(data[:length])
            assert program.get(WORKSPACE, NAME).status == 200
            start = time.monotonic()
            assert silent.closed()
            assert time.monotonic() - start < 10
    assert program.alive()


def test_many_silent_clients(run_program):
    """More of them than threads hold others up for no longer than the deadline."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    silent = [Connection(program.socket) for _ in range(4)]
    try:
        for connection in silent:
            connection.send(data[:-8])
        assert program.get(WORKSPACE, NAME).status == 200
        for connection in silent:
            assert connection.closed()
    finally:
        for connection in silent:
            connection.close()


def test_a_dripping_client_is_cut(run_program):
    """A byte now and then is no way to keep a thread."""
    program = run_program("--threads=2", "--timeout=1")
    data = fastcgi.encode(job(WORKSPACE, NAME), keep=True)
    with Connection(program.socket) as slow:
        start = time.monotonic()
        try:
            for position in range(len(data)):
                slow.send(data[position:position + 1])
                assert time.monotonic() - start < 15, "never cut"
                slow.socket.settimeout(0.3)
                with contextlib.suppress(socket.timeout):
                    if slow.socket.recv(1) == b"":
                        break
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - start >= 0.8
        assert program.get(WORKSPACE, NAME).status == 200


def test_a_client_that_takes_nothing(run_program, odd, admin):
    """Cut after the deadline too; it holds no database connection, and nobody else waits."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--threads=2", "--timeout=1")
        with Connection(program.socket) as slow:
            slow.send(fastcgi.encode(job("w", "large"), keep=True))
            wait_for(lambda: slow.socket.recv(1, socket.MSG_PEEK), "the first byte")
            assert admin("select count(*) from pg_stat_activity where usename = 'reader' "
                         "and state = 'active'") == [(0,)]
            assert program.get("w", "none").status == 404
            # a thread that waits for this client has given up when both can serve others
            wait_for(lambda: cut(program), "the cut", 20)
            with pytest.raises(fastcgi.Cut):
                slow.receive()
        assert program.get("w", "large").status == 200
    finally:
        admin("delete from odd.jobs")


def cut(program):
    """Whether the program has let go of all but its own descriptors: one connection was open."""
    with open("/proc/net/unix") as table:
        return sum(1 for line in table if line.rstrip().endswith(str(program.socket))
                   and line.split()[5] == "03") == 0


def test_a_slow_but_steady_client_gets_all(run_program, odd, admin):
    """Taking something all the time is enough."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--timeout=1")
        with Connection(program.socket) as slow:
            slow.send(fastcgi.encode(job("w", "large"), keep=False))
            taken, start = [], time.monotonic()
            while time.monotonic() - start < 2.5:
                taken.append(slow.socket.recv(65536))
                assert taken[-1]
                threading.Event().wait(0.05)
            slow.buffer = b"".join(taken)
            assert slow.receive().status == 200
    finally:
        admin("delete from odd.jobs")


def test_leaving_in_the_middle_of_an_answer(run_program, odd, admin):
    """EPIPE and SIGPIPE end nothing."""
    large(admin)
    try:
        program = run_program("--schema=odd", "--threads=2")
        for _ in range(6):
            with Connection(program.socket) as connection:
                connection.send(fastcgi.encode(job("w", "large"), keep=True))
                connection.socket.recv(1000)
        assert program.get("w", "large").status == 200
        assert program.alive()
    finally:
        admin("delete from odd.jobs")


def test_many_idle_connections(run_program):
    """Connections that wait cost no thread and are never closed from our side."""
    program = run_program("--threads=1", "--timeout=0.5")
    idle = [Connection(program.socket) for _ in range(200)]
    try:
        for connection in idle[::2]:
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
        end = time.monotonic() + 1.5  # three deadlines
        while time.monotonic() < end:
            assert program.get(WORKSPACE, NAME).status == 200
        for connection in idle:
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
    finally:
        for connection in idle:
            connection.close()


def test_out_of_descriptors(run_program):
    """Those who wait to be accepted wait; the others are served, and nothing spins."""
    program = run_program("--threads=2", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
    with Connection(program.socket) as first:
        assert first.ask(job(WORKSPACE, NAME)).status == 200
        waiting = [Connection(program.socket) for _ in range(40)]
        try:
            wait_for(lambda: program.lines("error"), "the line")
            before, end = cpu_seconds(program), time.monotonic() + 1
            while time.monotonic() < end:
                assert first.ask(job(WORKSPACE, NAME)).status == 200
                time.sleep(0.05)
            assert cpu_seconds(program) - before < 0.5
        finally:
            for connection in waiting:
                connection.close()
        wait_for(lambda: program.lines("info")[-1].endswith("accept: goes on"), "the end of it")
        assert program.get(WORKSPACE, NAME).status == 200
    assert len(program.lines("error")) == 1, program.log


def cpu_seconds(program):
    with open("/proc/%d/stat" % program.pid) as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_pool_is_no_larger_than_needed(run_program, admin):
    """One request at a time needs one connection, whatever the number of threads."""
    program = run_program("--threads=8")
    before = sessions(admin)
    with Connection(program.socket) as connection:
        for _ in range(50):
            assert connection.ask(job(WORKSPACE, NAME)).status == 200
        assert sessions(admin) - before <= 1


def sessions(admin):
    return admin("select count(*) from pg_stat_activity where usename = 'reader'")[0][0]
