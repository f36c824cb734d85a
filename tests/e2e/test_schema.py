"""The schema: installation, upgrade, what it keeps out, times, revisions and rights."""

import contextlib
import pathlib
import re
import subprocess
import threading
import time

import psycopg2
import pytest

import postgres

VERSIONS = sorted((pathlib.Path(__file__).parent / "schema_versions").glob("*.sql"))
SQL = postgres.TOP / "sql"
CATALOGUE = """
    select 'column', c.relname || '.' || a.attname,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
            and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'jobstatus'::regnamespace and c.relkind in ('r', 'S')
    union all select 'relation', relname, concat_ws(' ', relkind, obj_description(oid, 'pg_class'))
        from pg_class where relnamespace = 'jobstatus'::regnamespace
    union all select 'constraint', conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'jobstatus'::regnamespace
    union all select 'index', indexname, indexdef from pg_indexes where schemaname = 'jobstatus'
    union all select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
        from pg_trigger where not tgisinternal
    union all select 'function', oid::regprocedure::text,
        concat_ws(' ', pg_get_functiondef(oid), proacl::text, obj_description(oid, 'pg_proc'))
        from pg_proc where pronamespace = 'jobstatus'::regnamespace
    order by 1, 2, 3"""


@pytest.fixture(scope="module")
def fresh(cluster):
    """Makes a database and gives a connection; with a file, one that this was installed in."""
    made = []
    with contextlib.ExitStack() as stack:
        def make(path=SQL / "schema.sql"):
            name = "schema_%d" % len(made)
            made.append(name)
            cluster.createdb(name)
            if path is not None:
                cluster.psql_file(path, dbname=name)
            connection = stack.enter_context(contextlib.closing(cluster.connect(dbname=name)))
            return connection.cursor(), name
        yield make


@pytest.fixture
def cursor(schema):
    """The shared schema with one job of two steps of two tasks in it, anew for each test."""
    schema.execute("delete from jobstatus.jobs")
    schema.execute("insert into jobstatus.jobs (workspace, name, id, status, updated_at)"
                   " values ('w', 'n', 'j', 'active', '2020-01-01Z')")
    schema.execute("insert into jobstatus.steps (workspace, job_id, position, id, name, status,"
                   " updated_at) select 'w', 'j', p, 's' || p, 'step' || p, 'active', '2020-01-01Z'"
                   " from generate_series(0, 1) p")
    schema.execute("insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name,"
                   " status, updated_at) select 'w', 'j', s, p, 't' || s || p, 'task' || p, 'active',"
                   " '2020-01-01Z' from generate_series(0, 1) s, generate_series(0, 1) p")
    return schema


@pytest.fixture(scope="module")
def schema(fresh):
    return fresh()[0]


def rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()


def job(cursor):
    """Revision and updated_at of the job."""
    return rows(cursor, "select revision, updated_at from jobstatus.jobs where id = 'j'")[0]


def test_install_twice_is_harmless(fresh, cluster):
    cursor, name = fresh()
    before = rows(cursor, CATALOGUE), rows(cursor, "table jobstatus.schema_version")
    assert cluster.psql_file(SQL / "schema.sql", dbname=name) == ""
    assert (rows(cursor, CATALOGUE), rows(cursor, "table jobstatus.schema_version")) == before


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_upgrade_from_every_version(fresh, cluster, path):
    upgraded, name = fresh(path)
    upgraded.execute("insert into jobstatus.jobs (workspace, name, id, status, status_details)"
                     " values ('w', 'n', 'j', 'active', '{\"a\" : 1e400}')")
    upgraded.execute("insert into jobstatus.steps (workspace, job_id, attempt, position, id, name,"
                     " status) values ('w', 'j', 0, 0, 's', 'step', 'active')")
    upgraded.execute("insert into jobstatus.tasks (workspace, job_id, attempt, step_position,"
                     " position, id, name, status) values ('w', 'j', 0, 0, 0, 't', 'task', 'active')")
    data = "select j::text, s::text, t::text from jobstatus.jobs j, jobstatus.steps s, jobstatus.tasks t"
    before = rows(upgraded, data)
    cluster.psql_file(SQL / "schema.sql", dbname=name)
    assert rows(upgraded, data) == before
    # A change of the schema that is no new version shows here, too.
    assert rows(upgraded, CATALOGUE) == rows(fresh()[0], CATALOGUE)


def test_every_version_is_kept():
    current = int(re.search(r"installed > (\d+)", (SQL / "schema.sql").read_text()).group(1))
    assert [path.stem for path in VERSIONS] == [str(n) for n in range(1, current + 1)]


def test_downgrade_is_refused(fresh, cluster):
    cursor, name = fresh()
    cursor.execute("insert into jobstatus.schema_version (version) values (1000)")
    before = rows(cursor, CATALOGUE)
    with pytest.raises(subprocess.CalledProcessError) as error:
        cluster.psql_file(SQL / "schema.sql", dbname=name)
    assert "version 1000 of the schema is installed" in error.value.stderr
    assert rows(cursor, CATALOGUE) == before


def test_concurrent_installations(fresh, cluster):
    cursor, name = fresh(None)
    failures = []

    def install():
        try:
            cluster.psql_file(SQL / "schema.sql", dbname=name)
            cluster.psql_file(SQL / "roles.sql", dbname=name)
        except subprocess.CalledProcessError as error:
            failures.append(error.stderr)

    threads = [threading.Thread(target=install) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(cursor, "select count(*) from jobstatus.schema_version") == [(1,)]


@pytest.mark.parametrize("file", ["schema.sql", "roles.sql"])
def test_installations_wait_for_one_another(fresh, cluster, file):
    cursor, name = fresh()
    cluster.psql_file(SQL / "roles.sql", dbname=name)
    cursor.execute("alter database %s set lock_timeout = '50ms'" % name)
    cursor.execute("begin; select pg_advisory_xact_lock(hashtext('jobstatus.schema'))")
    with pytest.raises(subprocess.CalledProcessError) as error:
        cluster.psql_file(SQL / file, dbname=name)
    assert "lock timeout" in error.value.stderr
    cursor.execute("rollback")
    cluster.psql_file(SQL / file, dbname=name)


def test_keys_id_name_and_status_suffice(cursor):
    assert rows(cursor, "select attempt, status_details::text, error_details::text from jobstatus.jobs"
                " where id = 'j'") == [(0, "{}", "{}")]
    assert rows(cursor, "select error_stack from jobstatus.tasks limit 1") == [(None,)]


STATUSES = ["created", "pending", "active", "cancelled", "cancelling", "error", "completed", "paused",
            "pausing", "resuming"]
# The least that an insert gives, beside the rows that the fixture made.
LEAST = {
    "jobs": {"workspace": "x", "name": "x", "id": "x", "status": "created"},
    "steps": {"workspace": "w", "job_id": "j", "position": 7, "id": "x", "name": "x",
              "status": "created"},
    "tasks": {"workspace": "w", "job_id": "j", "step_position": 0, "position": 7, "id": "x",
              "name": "x", "status": "created"},
}
NAMES = [("n", True), ("", False), (".", False), ("..", False), ("...", True), ("a/b", False),
         ("a" * 255, True), ("a" * 256, False), ("🚀" * 255, True), ("🚀" * 256, False),
         ("a\x01", False), ("a\nb", False), ("a\x1f", False), ("a b", True), ("~", True),
         ("a\x7f", False), ("a\x80", False), ("a\x9f", False), ("a\xa0", True), ("\u2028", True),
         ("%2F?#&+\\", True)]


def values():
    """Tables, columns, values, and the constraint that each breaks, or None."""
    for table in LEAST:
        for column in ("name", "workspace") if table == "jobs" else ("name",):
            yield from ((table, column, value, None if good else column + "_check")
                        for value, good in NAMES)
        yield from ((table, "status", status, None) for status in STATUSES)
        yield from ((table, "status", status, "status_check") for status in ("Active", "", "running"))
        yield from ((table, "id", value, check) for value, check in [
            ("/", None), ("i" * 255, None), ("🚀" * 255, None), ("", "id_check"),
            ("i" * 256, "id_check")])
        for column in ("status_details", "error_details"):
            yield from ((table, column, value, None)
                        for value in ("{}", '{"\\u0000": 1e400}', ' {"a": 1, "a": [2]} '))
            yield from ((table, column, value, column + "_check")
                        for value in ("[]", "null", '"{}"', "1", "true"))
        for column in ("created_at", "updated_at"):
            yield from ((table, column, value, check and column + check) for value, check in [
                ("0001-01-01 00:00:00+00", None), ("9999-12-31 23:59:59.999999+00", None),
                ("0001-12-31 23:59:59.999999+00 BC", "_year"), ("0001-01-01 00:00:00+01", "_year"),
                ("9999-12-31 23:00:00-01", "_year"), ("10000-01-01 00:00:00+00", "_year"),
                ("infinity", "_finite"), ("-infinity", "_finite")])
    for table in ("jobs", "steps"):
        yield from ((table, "attempt", n, check)
                    for n, check in [(0, None), (2147483647, None), (-1, "attempt_check")])
    for table in ("steps", "tasks"):
        yield from ((table, "position", n, check)
                    for n, check in [(2147483647, None), (-1, "position_check")])


def insert(cursor, table, **given):
    row = dict(LEAST[table], **given)
    cursor.execute("insert into jobstatus.%s (%s) values (%s)" % (
        table, ", ".join(row), ", ".join(["%s"] * len(row))), list(row.values()))


@pytest.mark.parametrize("table,column,value,check", values())
def test_checks(cursor, table, column, value, check):
    if check is None:
        insert(cursor, table, **{column: value})
        return
    with pytest.raises(psycopg2.errors.CheckViolation) as error:
        insert(cursor, table, **{column: value})
    assert error.value.diag.constraint_name == table + "_" + check


def test_times_are_judged_in_any_time_zone(cursor):
    cursor.execute("set timezone = 'Pacific/Kiritimati'; set datestyle = 'SQL, DMY'")
    try:
        insert(cursor, "jobs", created_at="9999-12-31 23:59:59+00", updated_at="0001-01-01 00:00:00+00")
        with pytest.raises(psycopg2.errors.CheckViolation):
            insert(cursor, "steps", created_at="0001-01-01 00:00:00+14")
    finally:
        cursor.execute("reset timezone; reset datestyle")


@pytest.mark.parametrize("table", LEAST)
@pytest.mark.parametrize("column", ["name", "id", "status", "status_details", "error_details",
                                    "created_at", "updated_at"])
def test_nothing_but_the_error_stack_is_null(cursor, table, column):
    with pytest.raises(psycopg2.errors.NotNullViolation):
        insert(cursor, table, **{column: None})


@pytest.mark.parametrize("table,given,constraint", [
    ("jobs", {"workspace": "w", "id": "j"}, "jobs_pkey"),
    ("jobs", {"workspace": "w", "name": "n"}, "jobs_name_key"),
    ("jobs", {"id": "j", "name": "n"}, None),
    ("steps", {"position": 0}, "steps_pkey"),
    ("steps", {"name": "step0"}, "steps_name_key"),
    ("steps", {"position": 0, "name": "step0", "attempt": 1}, None),
    ("steps", {"workspace": "x"}, "steps_job_fkey"),
    ("steps", {"job_id": "x"}, "steps_job_fkey"),
    ("tasks", {"position": 0}, "tasks_pkey"),
    ("tasks", {"name": "task0"}, "tasks_name_key"),
    ("tasks", {"step_position": 7}, "tasks_step_fkey"),
    ("tasks", {"attempt": 1}, "tasks_step_fkey"),
    ("tasks", {"workspace": "x"}, "tasks_step_fkey"),
])
def test_keys(cursor, table, given, constraint):
    if constraint is None:
        insert(cursor, table, **given)
        return
    with pytest.raises(psycopg2.IntegrityError) as error:
        insert(cursor, table, **given)
    assert error.value.diag.constraint_name == constraint


def test_every_key_leads_with_workspace(cursor):
    assert rows(cursor, """
        select conname from pg_constraint where connamespace = 'jobstatus'::regnamespace
        and conrelid <> 'jobstatus.schema_version'::regclass and contype in ('p', 'u', 'f')
        and (conkey[1] <> (select attnum from pg_attribute
                where attrelid = conrelid and attname = 'workspace')
            or confupdtype = 'c')""") == []


def test_an_insert_keeps_its_times(cursor):
    for table in ("jobs", "steps", "tasks"):
        assert rows(cursor, "select bool_and(updated_at = '2020-01-01Z') from jobstatus." + table) \
            == [(True,)]


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_an_update_moves_updated_at(cursor, table):
    sql = "select max(updated_at) > now() - interval '1 minute' from jobstatus." + table
    for details in ("status_details", "error_details"):
        cursor.execute("update jobstatus.%s set updated_at = '2020-01-01Z'" % table)
        assert rows(cursor, sql) == [(False,)]
        cursor.execute("update jobstatus.%s set %s = '{\"a\": 1}'" % (table, details))
        assert rows(cursor, sql) == [(True,)]


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_updated_at_never_goes_back_by_itself(cursor, table):
    cursor.execute("update jobstatus.%s set updated_at = '2100-01-01Z'" % table)
    cursor.execute("update jobstatus.%s set status = 'paused'" % table)
    assert rows(cursor, "select bool_and(updated_at = '2100-01-01 00:00:00.000001Z') from jobstatus."
                + table) == [(True,)]


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_an_update_may_set_updated_at_itself(cursor, table):
    before = job(cursor)
    cursor.execute("update jobstatus.%s set status = 'paused', updated_at = '2001-01-01Z'" % table)
    assert rows(cursor, "select bool_and(updated_at = '2001-01-01Z') from jobstatus." + table) \
        == [(True,)]
    assert job(cursor)[0] > before[0]


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_an_update_of_nothing_changes_nothing(cursor, table):
    everything = "select j::text, s::text, t::text from jobstatus.jobs j, jobstatus.steps s," \
        " jobstatus.tasks t order by s.position, t.step_position, t.position"
    before = rows(cursor, everything)
    cursor.execute("update jobstatus.%s set status = status, status_details = status_details" % table)
    cursor.execute("update jobstatus.%s set status = 'error' where false" % table)
    assert rows(cursor, everything) == before


@pytest.mark.parametrize("statement", [
    "update jobstatus.jobs set status = 'paused'",
    "update jobstatus.jobs set status_details = '{\"a\":1}'",
    "update jobstatus.jobs set attempt = 1",
    "update jobstatus.jobs set name = 'other'",
    "update jobstatus.steps set status = 'paused' where position = 0",
    "update jobstatus.tasks set error_stack = 'x' where position = 0",
    "update jobstatus.tasks set status = 'error'",
    "update jobstatus.tasks set updated_at = '2021-01-01Z'",
    # Not equal as texts: json has no other equality, and the document shows the text.
    "update jobstatus.tasks set status_details = '{ }' where position = 0",
    "update jobstatus.tasks set position = position + 10",
    "insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)"
    " values ('w', 'j', 0, 0, 't00', 'task0', 'active') on conflict (workspace, job_id, attempt,"
    " step_position, position) do update set status = 'completed'",
    "delete from jobstatus.tasks",
    "insert into jobstatus.steps (workspace, job_id, position, id, name, status)"
    " values ('w', 'j', 2, 's2', 'step2', 'created')",
    "insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)"
    " values ('w', 'j', 0, 2, 't02', 'task2', 'created')",
    "delete from jobstatus.tasks where position = 1",
    "delete from jobstatus.steps where position = 1",
])
def test_a_visible_change_gives_a_new_revision(cursor, statement):
    before = job(cursor)
    cursor.execute(statement)
    after = job(cursor)
    assert after[0] > before[0]
    if "jobstatus.jobs" not in statement:
        # What is carried up leaves the job's time, but for a deletion.
        assert (after[1] > before[1]) == statement.startswith("delete")


def test_an_earlier_attempt_is_not_visible(cursor):
    cursor.execute("update jobstatus.jobs set attempt = 1")
    before = job(cursor)
    cursor.execute("update jobstatus.tasks set status = 'error'")
    cursor.execute("update jobstatus.steps set status = 'error'")
    cursor.execute("delete from jobstatus.steps")
    assert job(cursor) == before


def test_revisions_never_return(cursor):
    first = job(cursor)[0]
    cursor.execute("delete from jobstatus.jobs")
    cursor.execute("insert into jobstatus.jobs (workspace, name, id, status)"
                   " values ('w', 'n', 'j', 'active')")
    second = job(cursor)[0]
    assert second > first
    # Not even for who asks for one, with a change or without, now or later.
    for given in ("status = 'paused', revision = %s", "revision = %s", "revision = %s + 1000000"):
        before = job(cursor)[0]
        cursor.execute("update jobstatus.jobs set " + given, (first,))
        assert before < job(cursor)[0] < before + 10
    insert(cursor, "jobs", workspace="w", id="k", revision=first)
    assert rows(cursor, "select revision from jobstatus.jobs where id = 'k'")[0][0] > before


def test_a_task_that_moves_changes_both_jobs(cursor):
    insert(cursor, "jobs", workspace="w", id="k")
    insert(cursor, "jobs", workspace="w", id="l", name="l")
    insert(cursor, "steps", job_id="k", position=0)
    revisions = "select id, revision from jobstatus.jobs"
    before = dict(rows(cursor, revisions))
    cursor.execute("update jobstatus.tasks set job_id = 'k' where step_position = 0 and position = 1")
    after = dict(rows(cursor, revisions))
    assert {id for id in after if after[id] > before[id]} == {"j", "k"}


BULK = "insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)" \
    " select 'w', 'j', 0, p, 't' || p, 'bulk' || p, 'active' from generate_series(2, 10001) p"


def test_rows_that_change_places_are_a_change(cursor):
    """Even when each takes over all but the other's status, times included."""
    cursor.execute("update jobstatus.tasks set status = 'paused', updated_at = '2021-01-01Z', id = 't' where position = 1")
    cursor.execute("update jobstatus.tasks set id = 't' where position = 0")
    cursor.execute("update jobstatus.tasks set updated_at = '2020-01-01Z' where position = 0")
    before = job(cursor)
    cursor.execute("update jobstatus.tasks set status = case position when 0 then 'paused' else 'active' end")
    middle = job(cursor)
    cursor.execute("update jobstatus.tasks t set status = o.status, updated_at = o.updated_at from jobstatus.tasks o"
                   " where (o.step_position, o.position) = (t.step_position, 1 - t.position)")
    assert before[0] < middle[0] < job(cursor)[0]


def test_a_bulk_change_is_carried_once(cursor):
    cursor.execute("""
        create temporary table if not exists carried (revision bigint);
        truncate carried;
        create or replace function pg_temp.note() returns trigger language plpgsql as
            'begin insert into carried values (new.revision); return null; end';
        create trigger note after update on jobstatus.jobs for each row execute function pg_temp.note()
        """)
    try:
        for number, statement in enumerate([BULK, "update jobstatus.tasks set status = 'completed'",
                                            "delete from jobstatus.tasks where name like 'bulk%'"]):
            started = time.monotonic()
            cursor.execute(statement)
            assert cursor.rowcount >= 10000
            assert time.monotonic() - started < 10
            assert rows(cursor, "select count(*), max(revision) from carried") \
                == [(number + 1, job(cursor)[0])]
    finally:
        cursor.execute("drop trigger note on jobstatus.jobs")


def test_a_change_below_many_jobs_is_carried_once_each(cursor):
    for n in range(3):
        insert(cursor, "jobs", workspace="w", id="k%d" % n, name="k%d" % n)
        insert(cursor, "steps", job_id="k%d" % n, position=0)
        insert(cursor, "steps", job_id="k%d" % n, position=1, name="y")
    before = rows(cursor, "select revision from jobstatus.jobs order by id")
    last = max(before)[0]
    cursor.execute("update jobstatus.steps set status = 'paused' where job_id <> 'k1'")
    # In the order of keys, and none where nothing changed.
    assert rows(cursor, "select revision from jobstatus.jobs order by id") \
        == [(last + 1,), (last + 2,), before[2], (last + 3,)]


def test_triggers_hold_under_any_search_path(cursor):
    """Neither a caller without our schema nor one with other functions of the same names matters."""
    before = job(cursor)
    cursor.execute("""
        begin;
        create schema trap;
        create function trap.clock_timestamp() returns timestamptz language sql
            return timestamptz '1900-01-01Z';
        create function trap.nextval(text) returns bigint language sql return -1;
        create function trap.nextval(regclass) returns bigint language sql return -1;
        set local search_path = trap, pg_catalog, pg_temp""")
    try:
        cursor.execute("update jobstatus.tasks set status = 'error', updated_at = '1800-01-01Z'")
        cursor.execute("update jobstatus.tasks set status = 'paused'")
        cursor.execute("update jobstatus.steps set status = 'error'")
        cursor.execute("delete from jobstatus.tasks where position = 1")
        cursor.execute("update jobstatus.jobs set status = 'error'")
        assert job(cursor)[0] > before[0]
        for table in ("jobs", "steps", "tasks"):
            assert rows(cursor, "select bool_and(updated_at > '2020-01-02Z') from jobstatus." + table) \
                == [(True,)]
    finally:
        cursor.execute("rollback")


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_truncate_is_refused(cursor, table):
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="cannot be truncated"):
        cursor.execute("truncate jobstatus.%s cascade" % table)


def test_a_job_takes_its_steps_and_tasks_along(cursor):
    cursor.execute("delete from jobstatus.jobs")
    assert rows(cursor, "select (select count(*) from jobstatus.steps), (select count(*) from"
                " jobstatus.tasks)") == [(0, 0)]


def test_writers_that_lock_the_job_first_do_not_deadlock(cursor, cluster):
    failures = []
    end = time.monotonic() + 3

    def write(top_down):
        with contextlib.closing(psycopg2.connect(cursor.connection.dsn)) as connection:
            own = connection.cursor()
            while time.monotonic() < end and not failures:
                try:
                    own.execute("select from jobstatus.jobs where id = 'j' for update")
                    for table in (("jobs", "steps", "tasks") if top_down else
                                  ("tasks", "steps", "jobs")):
                        own.execute("update jobstatus.%s set error_details = json_build_object('n',"
                                    " random())" % table)
                    connection.commit()
                except psycopg2.Error as error:
                    failures.append(str(error))

    threads = [threading.Thread(target=write, args=(n % 2 == 0,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_everything_is_commented(cursor):
    assert rows(cursor, """
        select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'jobstatus'::regnamespace and c.relkind = 'r' and a.attnum > 0
        and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        union all select proname, 'function' from pg_proc
        where pronamespace = 'jobstatus'::regnamespace and obj_description(oid, 'pg_proc') is null
        """) == []


@pytest.mark.parametrize("role", ["jobstatus_reader", "jobstatus_writer"])
def test_roles_have_no_other_right(fresh, cluster, role):
    cursor, name = fresh()
    for _ in range(2):
        cluster.psql_file(SQL / "roles.sql", dbname=name)
    may_read = role == "jobstatus_reader"
    for table in ("jobs", "steps", "tasks", "schema_version"):
        cursor.execute("select privilege, has_table_privilege(%s, 'jobstatus.' || %s, privilege) from"
                       " unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references',"
                       " 'trigger']) as privilege", (role, table))
        expected = {"select"} if may_read and table != "schema_version" else set()
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
        "select from jobstatus.jobs for update", "truncate jobstatus.tasks",
        "select nextval('jobstatus.revision_seq')", "table jobstatus.schema_version",
        "create table jobstatus.mine ()", "alter table jobstatus.jobs disable trigger touch",
        "create trigger mine before update on jobstatus.jobs for each row"
        " execute function jobstatus.touch_job()", "drop schema jobstatus cascade"]],
    ("jobstatus_writer", "table jobstatus.jobs"),
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


def test_demo_twice(fresh, cluster):
    cursor, name = fresh()
    everything = "select j.workspace, j.name, j.id, j.attempt, j.status, j.status_details::text," \
        " j.error_details::text, j.created_at, j.updated_at, array(select s::text from" \
        " jobstatus.steps s where (s.workspace, s.job_id) = (j.workspace, j.id) order by 1)," \
        " array(select t::text from jobstatus.tasks t where (t.workspace, t.job_id) =" \
        " (j.workspace, j.id) order by 1) from jobstatus.jobs j order by 1, 2"
    insert(cursor, "jobs", workspace="default", name="not of the demo")
    cluster.psql_file(SQL / "demo.sql", dbname=name)
    first = rows(cursor, everything)
    assert {status for status, in rows(cursor, "select distinct status from jobstatus.jobs")} \
        == set(STATUSES)
    assert rows(cursor, "select count(distinct workspace) from jobstatus.jobs") == [(3,)]
    cluster.psql_file(SQL / "demo.sql", dbname=name)
    assert rows(cursor, everything) == first


def test_times_of_the_demo(fresh, cluster):
    """All are given, and none below a job is younger than the job."""
    cursor, name = fresh()
    cluster.psql_file(SQL / "demo.sql", dbname=name)
    for table in ("jobs", "steps", "tasks"):
        assert rows(cursor, "select name from jobstatus.%s where created_at > updated_at or greatest("
                    "created_at, updated_at) between now() - interval '1 day' and now()" % table) == []
    assert rows(cursor, """
        select j.name, below.name from jobstatus.jobs j join (
            select workspace, job_id, attempt, name, updated_at from jobstatus.steps
            union all select workspace, job_id, attempt, name, updated_at from jobstatus.tasks) below
        on (below.workspace, below.job_id) = (j.workspace, j.id)
        where below.updated_at > j.updated_at""") == []
    assert rows(cursor, """
        select s.job_id, s.name, t.name from jobstatus.steps s join jobstatus.tasks t
        on (t.workspace, t.job_id, t.attempt, t.step_position)
            = (s.workspace, s.job_id, s.attempt, s.position)
        where t.updated_at > s.updated_at""") == []
