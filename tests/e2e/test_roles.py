"""Roles: what each may do, and nothing else."""

import psycopg2
import pytest

from tables import SQL, fresh  # noqa: F401

pytestmark = pytest.mark.any_build


@pytest.mark.parametrize("role", ["jobstatus_reader", "jobstatus_writer"])
def test_roles_have_no_other_right(fresh, cluster, role):
    cursor, name = fresh()
    for _ in range(2):
        for file in ("roles", "reporting", "history"):
            cluster.psql_file(SQL / (file + ".sql"), dbname=name)
    may_read = role == "jobstatus_reader"
    for table in ("jobs", "steps", "tasks", "readers", "schema_version", "transitions", "step_times", "resting",
                  "status_counts"):
        cursor.execute("select privilege, has_table_privilege(%s, 'jobstatus.' || %s, privilege) from"
                       " unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references',"
                       " 'trigger']) as privilege", (role, table))
        expected = {"select"} if may_read and table in ("jobs", "steps", "tasks", "readers") else set()
        assert {privilege for privilege, held in cursor.fetchall() if held} == expected
    cursor.execute("select has_schema_privilege(%s, 'jobstatus', 'usage'),"
                   " has_schema_privilege(%s, 'jobstatus', 'create'),"
                   " has_sequence_privilege(%s, 'jobstatus.revision_seq', 'usage')", (role,) * 3)
    assert cursor.fetchone() == (True, False, False)
    cursor.execute("select count(*) from pg_class where relnamespace = 'jobstatus'::regnamespace"
                   " and pg_get_userbyid(relowner) <> 'jobstatus_owner'")
    assert cursor.fetchone() == (0,)


def test_the_owner_can_write(fresh, cluster):
    cursor, name = fresh()
    cluster.psql_file(SQL / "roles.sql", dbname=name)
    cursor.execute("set role jobstatus_owner")
    cursor.execute("insert into jobstatus.jobs (workspace, name, id, status) values ('w','n','j','active')")
    cursor.execute("update jobstatus.jobs set status = 'completed'")
    assert cursor.rowcount == 1


@pytest.mark.parametrize("role,statement", [
    *[(role, statement) for role in ("jobstatus_reader", "jobstatus_writer") for statement in [
        "insert into jobstatus.jobs (workspace, name, id, status) values ('w', 'n', 'j', 'active')",
        "update jobstatus.steps set status = 'error'", "delete from jobstatus.tasks",
        "insert into jobstatus.readers (workspace, principal) values ('w', 'p')",
        "select from jobstatus.jobs for update", "truncate jobstatus.tasks",
        "select nextval('jobstatus.revision_seq')", "table jobstatus.schema_version",
        "create table jobstatus.mine ()", "alter table jobstatus.jobs disable trigger touch",
        "create trigger mine before update on jobstatus.jobs for each row"
        " execute function jobstatus.touch_job()", "drop schema jobstatus cascade"]],
    ("jobstatus_writer", "table jobstatus.jobs"), ("jobstatus_writer", "table jobstatus.readers"),
    ("nobody_known", "table jobstatus.jobs"), ("nobody_known", "select jobstatus.is_name('x')"),
])
def test_what_roles_try(roles, role, statement):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        roles.execute("set role %s; %s" % (role, statement))
    roles.execute("reset role")


@pytest.fixture(scope="module")
def roles(fresh, cluster):
    """A database with its roles, and one role that is in none of them."""
    cursor, name = fresh()
    # What was given away before is taken back.
    cursor.execute("grant all on schema jobstatus to public;"
                   " grant all on all tables in schema jobstatus to public")
    cluster.psql_file(SQL / "roles.sql", dbname=name)
    cursor.execute("create role nobody_known")
    yield cursor
    cursor.execute("reset role; drop role nobody_known")
