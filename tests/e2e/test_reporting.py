"""The reporting functions: every transition and every rule, one by one."""

import contextlib

import pytest

from reporting_arguments import TERMINAL, TRANSITIONS, members
from reports import (EVERYTHING, J, S, T, connect, database, empty, given, owner, refused, report, returned,  # noqa: F401
                     rows, statement, writer)

pytestmark = pytest.mark.any_build

STATUSES = list(TRANSITIONS)
PAIRS = [(old, new) for old in STATUSES for new in STATUSES]


@pytest.fixture
def state(owner):
    """The job's status, its steps' and its tasks' as `given` has them."""
    def look():
        owner.execute("select status from jobstatus.jobs where name = 'j'")
        (job,), = owner.fetchall()
        found = []
        for table, mark in (("steps", "case when declared then '' else '+' end"), ("tasks", "''")):
            owner.execute("select status || %s from jobstatus.%s r where attempt = (select attempt from jobstatus.jobs"
                          " where name = 'j') order by position" % (mark, table))
            found.append(" ".join(status for status, in owner.fetchall()))
        return (job, *found)
    return look


# Every pair of statuses ----------------------------------------------------------------------------------

@pytest.mark.parametrize("old,new", PAIRS)
def test_steps(given, report, state, old, new):
    """With a job that the change would not take along illegally."""
    job = new if new not in TERMINAL | {"created"} else "active"
    given(job, old + " active")
    before = state()
    if old == new or new in TRANSITIONS[old]:
        assert report("report_step", **S, status=new)["status"] == new
        assert state()[1].split()[0] == new
    else:
        with refused("JS004", old, new, "s0"):
            report("report_step", **S, status=new)
        assert state() == before


@pytest.mark.parametrize("old,new", PAIRS)
def test_tasks(given, report, state, old, new):
    for function in ("report_task", "report_tasks"):
        given("active", "active", old)
        arguments = {**T, "status": new} if function == "report_task" else \
            {**S, "tasks": '[{"name":"t1"},{"name":"t0","status":"%s"}]' % new}
        if old == new or new in TRANSITIONS[old]:
            report(function, **arguments)
            assert state() == ("active", "active", new + (" pending" if function == "report_tasks" else ""))
        else:
            with refused("JS004", old, new, "tasks[1]" if function == "report_tasks" else "t0"):
                report(function, **arguments)
            assert state() == ("active", "active", old)
        report("delete_job", **J)


# From which status a step can go to each, for a job to be taken along.
BEFORE = {"resuming": "paused", "completed": "pending"}


@pytest.mark.parametrize("old,new", PAIRS)
def test_jobs(given, report, state, old, new):
    """A job's own table, by the report of its one step; to `created` it is rerun."""
    step = BEFORE.get(new, "created")
    given(old, step)
    before = state()
    if new == "created":
        legal, call = old in TERMINAL, ("rerun_job", J)
    else:
        legal = old not in TERMINAL and (old == new or new in TRANSITIONS[old])
        call = ("report_step", {**S, "status": new})
    if legal:
        report(call[0], **call[1])
        assert state() == (new, new, "")
    else:
        with refused("JS004", old, new):
            report(call[0], **call[1])
        assert state() == before


# Rules ---------------------------------------------------------------------------------------------------

def job(verb):
    return verb + "_job", J


def step(number, status, **more):
    return "report_step", {**J, "step": "s%d" % number, "status": status, **more}


# The job, its steps (+: appended), the call, and what is there afterwards; None: JS004.
RULES = [
    # Steps that take the job along.
    ("created", "created created", step(0, "pending"), ("pending", "pending created")),
    ("active", "completed created", step(1, "pending"), ("active", "completed pending")),
    ("pending", "pending created", step(0, "completed"), ("pending", "completed created")),
    ("pending", "completed created", step(1, "active"), ("active", "completed active")),
    ("active", "completed active", step(1, "completed"), ("completed", "completed completed")),
    ("active", "active active", step(1, "completed"), ("active", "active completed")),
    ("active", "active completed", step(0, "completed"), ("active", "completed completed")),
    ("active", "active", step(1, "completed"), ("active", "active completed+")),
    ("active", "active completed+", step(0, "completed"), ("completed", "completed completed+")),
    ("active", "active active+", step(0, "completed"), ("active", "completed active+")),
    ("active", "completed active+", step(1, "completed"), ("active", "completed completed+")),
    ("active", "active+", step(0, "completed"), ("active", "completed+")),
    ("pending", "active active", step(1, "pausing"), ("pausing", "active pausing")),
    ("active", "active created created", step(0, "error"), ("error", "error cancelled cancelled")),
    ("active", "active pending created+", step(0, "cancelled"), ("cancelled", "cancelled pending cancelled+")),
    ("active", "active", step(3, None), ("active", "active created+")),
    ("created", "", step(0, "active"), ("active", "active+")),
    ("created", "", step(0, "completed"), ("created", "completed+")),
    ("active", "active created", step(2, "error"), ("error", "active cancelled error+")),
    ("paused", "paused active", step(1, "completed"), ("paused", "paused completed")),
    ("paused", "completed active", step(1, "completed"), None),
    ("cancelling", "cancelling created", step(1, "active"), None),
    ("completed", "completed", step(1, "created"), None),
    ("error", "error active", step(1, "completed"), None),
    ("error", "error active", step(1, "active"), ("error", "error active")),
    ("cancelled", "active", step(0, "cancelled"), None),
    # Complete.
    ("active", "", job("complete"), ("completed", "")),
    ("pending", "completed completed+", job("complete"), ("completed", "completed completed+")),
    ("completed", "active", job("complete"), ("completed", "active")),
    ("active", "completed active", job("complete"), None),
    ("created", "", job("complete"), None),
    ("error", "", job("complete"), None),
    # Cancel.
    ("created", "", job("cancel"), ("cancelled", "")),
    ("created", "created created", job("cancel"), ("cancelled", "cancelled cancelled")),
    ("pending", "created", job("cancel"), ("cancelled", "cancelled")),
    ("active", "active pending created", job("cancel"), ("cancelling", "active cancelling created")),
    ("active", "active completed created", job("cancel"), ("cancelling", "cancelling completed created")),
    ("active", "completed created", job("cancel"), ("cancelled", "completed cancelled")),
    ("paused", "paused", job("cancel"), ("cancelling", "cancelling")),
    ("cancelling", "cancelling", job("cancel"), ("cancelling", "cancelling")),
    ("cancelled", "active", job("cancel"), ("cancelled", "active")),
    ("pausing", "pausing", job("cancel"), None),
    ("active", "pausing", job("cancel"), None),
    ("pausing", "active", job("cancel"), None),
    ("completed", "completed", job("cancel"), None),
    ("error", "error", job("cancel"), None),
    # Pause.
    ("created", "created created", job("pause"), ("pausing", "pausing created")),
    ("active", "active active created", job("pause"), ("pausing", "active pausing created")),
    ("active", "active completed", job("pause"), ("pausing", "pausing completed")),
    ("active", "completed created", job("pause"), ("pausing", "completed pausing")),
    ("pausing", "pausing", job("pause"), ("pausing", "pausing")),
    ("created", "", job("pause"), None),
    ("active", "completed", job("pause"), None),
    ("paused", "paused", job("pause"), None),
    ("active", "cancelling", job("pause"), None),
    ("cancelling", "active", job("pause"), None),
    ("completed", "completed", job("pause"), None),
    # Resume.
    ("paused", "paused paused active", job("resume"), ("resuming", "paused resuming active")),
    ("paused", "active", job("resume"), ("resuming", "active")),
    ("resuming", "paused", job("resume"), ("resuming", "paused")),
    ("pausing", "paused", job("resume"), None),
    ("active", "paused", job("resume"), None),
    ("completed", "completed", job("resume"), None),
    # Rerun.
    ("error", "completed error cancelled+", job("rerun"), ("created", "created created created+")),
    ("cancelled", "", job("rerun"), ("created", "")),
    ("active", "active", job("rerun"), None),
    ("created", "", job("rerun"), None),
]


@pytest.mark.parametrize("before,steps,call,after", RULES)
def test_rules(given, report, state, before, steps, call, after):
    given(before, steps)
    if after is None:
        with refused("JS004"):
            report(call[0], **call[1])
        assert state() == (before, steps, "")
    else:
        report(call[0], **call[1])
        assert state() == (*after, "")


def test_a_task_takes_nothing_along(given, report, state):
    given("active", "active")
    for number, status in enumerate(STATUSES):
        report("report_task", **{**T, "task": "t%d" % number}, status=status)
    report("report_task", **{**T, "task": "plain"})
    assert state() == ("active", "active", " ".join(STATUSES + ["pending"]))


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_below_a_job_that_has_ended(given, report, state, status):
    """No task comes or changes its status; the same again and details are taken."""
    given(status, "active", "active active")
    for arguments in ({**T, "status": "completed"}, {**T, "task": "new"}, {**T, "task": "new", "status": "pending"}):
        with refused("JS004", status):
            report("report_task", **arguments)
    for first, second in (("t1", '{"name":"t0","status":"completed"}'), ("t0", '{"name":"new"}')):
        with refused("JS004", status, "tasks[1]"):
            report("report_tasks", **S, tasks='[{"name":"%s","error_stack":"x"},%s]' % (first, second))
    assert state() == (status, "active", "active active")
    assert report("report_task", **T, status="active", status_details='{"a":1}', error_details='{"b":1}',
                  error_stack="x")["error_stack"] == "x"
    assert report("report_step", **S, status="active", error_details='{"b":1}')["error_details"] == '{"b":1}'
    assert report("report_tasks", **S, tasks='[{"name":"t0","status":"active","status_details":{"c":1}}]') == 1
    assert members(report("report_job_details", **J, status_details='{"d":1}')["status_details"]) \
        == (("a", "1"), ("c", "1"), ("d", "1"))


def test_task_details_go_up(given, report):
    """Also those that the task has already, and the job has not; in the order of the tasks."""
    given("active", "active", "active", details='{"a":1}')
    for function, arguments in (("report_task", {**T, "status_details": '{"a":1}'}),
                                ("report_tasks", {**S, "tasks": '[{"name":"t0","status_details":{"a":1}}]'})):
        report("report_job_details", **J, status_details='{"a":2}')
        report(function, **arguments)
        assert members(report("report_job_details", **J, status_details="{}")["status_details"]) == (("a", "1"),)
    report("report_tasks", **S, tasks='[{"name":"u","status_details":{"b":1,"a":3}},'
           '{"name":"t0","status_details":{"c":1,"a":4}},{"name":"v"}]')
    assert members(report("report_job_details", **J, status_details="{}")["status_details"]) \
        == (("a", "4"), ("b", "1"), ("c", "1"))


def test_error_details_go_up(given, report):
    given("active", "active active")
    report("report_step", **S, error_details='{"a":1}')
    assert report("report_job_details", **J, status_details="{}")["error_details"] == '{"old":1}'
    report("report_step", **S, status="error", error_details="{}")
    assert report("report_job_details", **J, status_details="{}")["error_details"] == '{"a":1}'


def test_rerun(given, report, owner):
    """New ids, nothing of the old attempt's details, and that attempt stays as it was."""
    given("error", "completed error cancelled+", "active", details='{"a":1}')
    old = "select r::text from jobstatus.%s r where attempt = 0 order by position"
    kept = []
    for table in ("steps", "tasks"):
        owner.execute(old % table)
        kept.append(owner.fetchall())
    owner.execute("select created_at from jobstatus.jobs")
    (created,), = owner.fetchall()
    again = report("rerun_job", **J)
    assert (again["id"], again["attempt"], again["status"], again["status_details"], again["error_details"],
            again["created_at"]) == ("i", 1, "created", "{}", "{}", created)
    for table, rows in zip(("steps", "tasks"), kept):
        owner.execute(old % table)
        assert owner.fetchall() == rows
    owner.execute("select position, name, status, declared, status_details::text, error_details::text, id like 'step-%'"
                  " from jobstatus.steps where attempt = 1 order by position")
    assert owner.fetchall() == [(n, "s%d" % n, "created", n < 2, "{}", "{}", True) for n in range(3)]
    owner.execute("select count(distinct id), count(*) from jobstatus.steps where attempt = 1")
    assert owner.fetchall() == [(3, 3)]
    assert report("report_step", **{**S, "step": "s7"}, status="pending")["position"] == 3


# Stored details, those given, and the members that are there afterwards.
MERGES = [
    ('{"a":1}', None, (("a", "1"),)),
    ('{"a":1}', "{}", (("a", "1"),)),
    ('{"a":1,"b":2}', '{"c":3,"a":4}', (("a", "4"), ("b", "2"), ("c", "3"))),
    ('{"b":1,"a":2}', '{"a":3,"b":4}', (("b", "4"), ("a", "3"))),
    ('{"a":{"x":1}}', '{"a":{"y":2}}', (("a", '{"y":2}'),)),
    ('{"a":1}', '{"a":null}', (("a", "null"),)),
    ('{"a":1}', '{"b":1,"b":2}', (("a", "1"), ("b", "2"))),
    ('{"a":1}', '{"\\u0061":2}', (("a", "2"),)),
    ('{"\\u0061":1}', '{"a":2}', (("a", "2"),)),
    ('{"a":1}', '{"\\\\u0061":2}', (("a", "1"), ("\\u0061", "2"))),
    ('{"\\u0000":1}', '{"a":"\\u0000","\\u0000":"\\\\u0000"}', (("\0", '"\\\\u0000"'), ("a", '"\\u0000"'))),
    ('{"\\u0000":1,"\\u0000a":1}', '{"a\\u0000":2,"":3}', (("\0", "1"), ("\0a", "1"), ("a\0", "2"), ("", "3"))),
    ('{"\\\\u0000":1}', '{"\\u0000":2}', (("\\u0000", "1"), ("\0", "2"))),
    ('{"\\ud800":1}', '{"\\uD800":"\\udc00","\\udc00":2}', (("\ud800", '"\\udc00"'), ("\udc00", "2"))),
    ('{"\\ud83d\\ude00":1}', '{"\U0001f600":2}', (("\U0001f600", "2"),)),
    ('{"a":1}', '{"b":1e400,"c":-0.0,"d":%s}' % ("1" * 40),
     (("a", "1"), ("b", "1e400"), ("c", "-0.0"), ("d", "1" * 40))),
    ('{ "a" : 1 , "b":2 }', ' {\n"b"\t:\r3 } ', (("a", "1"), ("b", "3"))),
    ('{"a":"},{"}', '{"b":"\\"}","c":"]"}', (("a", '"},{"'), ("b", '"\\"}"'), ("c", '"]"'))),
    ('{"a":1}', '{"deep":%s}' % ("[" * 1000 + "]" * 1000), (("a", "1"), ("deep", "[" * 1000 + "]" * 1000))),
    ('{"a":1}', '{"deep":%s}' % ('{"a":' * 1000 + "null" + "}" * 1000),
     (("a", "1"), ("deep", '{"a":' * 1000 + "null" + "}" * 1000))),
    ("{}", '{%s}' % ",".join('"k%d":%d' % (n, n) for n in range(3000)),
     tuple(("k%d" % n, str(n)) for n in range(3000))),
]


@pytest.mark.parametrize("stored,new,merged", MERGES, ids=range(len(MERGES)))
def test_merging(given, report, owner, stored, new, merged):
    """Of a step, of a task and with it of the job, and of the job itself; error_details are replaced."""
    given("active", "active", "active", details=stored)
    owner.execute("update jobstatus.steps set status_details = %s, error_details = %s", (stored, stored))
    replaced = members(new) if new not in (None, "{}") else members(stored)
    row = report("report_step", **S, status_details=new, error_details=new)
    assert (members(row["status_details"]), members(row["error_details"])) == (merged, replaced)
    row = report("report_task", **T, status_details=new)
    assert members(row["status_details"]) == merged
    assert members(report("report_job_details", **J, status_details="{}")["status_details"]) == merged
    if new is not None:
        owner.execute("update jobstatus.jobs set status_details = %s; update jobstatus.tasks set status_details = %s",
                      (stored, stored))
        assert members(report("report_job_details", **J, status_details=new)["status_details"]) == merged
        owner.execute("update jobstatus.jobs set status_details = %s", (stored,))
        report("report_tasks", **S, tasks='[{"name":"t0","status_details":%s}]' % new)
        owner.execute("select j.status_details::text, t.status_details::text from jobstatus.jobs j, jobstatus.tasks t")
        assert [members(text) for text in owner.fetchone()] == [merged, merged]


def test_a_new_row_has_its_details_as_given(given, report):
    given("active", "active")
    text = '{ "a" : 1,\n"a":"\\u0000", "\\u0061":1e400 }'
    for row in (report("report_step", **{**J, "step": "new"}, status_details=text, error_details=text),
                report("report_task", **T, status_details=text, error_details=text)):
        assert [members(row[name]) for name in ("status_details", "error_details")] == [members(text)] * 2


@pytest.mark.parametrize("call", [
    ("report_step", {**S, "status": "active"}), ("report_step", {**S, "status_details": '{"a":1}'}),
    ("report_step", {**S, "status_details": '{ "a" : 1 }', "error_details": "{}"}),
    ("report_task", {**T, "status": "active"}), ("report_task", {**T, "status_details": '{"a":1}', "error_stack": ""}),
    ("report_tasks", {**S, "tasks": '[{"name":"t0","status":"active","status_details":{"a":1},"error_stack":null}]'}),
    ("report_tasks", {**S, "tasks": "[]"}), ("report_job_details", {**J, "status_details": '{"a":1}'}),
    ("report_job_details", {**J, "status_details": "{}"}), ("report_step", S), ("report_task", T)])
def test_the_same_again_writes_nothing(given, report, owner, call):
    given("active", "active", "active", details='{"a":1}')
    owner.execute("update jobstatus.steps set status_details = '{\"a\":1}'")
    everything = EVERYTHING + " union all select null, count(*)::text from jobstatus.transitions"
    owner.execute(everything)
    before = owner.fetchall()
    report(call[0], **call[1])
    owner.execute(everything)
    assert owner.fetchall() == before


def test_error_stack(given, report):
    given("active", "active")
    assert report("report_task", **T, error_stack="")["error_stack"] in (None, "")
    for text in ("a", "b\n\u2028\x01", "x" * 1000000):
        assert report("report_task", **T, error_stack=text)["error_stack"] == text
        assert report("report_task", **T)["error_stack"] == text
        assert report("report_task", **T, error_stack="")["error_stack"] == text


@pytest.mark.parametrize("array,names", [("{}", []), ("{a,b}", ["a", "b"]), ("[0:1]={b,a}", ["b", "a"]),
                                         ("[7:8]={b,a}", ["b", "a"]), ('{"NULL"}', ["NULL"])])
def test_create(report, writer, owner, array, names):
    row = report("create_job", workspace="w", name="j", steps=array)
    assert (row["attempt"], row["status"], row["status_details"], row["error_details"]) == (0, "created", "{}", "{}")
    assert row["id"].startswith("job-") and row["created_at"] == row["updated_at"]
    owner.execute("select position, name, status, declared, id like 'step-%' from jobstatus.steps order by position")
    assert owner.fetchall() == [(n, name, "created", True, True) for n, name in enumerate(names)]


def test_defaults_and_order_of_arguments(writer, owner):
    """As the documents call them: by place, what is left out at the end."""
    for call, status in (("create_job('w', 'j')", "created"), ("create_job('w', 'k', '{a}', 'id')", "created"),
                         ("report_step('w', 'j', 's')", "created"), ("report_step('w', 'j', 's', 'active')", "active"),
                         ("report_task('w', 'j', 's', 't')", "pending"),
                         ("report_task('w', 'j', 's', 't', 'active', '{}', '{}', 'x')", "active"),
                         ("report_job_details('w', 'j', '{}')", "active"), ("pause_job('w', 'j')", "pausing"),
                         ("report_step('w', 'j', 's', 'paused')", "paused"), ("resume_job('w', 'j')", "resuming"),
                         ("report_step('w', 'j', 's', 'error')", "error"), ("rerun_job('w', 'j')", "created"),
                         ("cancel_job('w', 'j')", "cancelled"), ("delete_job('w', 'j')", "cancelled")):
        writer.execute("select status from jobstatus." + call)
        assert writer.fetchall() == [(status,)], call
    writer.execute("select jobstatus.report_tasks('w', 'k', 'a', '[{\"name\":\"t\"}]')")
    assert writer.fetchall() == [(1,)]


@pytest.mark.parametrize("function,more", [
    ("report_step", {"step": "new"}), ("report_task", {"step": "s", "task": "new"}),
    ("report_tasks", {"step": "s", "tasks": '[{"name":"new"}]'}), ("rerun_job", {})])
def test_what_is_new_is_newer_than_what_was_reported_before(cluster, database, report, writer, owner, function, more):
    """Even in a transaction that began before that."""
    report("create_job", workspace="w", name="j", steps="{s}")
    writer.execute("begin")
    writer.execute("select now()")
    (began,), = writer.fetchall()
    try:
        with contextlib.closing(connect(cluster, database, "reporter")) as other, other.cursor() as cursor:
            status = "error" if function == "rerun_job" else "active"
            cursor.execute(*statement("report_step", dict(J, step="s", status=status)))
            reported = returned(cursor)["updated_at"]
        assert reported > began
        report(function, **J, **more)
    finally:
        writer.execute("commit")
    newest = "select min(created_at) from (select name, attempt, created_at from jobstatus.steps union all" \
        " select name, attempt, created_at from jobstatus.tasks) r where name = 'new' or attempt = 1"
    (created,), = rows(owner, newest)
    assert created > reported
