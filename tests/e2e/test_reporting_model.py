"""Random calls of the reporting functions, by one client and by eight, compared with the model.

Some 9,000 calls; JOBSTATUS_LONG makes twenty times as many. A failing test has its seed in its name, and
JOBSTATUS_SEED=N begins at another one.
"""

import contextlib
import json
import os
import random
import socket
import threading
import time

import psycopg2
import pytest

import oracle
import reporting
import reporting_calls
import reporting_invariants
from conftest import Program, wait_for
from reporting_crowd import Crowd, Watcher
from reports import Follower, compare, connect, database, empty, look, owner, rows, statement, writer  # noqa: F401

CALLS = 250
LONG = 20 if os.environ.get("JOBSTATUS_LONG") else 1
SEED = int(os.environ.get("JOBSTATUS_SEED", "20261124"))


@pytest.fixture(scope="module")
def program(cluster, database, session_directory):
    """The program on this module's database."""
    program = Program(session_directory, conninfo=cluster.conninfo(user="reader", dbname=database), name="reporting")
    try:
        yield program.start()
    finally:
        program.stop()


# What breaks each invariant, in a job that is active with its step s0; s1 is completed, s2 created.
BREAKS = {
    "a row without history, or with a status that is not the last of it":
        "delete from jobstatus.transitions where task_position = 0",
    "a transition that does not begin where the one before ended":
        "update jobstatus.transitions set old_status = 'paused' where new_status = 'completed'",
    "a status that stays in history":
        "update jobstatus.transitions set old_status = 'completed' where new_status = 'completed'",
    "time that goes back in history":
        "update jobstatus.transitions set changed_at = changed_at - interval '1 hour' where new_status = 'completed'",
    "a revision that two jobs have":
        "insert into jobstatus.jobs (workspace, name, id, status) values ('w', 'k', 'k', 'created');"
        " alter table jobstatus.jobs disable trigger touch; update jobstatus.jobs set revision = 7;"
        " alter table jobstatus.jobs enable trigger touch",
    "a transition that the table does not have": "update jobstatus.tasks set status = 'resuming'",
    "something that came into being twice": "update jobstatus.transitions set old_status = null",
    "positions that are not 0, 1, …": "delete from jobstatus.steps where position = 1",
    "attempts that are missing": "update jobstatus.jobs set attempt = 2",
    "steps of an attempt that has ended and goes on":
        "update jobstatus.jobs set attempt = 1, status = 'created'",
    "a job whose status does not follow from its steps":
        "update jobstatus.steps set status = 'error' where position = 1",
}


@pytest.mark.parametrize("invariant", reporting_invariants.ALL)
def test_invariants_can_be_broken(writer, owner, invariant):
    writer.execute("""
        select from jobstatus.create_job('w', 'j', '{s0,s1,s2}');
        select from jobstatus.report_task('w', 'j', 's0', 't');
        select from jobstatus.report_task('w', 'j', 's0', 'u');
        select from jobstatus.report_step('w', 'j', 's1', 'pending');
        select from jobstatus.report_step('w', 'j', 's1', 'completed');
        select from jobstatus.report_step('w', 'j', 's0', 'active')""")
    assert reporting_invariants.broken(owner) == {}
    owner.execute(BREAKS[invariant])
    assert invariant in reporting_invariants.broken(owner)


# One client ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(SEED, SEED + 8 * LONG))
@pytest.mark.parametrize("with_owner", [False, True], ids=["functions", "owner"])
def test_one_client(writer, owner, program, seed, with_owner):
    """Outcome, rows and history after every call; the served document after every tenth."""
    rng = random.Random("%d %s" % (seed, with_owner))
    follower, latest = Follower(writer, owner, reporting_calls.WORKSPACES, program), []
    for number in range(CALLS):
        what = None
        if with_owner and rng.random() < 0.12:
            what = reporting_calls.plain(rng, follower.world)
        if what:
            follower.plain(*what)
        else:
            # Now and then what was reported a little earlier.
            again = latest and rng.random() < 0.1
            latest = latest[-4:] + [rng.choice(latest) if again else reporting_calls.call(rng, follower.world)]
            follower.call(*latest[-1])
        if number % 10 == 9:
            follower.served()
    assert follower.served() > 0
    # Some of everything: a sequence of refusals alone would prove little.
    assert 50 < follower.refusals < 150, follower.refusals
    assert reporting_invariants.broken(owner, not with_owner) == {}


# Eight clients -------------------------------------------------------------------------------------------

WORKSPACE = ("w",)


def anything(rng, world, _):
    """Without ids, which would tie jobs together that are replayed one by one."""
    function, arguments = reporting_calls.call(rng, world, WORKSPACE, bad=0.01)
    arguments.pop("id", None)
    return function, arguments


@pytest.mark.parametrize("seed", range(SEED, SEED + LONG))
def test_eight_clients(cluster, database, owner, program, seed):
    """Successful calls in the order of their job's lock are the model's; a refused one has its moment."""
    with Watcher(cluster, database, program) as watcher:
        crowd = Crowd(cluster, database, owner).run(seed, 250, anything)
    watcher.finish()
    world = crowd.replay({})
    compare(world, look(owner, WORKSPACE))
    assert reporting_invariants.broken(owner) == {}
    done, refused, lost, late = crowd.count()
    assert done > 600 and refused > 100 and lost == late == 0, crowd.count()


def kills(rng, cluster):
    def kill(crowd, threads):
        """Ends sessions: the server's end by its own means, or the connection, of which the server knows later."""
        with contextlib.closing(cluster.connect(dbname=crowd.database)) as connection, connection.cursor() as cursor:
            while any(thread.is_alive() for thread in threads):
                victim = crowd.sessions.get(rng.randrange(crowd.clients))
                with contextlib.suppress(psycopg2.Error, OSError):
                    if victim is not None and rng.random() < 0.5:
                        cursor.execute("select pg_terminate_backend(%s)", (victim.info.backend_pid,))
                    elif victim is not None:
                        with socket.socket(fileno=os.dup(victim.fileno())) as its:
                            its.shutdown(socket.SHUT_RDWR)
                time.sleep(rng.uniform(0, 0.03))
            # What the server is still about would come after the comparison.
            wait_for(lambda: not rows(cursor, "select from pg_stat_activity where usename = 'reporter'"
                                      " and datname = current_database() and state = 'active'"), "calls to end")
    return kill


@pytest.mark.parametrize("seed", range(SEED, SEED + LONG))
def test_eight_clients_and_kills(cluster, database, owner, seed):
    """A call whose session ended happened entirely or not at all."""
    crowd = Crowd(cluster, database, owner).run(seed, 150, anything, kills(random.Random(seed), cluster))
    world = crowd.replay({})
    compare(world, look(owner, WORKSPACE))
    assert reporting_invariants.broken(owner) == {}
    done, refused, lost, late = crowd.count()
    assert done > 200 and lost > 20, crowd.count()


# What collides most --------------------------------------------------------------------------------------

def test_one_name_at_once(cluster, database, owner):
    """Of all who create a name, with an id or without, exactly one wins."""
    def create(rng, _, client):
        rounds[client] += 1
        barrier.wait(30)
        more = {"id": "same %d" % rounds[client]} if rounds[client] % 2 else {}
        return "create_job", {"workspace": "w", "name": "n%d" % rounds[client], "steps": ["a"], **more}
    rounds, barrier = [0] * 8, threading.Barrier(8)
    crowd = Crowd(cluster, database, owner).run(SEED, 40, create)
    compare(crowd.replay({}), look(owner, WORKSPACE))
    assert crowd.count() == [40, 280, 0, 0]
    assert {call.error.pgcode for call in crowd.calls if call.error} == {"JS003"}


def test_deleted_and_made_again(cluster, database, owner, program):
    """Reports meet a job that goes and comes: done or JS001, and readers see it whole or not at all."""
    def choose(rng, _, client):
        if client == 0:
            return ("delete_job", {"workspace": "w", "job": "a"}) if rng.random() < 0.5 else \
                ("create_job", {"workspace": "w", "name": "a", "steps": ["s0", "s1"]})
        kind = rng.random()
        step = rng.choice(("s0", "s1"))
        if kind < 0.4:
            return "report_step", {"workspace": "w", "job": "a", "step": step, "status_details": '{"a":%f}' % kind}
        if kind < 0.7:
            return "report_task", {"workspace": "w", "job": "a", "step": step, "task": "t%d" % (kind * 10)}
        return "report_tasks", {"workspace": "w", "job": "a", "step": step, "tasks": '[{"name":"t0"},{"name":"t1"}]'}
    with Watcher(cluster, database, program) as watcher:
        crowd = Crowd(cluster, database, owner).run(SEED, 120, choose)
    watcher.finish()
    compare(crowd.replay({}), look(owner, WORKSPACE))
    assert {call.error.pgcode for call in crowd.calls if call.error and call.function.startswith("report")} == {"JS001"}
    assert {call.function for call in crowd.calls if call.place} == {
        "delete_job", "create_job", "report_step", "report_task", "report_tasks"}
    assert reporting_invariants.broken(owner) == {}


@pytest.mark.parametrize("function,more,code", [
    ("report_step", {"step": "s0"}, None), ("report_step", {"step": "new"}, None),
    ("report_task", {"step": "s0", "task": "t"}, None), ("report_tasks", {"step": "s0", "tasks": "[]"}, None),
    ("report_job_details", {"status_details": '{"a":1}'}, None), ("cancel_job", {}, None), ("pause_job", {}, None),
    ("delete_job", {}, None), ("complete_job", {}, "JS004"), ("resume_job", {}, "JS004"), ("rerun_job", {}, "JS004"),
    ("report_task", {"step": "old", "task": "t"}, "JS002"), ("create_job", {}, "JS003")])
def test_replaced_in_one_transaction(cluster, database, owner, writer, function, more, code):
    """Who waits for a job that is deleted and made again at once meets the new one: there always is one."""
    values = {"workspace": "w", "job": "j", **more}
    if function == "create_job":
        values["name"] = values.pop("job")
    writer.execute("select from jobstatus.create_job('w', 'j', '{old}')")
    ends = []

    def call(cursor):
        try:
            cursor.execute(*statement(function, values))
            ends.append(None)
        except psycopg2.Error as error:
            ends.append(error.pgcode)
    with contextlib.closing(connect(cluster, database, "reporter")) as waiting, waiting.cursor() as waiter:
        writer.execute("begin; select from jobstatus.delete_job('w', 'j');"
                       " select from jobstatus.create_job('w', 'j', '{s0}')")
        thread = threading.Thread(target=call, args=(waiter,))
        thread.start()
        try:
            wait_for(lambda: ends or rows(owner, "select from pg_stat_activity where pid = %s and wait_event_type ="
                                          " 'Lock'", (waiting.info.backend_pid,)), "the call to wait")
        finally:
            writer.execute("commit")
            thread.join()
    assert ends == [code]


# Many tasks ----------------------------------------------------------------------------------------------

def many(count):
    return [{"name": "t%d" % n, "status": ("active", "completed")[n % 2],
             "status_details": '{"n":%d,"k%d":1}' % (n, n % 7), "error_details": '{"e": %d}' % n,
             "error_stack": "line %d\n" % n} for n in range(count)]


def array(tasks):
    return "[%s]" % ",".join('{"name":"%s","status":"%s","status_details":%s,"error_details":%s,"error_stack":%s}' % (
        task["name"], task["status"], task["status_details"], task["error_details"], json.dumps(task["error_stack"]))
        for task in tasks)


def test_many_tasks_are_as_many_calls(writer, owner, program):
    follower = Follower(writer, owner, WORKSPACE, program)
    for name in ("one", "many"):
        follower.call("create_job", {"workspace": "w", "name": name, "steps": ["s"]})
    for task in many(300):
        writer.execute(*statement("report_task", {"workspace": "w", "job": "one", "step": "s", "task": task["name"],
                                                  **{key: task[key] for key in task if key != "name"}}))
    follower.world, _ = reporting.call(follower.world, "report_tasks", workspace="w", job="one", step="s",
                                       tasks=array(many(300)))
    follower.rows, follower.transition = look(owner, WORKSPACE), follower._last_transition()
    follower.call("report_tasks", {"workspace": "w", "job": "many", "step": "s", "tasks": array(many(300))})
    follower.served()
    # The model has them alike, and so have the tables.
    assert follower.world["w", "one"] == follower.world["w", "many"]
    # Again: nothing differs, nothing is written.
    follower.call("report_tasks", {"workspace": "w", "job": "many", "step": "s", "tasks": array(many(300))})


def test_ten_thousand_tasks(writer, owner, program):
    follower = Follower(writer, owner, WORKSPACE, program)
    follower.call("create_job", {"workspace": "w", "name": "j", "steps": ["s"]})
    values = {"workspace": "w", "job": "j", "step": "s"}
    tasks = many(10000)
    writer.execute(*statement("report_tasks", {**values, "tasks": array(tasks)}))
    assert writer.fetchall() == [(10000,)]
    rows = look(owner, WORKSPACE)["w", "j"]
    for number, task in enumerate(tasks):
        row = rows[0, 0, number]
        assert {key: row[key] for key in task} == task
    # A fault in the last one: nothing of the others, and it is named.
    for fault in ({"status": "active"}, {"name": "t5"}, {"status_details": "[]"}):
        faulty = [dict(task, error_stack="again") for task in tasks]
        faulty[-1].update(fault)
        with pytest.raises(psycopg2.Error, match=r"tasks\[9999\]") as error:
            writer.execute(*statement("report_tasks", {**values, "tasks": array(faulty)}))
        assert error.value.pgcode == ("JS004" if "status" in fault else "JS005")
        assert look(owner, WORKSPACE)["w", "j"] == rows
    answer = program.get("w", "j")
    assert oracle.difference(oracle.document(owner.connection, "w", "j"), oracle.parse(answer.body)) is None
    assert reporting_invariants.broken(owner) == {}
