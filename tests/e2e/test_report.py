"""jobstatus-report: each command's effect, what it takes, and each exit code."""

import json
import pathlib
import socket
import subprocess
import time

import pytest

import oracle
import postgres
from conftest import DATABASE, clean_environment, slack, wait_for
from cutter import cutter, own  # noqa: F401

OK, USAGE, DATA, NO_INPUT, SOFTWARE, CANNOT_CREATE, AWAY, PROTOCOL, NO_PERMISSION = 0, 64, 65, 66, 70, 73, 75, 76, 77


def run(conninfo, *arguments, stdin=b"", **env):
    """Runs the command and gives its exit code and what it says; it prints nothing, and says one line at most."""
    done = subprocess.run([str(postgres.report()), *arguments], input=stdin, capture_output=True, timeout=120,
                          env=clean_environment(JOBSTATUS_DATABASE=conninfo, **env))
    assert done.stdout == b""
    said = done.stderr.decode()
    if done.returncode == 0:
        assert said == ""
    else:
        assert said.startswith("jobstatus-report: error: ") and said.count("\n") == 1 and said.endswith("\n"), said
    return done.returncode, said[len("jobstatus-report: error: "):-1]


def check_refused(answer, code, said):
    assert answer[0] == code and said in answer[1], answer


@pytest.fixture(scope="session")
def writer(cluster):
    """What the command connects with."""
    return cluster.conninfo(user="writer", dbname=DATABASE)


@pytest.fixture
def report(writer):
    return lambda *arguments, **more: run(writer, *arguments, **more)


@pytest.fixture
def name(request, admin):
    """A name for the test's job, in a workspace of its own."""
    yield "report/j"
    admin("delete from jobstatus.jobs where workspace = 'report'")


@pytest.fixture
def served(jobstatus):
    """The document that clients get of the test's job."""
    def served(job="j"):
        answer = jobstatus.get("report", job)
        return json.loads(answer.body) if answer.status == 200 else answer.status
    return served


def status_of(document):
    """The job's status, and by name those of its steps and tasks."""
    return (document["status"], {step["name"]: step["status"] for step in document["steps"]},
            {task["name"]: task["status"] for step in document["steps"] for task in step["tasks"]})


@pytest.mark.smoke
def test_the_life_of_a_job(report, name, served):
    """Every command, and what a reader of the job sees after it."""
    def then(*arguments):
        assert report(*arguments) == (OK, "")
        return served()

    document = then("create", name, "--steps", "extract,load", "--id=job-1")
    assert document["id"] == "job-1"
    assert status_of(document) == ("created", {"extract": "created", "load": "created"}, {})
    document = then("step", name, "extract", "active", "--details={\"rows\": 1}")
    assert status_of(document) == ("active", {"extract": "active", "load": "created"}, {})
    assert document["steps"][0]["status_details"] == {"rows": 1}
    document = then("--details", '{"progress":"45%"}', "task", name, "extract", "t", "error",
                    '--error={"code": 7}', "--error-stack=a\nb")
    task = document["steps"][0]["tasks"][0]
    assert (task["status"], task["status_details"], task["error_details"], task["error_stack"]) == \
        ("error", {"progress": "45%"}, {"code": 7}, "a\nb")
    assert document["status_details"] == {"progress": "45%"}
    document = then("task", name, "extract", "u")
    assert status_of(document)[2] == {"t": "error", "u": "pending"}
    document = then("tasks", name, "load", '[{"name": "v", "status": "active"}, {"name": "w"}]')
    assert status_of(document)[2] == {"t": "error", "u": "pending", "v": "active", "w": "pending"}
    document = then("details", name, '{"note": "x"}')
    assert document["status_details"] == {"progress": "45%", "note": "x"}
    assert then("pause", name)["status"] == "pausing"
    then("step", name, "extract", "paused")
    assert report("complete", name)[0] == PROTOCOL
    then("step", name, "extract", "active")
    then("step", name, "extract", "completed")
    then("step", name, "load", "active")
    assert then("step", name, "load", "completed")["status"] == "completed"
    assert status_of(then("rerun", name)) == ("created", {"extract": "created", "load": "created"}, {})
    assert then("cancel", name)["status"] == "cancelled"
    assert then("delete", name) == 404


def test_complete_and_resume(report, name, served):
    assert report("create", name) == (OK, "")
    assert served()["id"].startswith("job-") and len(served()["id"]) == 40
    report("step", name, "s", "active")
    report("pause", name)
    report("step", name, "s", "paused")
    assert served()["status"] == "paused"
    assert report("resume", name) == (OK, "")
    assert served()["status"] == "resuming"
    report("step", name, "s", "active")
    report("step", name, "s", "completed")
    assert report("complete", name) == (OK, "")
    assert served()["status"] == "completed"


def test_names_of_every_kind(report, admin, served):
    odd = 'tâche "α" \'; -- 🚀'
    try:
        assert report("create", "report/" + odd, "--steps=" + odd + ",-x") == (OK, "")
        assert report("task", "--", "report/" + odd, "-x", odd, "active") == (OK, "")
        assert status_of(served(odd)) == ("created", {odd: "created", "-x": "created"}, {odd: "active"})
    finally:
        admin("delete from jobstatus.jobs where workspace = 'report'")


ODD_JSON = ('{"zero": -0.0, "big": 1234567890123456789012345678901234567890, "huge": 1e400, "nul": "\\u0000", '
            '"\\u0000": "\\ud83d\\ude80", "text": "é\\/\U0001f680"}')


@pytest.mark.parametrize("how", ["argument", "file", "standard input"])
def test_values_come_as_they_are(how, report, name, admin, directory):
    """No number and no \\u0000 is changed on the way, wherever the value comes from."""
    report("create", name, "--steps=s")
    path = directory / "value"
    path.write_text(ODD_JSON)
    value = {"argument": ODD_JSON, "file": "@%s" % path, "standard input": "@-"}[how]
    stdin = ODD_JSON.encode() if how == "standard input" else b"not read"
    assert report("task", name, "s", "t", "--details", value, stdin=stdin) == (OK, "")
    [(details,)] = admin("select status_details::text from jobstatus.tasks where workspace = 'report'")
    assert oracle.parse(details.encode()) == oracle.parse(ODD_JSON.encode())


def test_error_stack_from_a_file(report, name, served, directory):
    """The only way for a text that begins with @."""
    (directory / "stack").write_text("@first\n  at é\n\n")
    report("create", name, "--steps=s")
    assert report("task", name, "s", "t", "error", "--error-stack=@%s" % (directory / "stack")) == (OK, "")
    assert served()["steps"][0]["tasks"][0]["error_stack"] == "@first\n  at é\n\n"


def test_many_tasks(report, name, admin):
    report("create", name, "--steps=s")
    tasks = [{"name": "t%d" % i, "status": "active", "status_details": {"i": i}} for i in range(10000)]
    assert report("tasks", name, "s", "@-", stdin=json.dumps(tasks).encode()) == (OK, "")
    assert admin("select count(*), max(name) from jobstatus.tasks where workspace = 'report'") == [(10000, "t9999")]


@pytest.mark.parametrize("code, arguments, said", [
    (USAGE, ["create"], "create: wants "),
    (USAGE, ["create", "report"], "\"report\" is not WORKSPACE/JOB"),
    (USAGE, ["create", "a/b/c"], "\"a/b/c\" is not WORKSPACE/JOB"),
    (USAGE, ["create", "report/new", "--database=no such=thing"], "--database or JOBSTATUS_DATABASE: not a"),
    (USAGE, ["task", "report/j", "s", "t", "--details=@-", "--error=@-"], "@-: "),
    (DATA, ["create", "/new"], "invalid argument workspace: \"\""),
    (DATA, ["create", "report/.."], "invalid argument name: \"..\""),
    (DATA, ["create", "report/new", "--steps=a,,b"], "invalid argument steps"),
    (DATA, ["create", "report/new", "--steps=a\nb"], "\"a\\x0ab\" is no name"),
    (DATA, ["create", "report/new", "--id=" + "x" * 256], "invalid argument id: \"xxx"),
    (DATA, ["step", "report/j", "s", "running"], "invalid argument status: \"running\" is no status"),
    (DATA, ["step", "report/j", "s", ""], "invalid argument status: \"\""),
    (DATA, ["details", "report/j", "[]"], "invalid argument status_details: \"[]\" is no JSON object"),
    (DATA, ["details", "report/j", "{not json"], "json (Token \"not\" is invalid.)"),
    (DATA, ["details", "report/j", "{\"a\": " + "[" * 50000 + "]" * 50000 + "}"], "stack depth"),
    (DATA, ["tasks", "report/j", "s", "{}"], "invalid argument tasks: "),
    (DATA, ["step", "report/j", b"\xff", "active"], "invalid byte sequence"),
    (DATA, ["details", "report/j", "@/dev/zero"], "@/dev/zero: it holds a NUL byte"),
    (NO_INPUT, ["details", "report/j", "@/nowhere"], "@/nowhere: No such file or directory"),
    (NO_INPUT, ["cancel", "report/other"], "has no job \"other\""),
    (NO_INPUT, ["delete", "report/other"], "has no job \"other\""),
    (NO_INPUT, ["rerun", "report/other"], "has no job \"other\""),
    (NO_INPUT, ["task", "report/j", "other", "t"], "has no step \"other\""),
    (CANNOT_CREATE, ["create", "report/j"], "has a job \"j\""),
    (PROTOCOL, ["step", "report/j", "s", "resuming"], "step \"s\" from created to resuming"),
    (PROTOCOL, ["rerun", "report/j"], "from created to created"),
])
def test_what_is_refused(code, arguments, said, report, name, served):
    """By the command line, a file or the database: the code, a line, and nothing changed."""
    assert report("create", name, "--steps=s") == (OK, "")
    before = served()
    began = time.monotonic()
    check_refused(report(*arguments), code, said)
    assert time.monotonic() - began < 10 * slack()  # nothing of it is tried again
    assert served() == before


@pytest.mark.parametrize("variables, said", [
    ({"JOBSTATUS_TIMEOUT": "soon"}, "JOBSTATUS_TIMEOUT: \"soon\" is not"),
    ({"JOBSTATUS_DATABASE": "sekrit=x"}, "--database or JOBSTATUS_DATABASE: not a connection string"),
])
def test_variables(variables, said, cluster):
    done = subprocess.run([str(postgres.report()), "cancel", "report/j"], capture_output=True, text=True, timeout=60,
                          env=clean_environment(**variables))
    assert done.returncode == USAGE
    assert said in done.stderr and "sekrit" not in done.stderr


def test_version_and_help():
    for option, text in (("--version", "jobstatus-report 1."), ("--help", "usage: jobstatus-report COMMAND")):
        done = subprocess.run([str(postgres.report()), option], capture_output=True, text=True, timeout=60,
                              env=clean_environment())
        assert done.returncode == 0 and done.stdout.startswith(text) and done.stderr == ""


def test_control_characters(report):
    """Nothing that is said can forge a line or move a terminal's cursor."""
    code, said = report("cancel", "report/a\x1b[2J\nb")
    assert code in (DATA, NO_INPUT) and "a\\x1b[2J\\x0ab" in said


# Rights -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("user, said", [
    ("reader", "permission denied"), ("nobody_at_all", 'role "nobody_at_all" does not exist')])
def test_no_right(user, said, cluster, admin):
    began = time.monotonic()
    check_refused(run(cluster.conninfo(user=user, dbname=DATABASE), "create", "report/j"), NO_PERMISSION, said)
    assert time.monotonic() - began < 10 * slack()


def test_the_wrong_password(directory, cluster, admin):
    """Over TCP, from a server of its own: refused by the server, or by libpq when there is none."""
    with postgres.Cluster(tcp=True) as own:
        own.psql("create role keyed login password 'right'")
        pathlib.Path(own.data, "pg_hba.conf").write_text("local all all trust\nhost all keyed all scram-sha-256\n")
        own.psql("select pg_reload_conf()")
        conninfo = "host=127.0.0.1 port=%d user=keyed dbname=postgres" % own.port
        wait_for(lambda: run(conninfo, "cancel", "w/j")[0] == NO_PERMISSION, "the new pg_hba.conf")
        check_refused(run(conninfo, "cancel", "w/j"), NO_PERMISSION, "no password supplied")
        code, said = run(conninfo + " password=sekrit", "cancel", "w/j")
        assert code == NO_PERMISSION and "password authentication failed" in said and "sekrit" not in said


def test_nothing_installed(cluster, admin):
    """The database, the schema or the functions are missing: which, and what to do."""
    admin("create database bare")
    try:
        conninfo = cluster.conninfo(user="writer", dbname="bare")
        check_refused(run(conninfo, "create", "w/j"), NO_PERMISSION, "install sql/schema.sql")
        cluster.psql("create schema jobstatus; grant usage on schema jobstatus to public", dbname="bare")
        check_refused(run(conninfo, "create", "w/j"), NO_PERMISSION, "sql/reporting.sql")
    finally:
        admin("drop database bare")
    check_refused(run(conninfo, "create", "w/j"), NO_PERMISSION, 'database "bare" does not exist')


# A database that is away ------------------------------------------------------------------------------------------

def own_rows(own, statement):
    return own.psql(statement, dbname=DATABASE).split()


def test_gives_up_in_time(directory):
    """Nobody listens; or somebody does, and says nothing."""
    began = time.monotonic()
    code, said = run("host=%s user=writer dbname=x" % directory, "--timeout=0.5", "cancel", "w/j")
    assert code == AWAY and "No such file or directory" in said
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(directory / ".s.PGSQL.5432"))
        silent.listen()
        code, said = run("host=%s user=writer dbname=x" % directory, "cancel", "w/j", JOBSTATUS_TIMEOUT="0.5")
    assert (code, said) == (AWAY, "no answer to connecting in time")
    assert time.monotonic() - began < 1 + 2 * slack()


def test_waits_for_the_database(own, cutter):
    """It is stopped, and comes back while the command tries."""
    own.stop("fast")
    process = subprocess.Popen([str(postgres.report()), "create", "w/waited"], stderr=subprocess.PIPE, text=True,
                               env=clean_environment(JOBSTATUS_DATABASE=cutter.conninfo("writer", DATABASE)))
    wait_for(lambda: cutter.connections >= 3, "several attempts")
    assert process.poll() is None
    own.start()
    assert process.communicate(timeout=60) == (None, "") and process.returncode == 0
    assert own_rows(own, "select count(*) from jobstatus.jobs where name = 'waited'") == ["1"]


def test_a_lock_that_lasts(own):
    """No answer in time: 75, and the server has given the call up too."""
    conninfo = own.conninfo("writer", DATABASE)
    assert run(conninfo, "create", "w/locked") == (OK, "")
    with own.connect(dbname=DATABASE) as holder, holder.cursor() as cursor:
        cursor.execute("begin; select from jobstatus.jobs where name = 'locked' for update")
        assert run(conninfo, "cancel", "w/locked", "--timeout=1")[0] == AWAY
        wait_for(lambda: own_rows(own, "select count(*) from pg_stat_activity where usename = 'writer'") == ["0"],
                 "the end of the call")
        cursor.execute("rollback")
    holder.close()
    assert own_rows(own, "select status from jobstatus.jobs where name = 'locked'") == ["created"]


@pytest.fixture
def cut(cutter, own):
    """Runs the command while its connection is cut, and gives the job's id, attempt and status; [] without one."""
    def cut(job, marker, when, *arguments, then=lambda: None, times=1, code=OK):
        cutter.cut(marker, when, then, times)
        before = cutter.connections
        assert run(cutter.conninfo("writer", DATABASE), *arguments)[0] == code
        assert cutter.left == 0 and cutter.connections > before + times
        return own_rows(own, "select id || ' ' || attempt || ' ' || status from jobstatus.jobs where name = '%s'" % job)
    return cut


@pytest.fixture
def job(own, request):
    """A job of one step, which is active."""
    number = own_rows(own, "select count(*) from jobstatus.jobs")[0]
    conninfo, name = own.conninfo("writer", DATABASE), "cut-" + number
    assert run(conninfo, "create", "w/" + name, "--id=id-" + number, "--steps=s") == (OK, "")
    assert run(conninfo, "step", "w/" + name, "s", "active") == (OK, "")
    yield name
    own.psql("delete from jobstatus.jobs where name like 'cut%'", dbname=DATABASE)


LOST = pytest.mark.parametrize("when, times", [("before", 1), ("after", 1), ("before", 3), ("after", 2)])


@LOST
def test_a_lost_report(when, times, cut, job, own):
    cut(job, "report_task", when, "task", "w/" + job, "s", "t", "active", '--details={"n": 1}', times=times)
    assert own_rows(own, "select name || status from jobstatus.tasks where job_id like 'id-%'") == ["tactive"]


@LOST
def test_a_lost_creation(when, times, cut, own):
    row = cut("cut-new", "create_job", when, "create", "w/cut-new", "--steps=a", times=times)
    assert len(row) == 3 and row[1:] == ["0", "created"]
    own.psql("delete from jobstatus.jobs where name = 'cut-new'", dbname=DATABASE)


def test_a_creation_that_another_wins(cut, job):
    """The name is taken, though the first call was lost: by somebody else."""
    assert cut(job, "create_job", "before", "create", "w/" + job, code=CANNOT_CREATE)[1:] == ["0", "active"]


@LOST
def test_a_lost_rerun(when, times, cut, job, own):
    own.psql("select jobstatus.report_step('w', '%s', 's', 'completed')" % job, dbname=DATABASE)
    assert cut(job, "rerun_job", when, "rerun", "w/" + job, times=times)[1:] == ["1", "created"]


def test_a_lost_rerun_of_a_job_that_is_quick(cut, job, own):
    """It ended again before the second call, which must not run it a third time."""
    own.psql("select jobstatus.report_step('w', '%s', 's', 'completed')" % job, dbname=DATABASE)

    def end():
        own.psql("select jobstatus.cancel_job('w', '%s')" % job, dbname=DATABASE)
    assert cut(job, "rerun_job", "after", "rerun", "w/" + job, then=end)[1:] == ["1", "cancelled"]


@LOST
def test_a_lost_deletion(when, times, cut, job):
    assert cut(job, "delete_job", when, "delete", "w/" + job, times=times) == []


def test_a_lost_deletion_of_a_name_that_is_used_again(cut, job, own):
    def again():
        own.psql("select jobstatus.create_job('w', '%s', '{}', 'another')" % job, dbname=DATABASE)
    assert cut(job, "delete_job", "after", "delete", "w/" + job, then=again) == ["another", "0", "created"]


# Completion -------------------------------------------------------------------------------------------------------

COMPLETION = postgres.TOP / "completions" / "jobstatus-report"


@pytest.mark.parametrize("words, offered", [
    (["c"], {"create", "complete", "cancel"}),
    (["re"], {"resume", "rerun"}),
    (["create", "w/j", "--"], {"--steps=", "--id=", "--database=", "--timeout="}),
    (["create", "w/j", "--steps", "=", "--"], set()),
    (["step", "w/j", "s", "comp"], {"completed"}),
    (["step", "--timeout", "5", "w/j", "s", "comp"], {"completed"}),
    (["step", "--timeout", "=", "5", "w/j", "s", "comp"], {"completed"}),
    (["task", "w/j", "s", "comp"], set()),
    (["task", "w/j", "s", "t", "pa"], {"paused", "pausing"}),
    (["task", "w/j", "s", "t", "--e"], {"--error=", "--error-stack="}),
    (["task", "w/j", "s", "t", "--wrap", "--"], {"--heartbeat=", "--", "--database=", "--timeout="}),
    (["task", "w/j", "s", "t", "--wrap", "pa"], set()),
    (["task", "w/j", "s", "t", "--wrap", "--", "setpri"], {"setpriv"}),
    (["task", "w/j", "s", "t", "--details", "@/dev/nul"], {"@/dev/null"}),
    (["task", "w/j", "s", "t", "--details", "=", "@/dev/nul"], {"@/dev/null"}),
    (["tasks", "w/j", "s", "@/dev/nul"], {"@/dev/null"}),
    (["cancel", "w/j", "--"], {"--database=", "--timeout="}),
    (["cancel", "w/j", ""], set()),
])
def test_completion(words, offered):
    script = ('source "$0"; COMP_WORDS=(jobstatus-report "$@"); COMP_CWORD=$#; _jobstatus_report 2>/dev/null;'
              ' printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, str(COMPLETION), *words], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == offered
