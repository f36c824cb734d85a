"""The schema: installation, upgrade, what it keeps out; the sample jobs."""

import pathlib
import re
import subprocess
import threading

import psycopg2
import pytest

from tables import LEAST, SQL, STATUSES, cursor, fresh, insert, rows, schema  # noqa: F401

pytestmark = pytest.mark.any_build

VERSIONS = sorted((pathlib.Path(__file__).parent / "schema_versions").glob("*.sql"))
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
    # The rows as they are, whatever columns are added.
    upgraded.execute("select string_agg(format('%I.%I::text', relname, attname), ', ' order by relname, attnum)"
                     " from pg_attribute join pg_class on pg_class.oid = attrelid where attnum > 0 and attrelid in"
                     " ('jobstatus.jobs'::regclass, 'jobstatus.steps'::regclass, 'jobstatus.tasks'::regclass)")
    data = "select %s from jobstatus.jobs, jobstatus.steps, jobstatus.tasks" % upgraded.fetchone()
    before = rows(upgraded, data)
    cluster.psql_file(SQL / "schema.sql", dbname=name)
    assert rows(upgraded, data) == before
    # History begins with what is there.
    assert rows(upgraded, "select attempt, old_status, new_status from jobstatus.transitions"
                " where step_position is null") == [(0, None, "active")]
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
    current = len(VERSIONS)
    assert rows(cursor, "select count(*), max(version) from jobstatus.schema_version") == [(current, current)]


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
            yield from ((table, column, value, None if good else "times_check") for value, good in [
                ("0001-01-01 00:00:00+00", True), ("9999-12-31 23:59:59.999999+00", True),
                ("0001-12-31 23:59:59.999999+00 BC", False), ("0001-01-01 00:00:00+01", False),
                ("9999-12-31 23:00:00-01", False), ("10000-01-01 00:00:00+00", False),
                ("infinity", False), ("-infinity", False)])
    for table in ("jobs", "steps"):
        yield from ((table, "attempt", n, check)
                    for n, check in [(0, None), (2147483647, None), (-1, "attempt_check")])
    for table in ("steps", "tasks"):
        yield from ((table, "position", n, check)
                    for n, check in [(2147483647, None), (-1, "position_check")])


@pytest.mark.parametrize("table,column,value,check", values())
def test_checks(cursor, table, column, value, check):
    if check is None:
        insert(cursor, table, **{column: value})
        return
    with pytest.raises(psycopg2.errors.CheckViolation) as error:
        insert(cursor, table, **{column: value})
    assert error.value.diag.constraint_name == table + "_" + check


CORPORA = {
    "is_name": """select before || chr(code) || after from generate_series(1, 70000) code,
        (values ('', ''), ('.', ''), ('', '.'), ('..', ''), ('a', 'a')) around (before, after)
        where code not between 55296 and 57343
        union all select repeat(c, n) from (values ('.'), ('a'), ('/'), ('🚀')) as letter (c), generate_series(0, 258) n""",
    "is_status": """select word from unnest(enum_range(null::pg_temp.status)::text[]) word
        union all select upper(word) from unnest(enum_range(null::pg_temp.status)::text[]) word
        union all values (''), ('activ'), ('active '), ('{active}'), ('active,error'), ('running')""",
}


@pytest.mark.parametrize("function, columns", [
    ("is_name", ["jobs.workspace", "jobs.name", "steps.name", "tasks.name"]),
    ("is_status", ["jobs.status", "steps.status", "tasks.status"])])
def test_the_checks_say_what_the_functions_say(cursor, function, columns):
    cursor.execute("create type pg_temp.status as enum (%s)" % ", ".join("'%s'" % status for status in STATUSES))
    try:
        for table, column in (name.split(".") for name in columns):
            check, = rows(cursor, "select pg_get_expr(conbin, conrelid) from pg_constraint"
                          " where conname = '%s_%s_check'" % (table, column))
            judged = "select jobstatus.%s(%s) as a, %s as b from (%s) as corpus (%s)" % (
                function, column, check[0], CORPORA[function], column)
            assert rows(cursor, "select count(*) filter (where a is distinct from b), bool_and(a), bool_or(a)"
                                " from (%s) as judged" % judged) == [(0, False, True)]
    finally:
        cursor.execute("drop type pg_temp.status")


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


@pytest.mark.parametrize("table", ["jobs", "steps", "tasks"])
def test_truncate_is_refused(cursor, table):
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="cannot be truncated"):
        cursor.execute("truncate jobstatus.%s cascade" % table)


def test_a_job_takes_its_steps_and_tasks_along(cursor):
    cursor.execute("delete from jobstatus.jobs")
    assert rows(cursor, "select (select count(*) from jobstatus.steps), (select count(*) from"
                " jobstatus.tasks)") == [(0, 0)]


def test_everything_is_commented(cursor):
    assert rows(cursor, """
        select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'jobstatus'::regnamespace and c.relkind = 'r' and a.attnum > 0
        and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        union all select proname, 'function' from pg_proc
        where pronamespace = 'jobstatus'::regnamespace and obj_description(oid, 'pg_proc') is null
        """) == []


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
