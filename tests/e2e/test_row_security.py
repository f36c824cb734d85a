"""sql/row-security.sql: whoever reads the tables by a role of his own sees the workspaces that are his."""

import contextlib

import psycopg2
import pytest

import postgres
from conftest import DATABASE, TOP, install

WORKSPACES = ("w1", "w2")
TABLES = ("jobs", "steps", "tasks")


@pytest.fixture(scope="module")
def own():
    """Two workspaces of many jobs; alice reads one, bob none, jobstatus all of them."""
    with postgres.Cluster() as cluster:
        install(cluster, demo=False)
        for _ in range(2):
            cluster.psql_file(TOP / "sql" / "row-security.sql", dbname=DATABASE)
        with as_user(cluster, "postgres") as cursor:
            cursor.execute("""
                create role alice login in role jobstatus_reader; create role bob login in role jobstatus_reader;
                create role jobstatus login bypassrls in role jobstatus_reader;
                insert into jobstatus.readers (workspace, principal) values ('w1', 'alice'), ('w2', 'carol');
                insert into jobstatus.jobs (workspace, name, id, status)
                    select w, 'n' || i, 'j' || i, 'active' from unnest(%s) w, generate_series(0, 2999) i;
                insert into jobstatus.steps (workspace, job_id, position, id, name, status)
                    select workspace, id, 0, 's', 'step', 'active' from jobstatus.jobs;
                insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
                    select workspace, job_id, 0, 0, 't', 'task', 'active' from jobstatus.steps; analyze""",
                           (list(WORKSPACES),))
        yield cluster


@contextlib.contextmanager
def as_user(cluster, user):
    with contextlib.closing(cluster.connect(dbname=DATABASE, user=user)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def workspaces(cursor, table):
    cursor.execute("select distinct workspace from jobstatus.%s order by 1" % table)
    return [workspace for workspace, in cursor.fetchall()]


@pytest.mark.parametrize("user,seen", [("alice", ["w1"]), ("bob", []), ("jobstatus", ["w1", "w2"]),
                                       ("postgres", ["w1", "w2"])])
def test_what_a_role_sees(own, user, seen):
    with as_user(own, user) as cursor:
        for table in TABLES:
            assert workspaces(cursor, table) == seen
        cursor.execute("select principal from jobstatus.readers order by 1")
        assert [principal for principal, in cursor.fetchall()] == (
            [user] * len(seen) if user in ("alice", "bob") else ["alice", "carol"])


@pytest.mark.parametrize("statement", [
    "set row_security = off; select from jobstatus.jobs", "alter table jobstatus.jobs disable row level security",
    "drop policy workspaces on jobstatus.jobs", "insert into jobstatus.readers values ('w2', 'alice')",
    "set role jobstatus", "set session authorization jobstatus", "alter role alice bypassrls"])
def test_what_a_role_tries(own, statement):
    with as_user(own, "alice") as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


def test_another_name_is_not_taken_on(own):
    """A setting that looks like it changes nothing."""
    with as_user(own, "bob") as cursor:
        cursor.execute("set application_name = 'alice'; set jobstatus.principal = 'alice'; set role jobstatus_reader")
        assert workspaces(cursor, "jobs") == []


def test_a_program_of_one_tenant(own, run_program):
    program = run_program(conninfo=own.conninfo(user="alice", dbname=DATABASE))
    for _ in range(2):
        answer = program.get("w1", "n7")
        assert answer.status == 200 and b'"name":"task"' in answer.body
        assert program.get("w1", "n7", HTTP_IF_NONE_MATCH=answer.header("ETag")).status == 304
        assert program.get("w2", "n7").stdout == program.get("w1", "none").stdout
        assert program.get("w2", "n7", HTTP_IF_NONE_MATCH="*").stdout == program.get("w1", "none").stdout


def test_a_program_of_all(own, run_program):
    program = run_program("--authorize=REMOTE_USER", conninfo=own.conninfo(user="jobstatus", dbname=DATABASE))
    assert program.get("w1", "n7", REMOTE_USER="alice").status == 200
    assert program.get("w2", "n7", REMOTE_USER="alice").status == 404
    assert program.get("w2", "n7", REMOTE_USER="carol").status == 200


def test_who_reports_is_not_concerned(own):
    with as_user(own, "writer") as cursor:
        cursor.execute("select status from jobstatus.create_job('w2', 'new', '{one}')")
        assert cursor.fetchone() == ("created",)
        cursor.execute("select status from jobstatus.report_task('w2', 'new', 'one', 'task', 'active')")
        assert cursor.fetchone() == ("active",)
        cursor.execute("select name from jobstatus.delete_job('w2', 'new')")
        assert cursor.fetchone() == ("new",)


def test_a_job_is_still_found_by_index(own):
    with as_user(own, "alice") as cursor:
        for table, condition in (("jobs", "name = 'n7'"), ("steps", "job_id = 'j7'"), ("tasks", "job_id = 'j7'")):
            cursor.execute("explain select * from jobstatus.%s where workspace = 'w1' and %s" % (table, condition))
            plan = "\n".join(line for line, in cursor.fetchall())
            assert "using %s_" % table in plan and "Seq Scan on %s" % table not in plan, plan
