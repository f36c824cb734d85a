"""The history of statuses: what is recorded, what the views tell of it, and the deletion of what ended long ago."""

import contextlib
import threading

import psycopg2
import pytest

from conftest import wait_for
from reports import J, connect, database, empty, owner, report, rows, writer  # noqa: F401

pytestmark = pytest.mark.any_build

S = {**J, "step": "a"}


def recorded(owner):
    """The history in its order: attempt, step, task, from, to, by."""
    return rows(owner, "select attempt, step_position, task_position, old_status, new_status, changed_by"
                " from jobstatus.transitions order by id")


# What is recorded ----------------------------------------------------------------------------------------

def test_functions(report, owner):
    """Every change by its name of the session, and nothing where no status changes."""
    def history(call, arguments, *expected):
        before = len(recorded(owner))
        report(call, **arguments)
        assert sorted(recorded(owner)[before:], key=str) \
            == sorted([(*change, "reporter") for change in expected], key=str), call
    history("create_job", {"workspace": "w", "name": "j", "steps": ["a", "b"]}, (0, None, None, None, "created"),
            (0, 0, None, None, "created"), (0, 1, None, None, "created"))
    history("report_step", {**S, "status": "active"}, (0, 0, None, "created", "active"),
            (0, None, None, "created", "active"))
    history("report_step", {**S, "status": "active", "status_details": '{"a":1}'})
    history("report_task", {**S, "task": "t", "status_details": '{"a":1}'}, (0, 0, 0, None, "pending"))
    history("report_tasks", {**S, "tasks": '[{"name":"t","status":"active"},{"name":"u","status":"error"}]'},
            (0, 0, 0, "pending", "active"), (0, 0, 1, None, "error"))
    history("report_job_details", {**J, "status_details": '{"b":1}'})
    history("pause_job", J, (0, 0, None, "active", "pausing"), (0, None, None, "active", "pausing"))
    history("report_step", {**S, "status": "error"}, (0, 0, None, "pausing", "error"),
            (0, None, None, "pausing", "error"), (0, 1, None, "created", "cancelled"))
    history("rerun_job", J, (1, None, None, "error", "created"), (1, 0, None, None, "created"),
            (1, 1, None, None, "created"))
    history("cancel_job", J, (1, None, None, "created", "cancelled"), (1, 0, None, "created", "cancelled"),
            (1, 1, None, "created", "cancelled"))
    report("delete_job", **J)
    assert recorded(owner) == []


def test_plain_sql(owner):
    """Whoever writes: the session's role, not the one that it has set; rows, not statements."""
    owner.execute("set role jobstatus_owner")
    owner.execute("insert into jobstatus.jobs (workspace, name, id, status) select 'w', x, x, 'created'"
                  " from unnest(array['j', 'k']) x")
    owner.execute("insert into jobstatus.steps (workspace, job_id, position, id, name, status) values"
                  " ('w', 'j', 3, 's', 's', 'active')")
    owner.execute("insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status) values"
                  " ('w', 'j', 3, 7, 't', 't', 'error')")
    owner.execute("reset role")
    by = ("postgres",)
    expected = [(0, None, None, None, "created", *by)] * 2 + [(0, 3, None, None, "active", *by),
                                                              (0, 3, 7, None, "error", *by)]
    assert recorded(owner) == expected
    for table in ("jobs", "steps", "tasks"):
        owner.execute("update jobstatus.%s set status = status, status_details = '{\"a\":1}', updated_at = now()"
                      % table)
    assert recorded(owner) == expected
    owner.execute("update jobstatus.jobs set status = 'completed'")
    owner.execute("update jobstatus.steps set status = 'created'")
    owner.execute("update jobstatus.tasks set status = 'active'")
    assert recorded(owner)[4:] == [(0, None, None, "created", "completed", *by)] * 2 + [
        (0, 3, None, "active", "created", *by), (0, 3, 7, "error", "active", *by)]
    owner.execute("update jobstatus.jobs set attempt = 1, status = 'created' where id = 'k'")
    assert recorded(owner)[-1] == (1, None, None, "completed", "created", *by)
    assert rows(owner, "select count(*) from jobstatus.transitions where changed_at between now() - interval"
                " '1 minute' and clock_timestamp()") == [(9,)]
    owner.execute("delete from jobstatus.jobs where id = 'j'")
    assert rows(owner, "select distinct job_id from jobstatus.transitions") == [("k",)]


def test_what_is_rolled_back_is_not_recorded(owner):
    owner.execute("begin")
    owner.execute("insert into jobstatus.jobs (workspace, name, id, status) values ('w', 'j', 'i', 'active')")
    owner.execute("rollback")
    assert recorded(owner) == []


def test_times_are_those_of_the_change(owner, report, cluster, database):
    """Not of the transaction's beginning: who waited for a lock recorded what came later, later."""
    report("create_job", workspace="w", name="j", steps=["a"])
    with contextlib.closing(connect(cluster, database, "reporter")) as late, late.cursor() as cursor:
        cursor.execute("begin; select now()")
        report("report_step", **S, status="active")
        cursor.execute("select from jobstatus.report_step('w', 'j', 'a', 'error'); commit")
    assert rows(owner, "select new_status from jobstatus.transitions where step_position is null order by changed_at") \
        == [("created",), ("active",), ("error",)]


# What the views tell -------------------------------------------------------------------------------------

def test_step_times(owner, report):
    """Known answers, in minutes: from creation to active to the end; now for what has not come."""
    report("create_job", workspace="w", name="j", steps=["ran", "runs", "never", "waits"])
    for step, statuses in (("ran", "active paused active completed"), ("runs", "active"),
                           ("never", "pending completed")):
        for status in statuses.split():
            report("report_step", **{**J, "step": step}, status=status)
    owner.execute("update jobstatus.steps set created_at = now() - interval '100 minutes'")
    for position, minutes in ((0, (100, 90, 80, 70, 60)), (1, (100, 50)), (2, (100, 30, 20)), (3, (100,))):
        for offset, ago in enumerate(minutes):
            owner.execute("update jobstatus.transitions set changed_at = now() - %s * interval '1 minute' where id = ("
                          "select id from jobstatus.transitions where step_position = %s and task_position is null"
                          " order by id limit 1 offset %s)", (ago, position, offset))
    columns = "select workspace, job, step, attempt, position, status, round(extract(epoch from waited) / 60)," \
        " round(extract(epoch from ran) / 60) from jobstatus.step_times order by attempt, position"
    expected = [("w", "j", "ran", 0, 0, "completed", 10, 30), ("w", "j", "runs", 0, 1, "active", 50, 50),
                ("w", "j", "never", 0, 2, "completed", 80, None), ("w", "j", "waits", 0, 3, "created", 100, None)]
    assert rows(owner, columns) == expected
    assert rows(owner, "select position from jobstatus.step_times where started_at is null order by 1") == [(2,), (3,)]
    assert rows(owner, "select position from jobstatus.step_times where ended_at is null order by 1") == [(1,), (3,)]
    # Another attempt has its own.
    report("report_step", **{**J, "step": "runs"}, status="error")
    report("rerun_job", **J)
    found = rows(owner, columns)
    assert [row[3:6] for row in found] == [
        (0, 0, "completed"), (0, 1, "error"), (0, 2, "completed"), (0, 3, "cancelled"),
        *[(1, position, "created") for position in range(4)]]
    assert found[1][6:] == (50, 50) and found[3][6:] == (100, None)
    assert [row[6:] for row in found[4:]] == [(0, None)] * 4


def test_resting(owner, report):
    """Jobs that have not ended, by the youngest of job, steps and tasks of the current attempt."""
    for name in ("job", "step", "task", "bare", "ended", "again"):
        report("create_job", workspace="w", name=name, steps=[] if name == "bare" else ["a"])
        if name != "bare":
            report("report_task", workspace="w", job=name, step="a", task="t")
    for name in ("ended", "again"):
        report("cancel_job", workspace="w", job=name)
    report("rerun_job", workspace="w", job="again")
    for table, key in (("jobs", "id"), ("steps", "job_id"), ("tasks", "job_id")):
        owner.execute("update jobstatus.%s set updated_at = now() - interval '5 hours'" % table)
        owner.execute("update jobstatus.%s set updated_at = now() - interval '2 hours' where %s = (select id from"
                      " jobstatus.jobs where name = %%s)" % (table, key), (table[:-1],))
    # An attempt that has ended does not count.
    owner.execute("update jobstatus.tasks set updated_at = now() where job_id = (select id from jobstatus.jobs"
                  " where name = 'again')")
    hours = "select workspace, job, round(extract(epoch from rested) / 3600) from jobstatus.resting"
    assert sorted(rows(owner, hours)) == [("w", "again", 5), ("w", "bare", 5), ("w", "job", 2), ("w", "step", 2),
                                          ("w", "task", 2)]
    assert rows(owner, "select count(*) from jobstatus.resting where rested > interval '3 hours'") == [(2,)]
    report("report_job_details", workspace="w", job="bare", status_details='{"a":1}')
    assert rows(owner, hours + " where job = 'bare'") == [("w", "bare", 0)]
    assert rows(owner, "select bool_and(abs(extract(epoch from now() - since - rested)) < 1) from jobstatus.resting") \
        == [(True,)]


def test_status_counts(owner):
    owner.execute("insert into jobstatus.jobs (workspace, name, id, status) select w, s || n, s || n, s from"
                  " (values ('w', 'active', 3), ('w', 'error', 1), ('v', 'active', 2)) as given (w, s, count),"
                  " generate_series(1, count) n")
    assert sorted(rows(owner, "select workspace, status, jobs from jobstatus.status_counts")) \
        == [("v", "active", 2), ("w", "active", 3), ("w", "error", 1)]


# Deletion ------------------------------------------------------------------------------------------------

@pytest.fixture
def ended(owner, report):
    """Makes a job that ended HOURS ago, with a step and a task."""
    def make(name, hours, status="cancelled"):
        report("create_job", workspace="w", name=name, steps=["a"], id="id " + name)
        report("report_task", workspace="w", job=name, step="a", task="t")
        if status:
            report("report_step", workspace="w", job=name, step="a", status="pending")
            report("report_step", workspace="w", job=name, step="a", status=status)
        owner.execute("update jobstatus.transitions set changed_at = changed_at - %s * interval '1 hour'"
                      " where job_id = %s", (hours, "id " + name))
    return make


def names(owner):
    return " ".join(name for name, in rows(owner, "select name from jobstatus.jobs order by 1"))


def delete(owner, older_than="1 hour", *batch):
    return rows(owner, "select jobstatus.delete_ended_jobs(%s" + ", %s" * len(batch) + ")", (older_than, *batch))[0][0]


def test_what_is_deleted(owner, ended, report):
    """Terminal, whichever way, and longer ago than the interval; with all that is below and its history."""
    for name, hours, status in (("a", 3, "completed"), ("b", 3, "error"), ("c", 3, "cancelled"), ("young", 1, "error"),
                                ("active", 3, "active"), ("created", 3, None), ("cancelling", 3, "cancelling")):
        ended(name, hours, status)
    # Run again: one goes on, one has for long, one has ended again, but not so long ago.
    for name in ("goes on", "long since", "ended again"):
        ended(name, 3)
        report("rerun_job", workspace="w", job=name)
    report("cancel_job", workspace="w", job="ended again")
    owner.execute("update jobstatus.transitions set changed_at = changed_at - interval '3 hours' where job_id ="
                  " 'id long since'")
    kept = "active cancelling created ended again goes on long since young"
    assert delete(owner, "2 hours") == 3
    assert names(owner) == kept
    for table, column in (("steps", "job_id"), ("tasks", "job_id"), ("transitions", "job_id")):
        assert rows(owner, "select count(*) from jobstatus.%s where %s in ('id a', 'id b', 'id c')" % (table, column)) \
            == [(0,)]
    assert delete(owner, "2 hours") == 0
    # Again terminal and old by now, it goes too.
    owner.execute("update jobstatus.transitions set changed_at = changed_at - interval '3 hours' where job_id ="
                  " 'id ended again'")
    assert delete(owner, "2 hours") == 1
    assert delete(owner, "0 hours", 1) == 1
    assert names(owner) == "active cancelling created goes on long since"


def test_batches(owner, ended):
    """At most as many as asked for, those first that ended first, until none is left."""
    for number in range(7):
        ended("j%d" % number, 3 + number)
    assert delete(owner, "2 hours", 3) == 3
    assert names(owner) == "j0 j1 j2 j3"
    assert [delete(owner, "2 hours", 3) for _ in range(3)] == [3, 1, 0]
    assert names(owner) == ""


def test_the_default_batch(owner):
    owner.execute("insert into jobstatus.jobs (workspace, name, id, status) select 'w', n, n, 'error'"
                  " from generate_series(1, 1003) n")
    owner.execute("update jobstatus.transitions set changed_at = changed_at - interval '2 hours'")
    assert [delete(owner) for _ in range(3)] == [1000, 3, 0]


def test_what_is_locked_is_left(owner, ended, cluster, database):
    for name in ("a", "b", "c"):
        ended(name, 3)
    with contextlib.closing(connect(cluster, database)) as connection, connection.cursor() as other:
        other.execute("begin; select from jobstatus.jobs where name = 'b' for update")
        owner.execute("set lock_timeout = '5s'")
        try:
            assert delete(owner) == 2
        finally:
            owner.execute("reset lock_timeout")
        assert names(owner) == "b"
        other.execute("rollback")
    assert delete(owner) == 1


def test_run_again_meanwhile(owner, ended, cluster, database, report):
    """While the deletion waits at one job, another is run again, and a third has ended again: both stay."""
    for hours, name in ((9, "first"), (5, "goes on"), (4, "ended again"), (3, "last")):
        ended(name, hours)
    deleted = []
    with contextlib.closing(connect(cluster, database)) as blocking, blocking.cursor() as blocker, \
            contextlib.closing(connect(cluster, database)) as deleting, deleting.cursor() as cursor:
        blocker.execute("begin; select from jobstatus.tasks where job_id = 'id first' for update")
        thread = threading.Thread(target=lambda: deleted.append(delete(cursor)))
        thread.start()
        try:
            wait_for(lambda: rows(owner, "select from pg_stat_activity where pid = %s and wait_event_type = 'Lock'",
                                  (deleting.info.backend_pid,)), "the deletion to wait")
            for name in ("goes on", "ended again"):
                report("rerun_job", workspace="w", job=name)
            report("cancel_job", workspace="w", job="ended again")
        finally:
            blocker.execute("rollback")
            thread.join()
    assert deleted == [2]
    assert names(owner) == "ended again goes on"


@pytest.mark.parametrize("older_than,batch,words", [(None, 1, "older_than"), ("-1 second", 1, "older_than"),
                                                    ("1 hour", None, "batch"), ("1 hour", 0, "batch"),
                                                    ("1 hour", -5, "batch")])
def test_arguments_of_the_deletion(owner, ended, older_than, batch, words):
    ended("j", 3)
    with pytest.raises(psycopg2.Error, match=words) as error:
        delete(owner, older_than, batch)
    assert error.value.pgcode == "JS005"
    assert names(owner) == "j"


def test_who_may_see_and_delete(owner):
    owner.execute("create role anybody")
    try:
        for role in ("reporter", "reader", "anybody"):
            for what in ("table jobstatus.transitions", "table jobstatus.step_times", "table jobstatus.resting",
                         "table jobstatus.status_counts", "select jobstatus.delete_ended_jobs('0 hours')"):
                owner.execute("set role " + role)
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    owner.execute(what)
                owner.execute("reset role")
        owner.execute("set role jobstatus_owner")
        assert delete(owner) == 0
    finally:
        owner.execute("reset role; drop role anybody")
