"""The read is one statement, and every access of it is an index lookup."""

import contextlib
import os
import re
import subprocess

import pytest

import postgres
from conftest import Program

JOBS = 20000
WINDOW = """
    create view windowed.jobs as select * from jobstatus.jobs;
    create view windowed.steps as select workspace, job_id, attempt, row_number() over (partition by
        workspace, job_id, attempt order by created_at, id) as position, id, name, status,
        status_details, error_details, created_at, updated_at from jobstatus.steps;
    create view windowed.tasks as select workspace, job_id, attempt, step_position + 1::bigint as
        step_position, row_number() over (partition by workspace, job_id, attempt, step_position order
        by created_at, id) as position, id, name, status, status_details, error_details, error_stack,
        created_at, updated_at from jobstatus.tasks"""


@pytest.fixture(scope="module")
def own():
    """A cluster that remembers statements, with 20,000 jobs of 3 steps of 4 tasks."""
    with postgres.Cluster(settings=["shared_preload_libraries=pg_stat_statements",
                                    "pg_stat_statements.track=all", "autovacuum=off",
                                    "log_statement=all"]) as cluster:
        cluster.psql_file(postgres.TOP / "sql" / "schema.sql")
        with contextlib.closing(cluster.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute("create extension pg_stat_statements")
            cursor.execute("set session_replication_role = replica")
            cursor.execute("insert into jobstatus.jobs (workspace, name, id, status) select"
                           " 'w' || i %% 100, 'job-' || i, 'j' || i, 'active' from"
                           " generate_series(1, %s) i", (JOBS,))
            cursor.execute("insert into jobstatus.steps (workspace, job_id, position, id, name, status)"
                           " select workspace, id, p, 's' || p, 's' || p, 'active' from"
                           " jobstatus.jobs, generate_series(0, 2) p")
            cursor.execute("insert into jobstatus.tasks (workspace, job_id, step_position, position, id,"
                           " name, status) select workspace, job_id, position, p, 't' || p, 't' || p,"
                           " 'active' from jobstatus.steps, generate_series(0, 3) p")
            cursor.execute("create schema plain; create schema windowed;" + WINDOW)
            for table in ("jobs", "steps", "tasks"):
                cursor.execute("create view plain.%s as select * from jobstatus.%s" % (table, table))
            cursor.execute("analyze")
            yield cluster, cursor


def ask(cluster, schema, prepare="yes", **more):
    """One answer of the real program; its status line and body."""
    environment = dict(os.environ, REQUEST_METHOD="GET", JOBSTATUS_SCHEMA=schema, **more,
                       JOBSTATUS_DATABASE=cluster.conninfo(), JOBSTATUS_PREPARE=prepare,
                       PATH_INFO="/apis/jobs/v2/workspaces/w7/jobs/job-7/status")
    answer = subprocess.run([str(postgres.program())], env=environment, check=True, timeout=60,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout.decode()
    assert answer.startswith("Status: 200 OK"), answer
    return answer


def last_text(cluster, name="jobstatus_read"):
    """The text of the statement as the server executed it last, constants and all."""
    with open(cluster.log) as log:
        return re.findall(r"execute %s: (.*)" % name, log.read())[-1]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("schema", ["jobstatus", "plain", "windowed"])
def test_every_access_is_an_index_lookup(own, schema, mode):
    cluster, cursor = own
    ask(cluster, schema)
    cursor.execute("deallocate all")
    cursor.execute("set plan_cache_mode = " + mode)
    cursor.execute("prepare read as " + last_text(cluster))
    cursor.execute("explain (analyze, format json) execute read ('w7', 'job-7')")
    plan = cursor.fetchone()[0][0]["Plan"]
    scans = [node for node in nodes(plan) if "Relation Name" in node]
    assert {node["Relation Name"] for node in scans} == {"jobs", "steps", "tasks"}
    for node in scans:
        assert node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan"), node
        assert node["Actual Rows"] * node["Actual Loops"] <= 12, node
        condition = node.get("Index Cond") or node.get("Recheck Cond")
        assert "workspace" in condition and ("name" in condition or "job_id" in condition), node


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("schema", ["jobstatus", "plain", "windowed"])
def test_a_revision_is_one_index_lookup(own, schema, mode):
    """Of the job alone; in our own tables nothing else is planned at all."""
    cluster, cursor = own
    ask(cluster, schema, HTTP_IF_NONE_MATCH='"x"')
    cursor.execute("deallocate all")
    cursor.execute("set plan_cache_mode = " + mode)
    cursor.execute("prepare lookup as " + last_text(cluster, "jobstatus_revision"))
    cursor.execute("explain (analyze, format json) execute lookup ('w7', 'job-7')")
    plan = cursor.fetchone()[0][0]["Plan"]
    scan, = [node for node in nodes(plan) if "Relation Name" in node]
    assert (scan["Relation Name"], scan["Node Type"], scan["Actual Rows"]) == ("jobs", "Index Scan", 1)
    assert "workspace" in scan["Index Cond"] and "name" in scan["Index Cond"]
    assert len(list(nodes(plan))) == 1 or schema != "jobstatus"


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_several_revisions_are_index_lookups(own, mode, directory):
    """One for each job, and nothing else."""
    cluster, cursor = own
    program = Program(directory, conninfo=cluster.conninfo() + " options='-c log_min_duration_statement=0'")
    program.start()
    try:
        assert program.get("w7", "job-7").status == 200
    finally:
        program.stop()
    with open(cluster.log) as log:
        text = re.findall(r"parse jobstatus_revisions: (.*)", log.read())[-1]
    cursor.execute("deallocate all")
    cursor.execute("set plan_cache_mode = " + mode)
    cursor.execute("prepare lookups(text[], text[]) as " + text)
    cursor.execute("explain (analyze, format json) execute lookups (%s, %s)", (["w7", "w8", "none"], ["job-7", "job-8", "job-7"]))
    plan = cursor.fetchone()[0][0]["Plan"]
    scan, = [node for node in nodes(plan) if "Relation Name" in node]
    assert (scan["Relation Name"], scan["Node Type"], scan["Actual Loops"]) == ("jobs", "Index Scan", 3)
    assert "workspace" in scan["Index Cond"] and "name" in scan["Index Cond"]
    cursor.execute("execute lookups (%s, %s)", (["w7", "w8", "none"], ["job-7", "job-8", "job-7"]))
    assert [row[0] for row in cursor.fetchall()] == [1, 2]


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_one_read_is_one_statement(own, prepare):
    cluster, cursor = own
    cursor.execute("select pg_stat_statements_reset()")
    ask(cluster, "jobstatus", prepare)
    cursor.execute("select query, calls from pg_stat_statements where query not ilike"
                   " '%pg_stat_statements%'")
    calls = dict(cursor.fetchall())
    [(read, times)] = [(query, n) for query, n in calls.items() if "tasks" in query]
    assert times == 1
    assert read.count("workspace = $1") == 3
    # Besides it, only the session's settings; the first of them asks whether relations offer a column data.
    others = [query for query in calls if query != read]
    assert all("set_config" in query for query in others) and len(others) == (1 if prepare == "yes" else 2), calls
