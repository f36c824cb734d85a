"""Times and revisions: what the triggers keep right, whatever writes."""

import contextlib
import threading
import time

import psycopg2
import pytest

from tables import cursor, fresh, insert, job, rows, schema  # noqa: F401

pytestmark = pytest.mark.any_build


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
        create function trap.later(timestamptz, interval) returns timestamptz language sql
            return timestamptz '1900-01-01Z';
        create operator trap.+ (function = trap.later, leftarg = timestamptz, rightarg = interval)""")
    # No two values are equal, and no two differ.
    for of, operators in (("text", "= <>"), ("timestamptz", "= <>"), ("bigint", "= <>"), ("jobstatus.jobs", "*<>"),
                          ("jobstatus.steps", "*<>"), ("jobstatus.tasks", "*<>")):
        cursor.execute("create function trap.no(%s, %s) returns boolean language sql return false" % (of, of))
        for operator in operators.split():
            cursor.execute("create operator trap.%s (function = trap.no, leftarg = %s, rightarg = %s)" % (operator, of, of))
    cursor.execute("""
        set local search_path = trap, pg_catalog, pg_temp""")
    try:
        cursor.execute("update jobstatus.tasks set status = 'error', updated_at = '1800-01-01Z'")
        cursor.execute("update jobstatus.tasks set status = 'paused'")
        cursor.execute("update jobstatus.steps set status = 'error'")
        cursor.execute("delete from jobstatus.tasks where position = 1")
        cursor.execute("update jobstatus.jobs set status = 'error'")

        def after(change):
            cursor.execute("update jobstatus.jobs set " + change)
            return rows(cursor, "select revision, updated_at from jobstatus.jobs order by id")[-1]
        last = after("status_details = '{}'")
        assert after("status_details = '{}'") == last
        asked = after("revision = revision + 1")
        assert asked[0] > last[0] and asked[1] == last[1]
        changed = after("status_details = '{\"a\": 1}'")
        assert changed[0] > asked[0] and changed[1] > asked[1]
        # A time to come is moved, too.
        for table in ("jobs", "steps", "tasks"):
            cursor.execute("update jobstatus.%s set updated_at = '3000-01-01Z'" % table)
            cursor.execute("update jobstatus.%s set error_details = '{\"a\": 1}'" % table)
            assert rows(cursor, "select min(updated_at) > '3000-01-01Z' from jobstatus." + table) == [(True,)]
        cursor.execute("set local search_path = pg_catalog")
        assert job(cursor)[0] > before[0]
        for table in ("jobs", "steps", "tasks"):
            assert rows(cursor, "select bool_and(updated_at > '2020-01-02Z') from jobstatus." + table) \
                == [(True,)]
    finally:
        cursor.execute("rollback")


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
