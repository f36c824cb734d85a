"""The reporting functions: errors, limits, rights, and sessions that mean no good."""

import contextlib
import random

import psycopg2
import pytest

import reporting_calls
from reporting_arguments import FUNCTIONS
from reports import (EVERYTHING, J, S, T, Follower, connect, database, empty, given, owner, refused,  # noqa: F401
                     report, statement, writer)

pytestmark = pytest.mark.any_build

# Errors --------------------------------------------------------------------------------------------------

LONG = "x" * 256


def errors():
    """The call, its SQLSTATE, what the message says."""
    create = {"workspace": "w", "name": "new"}
    for function, names in FUNCTIONS.items():
        least = {"workspace": "w", "job": "j", "name": "new", "step": "s0", "task": "t0", "tasks": "[]",
                 "status_details": "{}"}
        call = {name: least[name] for name in names if name in least
                and (name != "status_details" or function == "report_job_details")}
        for name in call:
            yield function, {**call, name: None}, "JS005", (name,)
        for name in ("workspace", "job", "name", "step", "task"):
            if name in call:
                for value in ("", ".", "..", "a/b", "a\nb", "\x7f", "\x80x", "\x9f", LONG, "\U0001f680" * 256):
                    yield function, {**call, name: value}, "JS005", (name, value[:100])
        for name in ("status", "status_details", "error_details"):
            if name in names:
                values = ("", "Active", "gone", LONG) if name == "status" else \
                    ("[]", "null", "1", '"{}"', "true", '["%s"]' % LONG)
                for value in values:
                    yield function, {**call, name: value}, "JS005", (name, value[:100])
        if "job" in names:
            yield function, {**call, "job": "none"}, "JS001", ("none",)
            yield function, {**call, "workspace": "W"}, "JS001", ("j",)
    for steps in (None, [None], ["a", None], ["a", ""], ["a", "b/c"], ["a", "b", "a"], [LONG], [["a"], ["b"]]):
        faults = [name for name in steps or () if name and name not in ("a", "b") and isinstance(name, str)]
        yield "create_job", {**create, "steps": steps}, "JS005", ("steps", *[name[:100] for name in faults])
    for value in ("", "i" * 256):
        yield "create_job", {**create, "id": value}, "JS005", ("id", value[:100])
    yield "create_job", {**create, "name": "j"}, "JS003", ("j",)
    yield "create_job", {**create, "name": "j", "id": "other"}, "JS003", ("j",)
    yield "create_job", {**create, "id": "i"}, "JS003", ("i",)
    yield "report_task", {**T, "step": "none"}, "JS002", ("none",)
    yield "report_tasks", {**S, "step": "none", "tasks": "[]"}, "JS002", ("none",)
    yield "report_tasks", {**S, "step": "none", "tasks": '[{"name":"t0"}]'}, "JS002", ("none",)
    for value in ("{}", "null", '"[]"', "1"):
        yield "report_tasks", {**S, "tasks": value}, "JS005", ("tasks", value)
    for element in reporting_calls.BAD_TASKS:
        yield "report_tasks", {**S, "tasks": '[{"name":"t8"},{"name":"t9"},%s,7]' % element}, "JS005", ("tasks[2]",)
    for element, words in (('{"name":"t1","status":"gone"}', ("status", "gone")), ('{"name":"a/b"}', ("name", "a/b")),
                           ('{"name":"t1","colour":1}', ("colour",)), ('{"name":"t0"}', ("t0",)),
                           ('{"name":"\\u00740"}', ("t0",)),
                           ('{"name":"t1","error_details":[7]}', ("error_details", "[7]"))):
        yield "report_tasks", {**S, "tasks": '[{"name":"t0"},%s]' % element}, "JS005", ("tasks[1]", *words)
    # What is judged first: arguments, job, step, transitions; the lowest index of what is judged together.
    yield "report_task", {**T, "job": "none", "status": "gone"}, "JS005", ("status", "gone")
    yield "report_task", {**T, "job": "none", "step": "none"}, "JS001", ("none",)
    yield "report_step", {**S, "job": "none", "error_details": "[]"}, "JS005", ("error_details",)
    yield "report_tasks", {**S, "step": "none", "tasks": '[{"name":"t0"},1]'}, "JS005", ("tasks[1]",)
    yield "report_tasks", {**S, "tasks": '[{"name":"t0","status":"created"},{"name":"t1"},2]'}, "JS005", ("tasks[2]",)
    yield "report_tasks", {**S, "tasks": '[{"name":"t1"},{"name":"t0","status":"created"}]'}, "JS004", ("tasks[1]",)
    yield "report_task", {**T, "status": "created"}, "JS004", ("active", "created")


ERRORS = list(errors())


@pytest.mark.parametrize("function,arguments,code,words", ERRORS, ids=range(len(ERRORS)))
def test_errors(given, report, owner, function, arguments, code, words):
    given("active", "active", "active")
    owner.execute(EVERYTHING)
    before = owner.fetchall()
    with refused(code, *words):
        report(function, **arguments)
    owner.execute(EVERYTHING)
    assert owner.fetchall() == before


@pytest.mark.parametrize("name", ["x" * 255, "\U0001f680" * 255, "a b", "%2F", "'", "\\", "\xa0", "\u2028", "~", "...",
                                  "null"])
def test_names_at_the_limit(report, name):
    """255 characters, and odd ones, are names everywhere; an id may have anything."""
    values = {"workspace": name, "job": name}
    assert report("create_job", workspace=name, name=name, steps=[name], id="/" + "\n" * 254)["name"] == name
    assert report("report_step", **values, step=name, status="active")["name"] == name
    assert report("report_task", **values, step=name, task=name)["name"] == name
    assert report("report_tasks", **values, step=name, tasks='[{"name":"t"}]') == 1
    for verb, status in (("pause", "pausing"), ("delete", "pausing")):
        assert report(verb + "_job", **values)["status"] == status


# Rights --------------------------------------------------------------------------------------------------

def test_what_a_writer_may_execute(owner):
    """The functions of the contract and no other of ours; nobody else may."""
    owner.execute("create role anybody")
    try:
        for role, more in (("reporter", set(FUNCTIONS)), ("reader", set()), ("anybody", set())):
            owner.execute("select proname from pg_proc where pronamespace = 'jobstatus'::regnamespace"
                          " and has_function_privilege(%s, oid, 'execute')", (role,))
            assert {name for name, in owner.fetchall()} == more | {"is_name", "is_status", "is_time"}, role
    finally:
        owner.execute("drop role anybody")
    owner.execute("select proname from pg_proc where proname = any(%s) and pronamespace = 'jobstatus'::regnamespace"
                  " and prosecdef and 'search_path=pg_catalog, pg_temp' = any(proconfig) and provolatile = 'v'"
                  " and pg_get_userbyid(proowner) = 'jobstatus_owner' and obj_description(oid, 'pg_proc') <> ''",
                  (list(FUNCTIONS),))
    assert sorted(name for name, in owner.fetchall()) == sorted(FUNCTIONS)


def test_a_writer_touches_no_relation(owner, writer):
    owner.execute("select relname, relkind from pg_class where relnamespace = 'jobstatus'::regnamespace"
                  " and relkind in ('r', 'v', 'm', 'S')")
    relations = owner.fetchall()
    assert {name for name, _ in relations} >= {"jobs", "steps", "tasks", "transitions", "step_times", "resting"}
    for name, kind in relations:
        tries = ["table %s", "select from %s"]
        if kind == "S":
            tries += ["select nextval('%s')", "select setval('%s', 1)", "drop sequence %s"]
        if kind == "r":
            tries += ["delete from %s", "insert into %s default values", "truncate %s",
                      "alter table %s disable trigger all", "select from %s for update", "drop table %s"]
        for what in tries:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                writer.execute(what % ("jobstatus." + name))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        writer.execute("create or replace function jobstatus.is_name(text) returns boolean language sql return true")


@pytest.mark.parametrize("role", ["reader", "nobody_reports"])
def test_nobody_else_reports(given, owner, role):
    given("active", "active")
    owner.execute("create role nobody_reports")
    try:
        for function, names in FUNCTIONS.items():
            call, values = statement(function, {name: None for name in names})
            owner.execute("set role " + role)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                owner.execute(call, values)
            owner.execute("reset role")
    finally:
        owner.execute("reset role; drop role nobody_reports")


HOSTILE = """
    create schema trap;
    grant usage, create on schema trap to reporter;
    create function trap.clock_timestamp() returns timestamptz language sql return timestamptz '1900-01-01Z';
    create function trap.now() returns timestamptz language sql return timestamptz '1900-01-01Z';
    create function trap.nextval(regclass) returns bigint language sql return -1;
    create function trap.nextval(text) returns bigint language sql return -1;
    create function trap.gen_random_uuid() returns uuid language sql
        return '00000000-0000-0000-0000-000000000000'::uuid;
    create function trap.is_name(text) returns boolean language sql return true;
    create function trap.is_status(text) returns boolean language sql return true;
    create function trap.json_typeof(json) returns text language sql return 'object'::text;
    create function trap.length(text) returns integer language sql return 1;
    create function trap.left(text, integer) returns text language sql return 'trapped'::text;
    create function trap.yes(text, text) returns boolean language sql return true;
    create operator trap.= (function = trap.yes, leftarg = text, rightarg = text);
    create operator trap.<> (function = trap.yes, leftarg = text, rightarg = text);
    create operator trap.|| (function = trap.yes, leftarg = text, rightarg = text);
    grant execute on all functions in schema trap to public"""
HOSTILE_SESSION = """
    create temporary table jobs (workspace text, name text, id text);
    create temporary table steps (like jobs);
    create temporary table tasks (like jobs);
    create temporary table transitions (like jobs);
    create temporary view pg_class as select 1;
    create temporary sequence revision_seq;
    create type pg_temp.json as (x integer);
    create type pg_temp.text as (x integer);
    create function pg_temp.is_name(pg_catalog.text) returns boolean language sql return true;
    set search_path = pg_temp, trap, pg_catalog, jobstatus;
    set timezone = 'Pacific/Kiritimati'; set standard_conforming_strings = off;
    set transform_null_equals = on; set array_nulls = off; set escape_string_warning = off; set bytea_output = 'escape';
    set check_function_bodies = off; set enable_indexscan = off; set enable_seqscan = off; set row_security = off;
    set jobstatus.carry = 'no'"""


def test_hostile_sessions_change_nothing(cluster, database, owner):
    """Other objects of the same names, another search_path and other settings: calls do as the model says."""
    owner.execute(HOSTILE)
    try:
        with contextlib.closing(connect(cluster, database, "reporter")) as connection, connection.cursor() as hostile:
            hostile.execute(HOSTILE_SESSION)
            rng = random.Random(7)
            follower = Follower(hostile, owner, reporting_calls.WORKSPACES)
            for _ in range(200):
                function, arguments = reporting_calls.call(rng, follower.world)
                follower.call(function, arguments)
            assert 20 < follower.refusals < 120
    finally:
        owner.execute("drop schema trap cascade")
