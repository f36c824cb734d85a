"""The program as a process: options, exit codes, plain CGI, sockets, --check."""

import grp
import os
import re
import socket
import stat
import subprocess

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
    for option in ("socket", "socket-group", "threads", "database", "schema", "prepare",
                   "accept-unknown-status", "compat", "timeout", "log-level", "log", "check", "version", "help"):
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
