"""The program's read of a NeMo Platform's tables: lookups in the platform's own indexes, whatever their size."""

import contextlib
import re
import subprocess

import pytest

import nemo
import postgres
from conftest import clean_environment
from test_plans import last_text, nodes

SIZES = (2000, 20000)
STEPS, TASKS = 2, 3

# Jobs FIRST to LAST: two attempts each, the second one current, all of it in one workspace.
ROWS = r"""
    insert into public.entities (id, workspace, entity_type, name, parent, data, created_at, updated_at)
    select format('platform-job-%%s', i), 'default', 'platform_job', 'job-' || i, null, format('{"source": "s", "spec":'
        ' {"text": "%%s"}, "current_attempt_id": "platform-job-attempt-%%s-1", "fileset": "f"}',
        case when i %% 10 = 0 then '\u0000' else 'x' end, i)::json, t, t
    from generate_series(%(first)s, %(last)s) i, cast('2026-11-23' as timestamp) t
    union all
    select format('platform-job-attempt-%%s-%%s', i, a), 'default', 'platform_job_attempt', 'att-' || a,
        format('platform-job-%%s', i), '{"status": "active", "status_details": {}}', t, t
    from generate_series(%(first)s, %(last)s) i, generate_series(0, 1) a, cast('2026-11-23' as timestamp) t
    union all
    select format('platform-job-step-%%s-%%s', i, s), 'default', 'platform_job_step', 'step-' || s,
        format('platform-job-attempt-%%s-1', i), '{"status": "active", "status_details": {}}', t, t
    from generate_series(%(first)s, %(last)s) i, generate_series(1, %(steps)s) s, cast('2026-11-23' as timestamp) t
    union all
    select format('platform-job-task-%%s-%%s-%%s', i, s, k), 'default', 'platform_job_task', 'task-' || k,
        format('platform-job-step-%%s-%%s', i, s), '{"status": "active", "status_details": {}}', t, t
    from generate_series(%(first)s, %(last)s) i, generate_series(1, %(steps)s) s, generate_series(1, %(tasks)s) k,
        cast('2026-11-23' as timestamp) t
"""


@pytest.fixture(scope="module")
def own():
    """A cluster whose log has every statement, with the views over the platform's empty tables."""
    settings = ["log_statement=all", "autovacuum=off", "max_wal_size=4GB", "checkpoint_timeout=1h"]
    with postgres.Cluster(settings=settings) as cluster:
        nemo.load_sample(cluster, "nemo", rows=False)
        nemo.install(cluster, "nemo", "nemo_reader")
        with contextlib.closing(cluster.connect(dbname="nemo")) as connection:
            cursor = connection.cursor()
            # Rows come with their parents; looking each of them up is what takes the time.
            cursor.execute("set session_replication_role = replica")
            yield cluster, cursor


def read_of(cluster, compat):
    """The text of the program's own statement."""
    answer = subprocess.run(
        [str(postgres.program())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=60,
        env=clean_environment(REQUEST_METHOD="GET", PATH_INFO="/apis/jobs/v2/workspaces/default/jobs/job-7/status",
                              JOBSTATUS_DATABASE=cluster.conninfo("nemo_reader", "nemo"),
                              JOBSTATUS_SCHEMA=nemo.SCHEMA, JOBSTATUS_COMPAT=compat)).stdout.decode()
    assert answer.startswith("Status: 200 OK"), answer
    return last_text(cluster)


def test_lookups_alone_before_the_first_analyze(own):
    cluster, cursor = own
    cursor.execute(ROWS, {"first": 1, "last": 1000, "steps": STEPS, "tasks": TASKS})
    cursor.execute("prepare read as " + read_of(cluster, "none"))
    for name in ("job-7", "job-10"):
        check(explain(cursor, name))


def test_lookups_alone_at_every_size(own):
    cluster, cursor = own
    cursor.execute("truncate public.entities")
    touched, first = {}, 1
    for size in SIZES:
        cursor.execute(ROWS, {"first": first, "last": size, "steps": STEPS, "tasks": TASKS})
        first = size + 1
        cursor.execute("analyze public.entities")
        for compat in ("none", "nemo-platform"):
            read = read_of(cluster, compat)
            for mode in ("force_generic_plan", "force_custom_plan"):
                cursor.execute("deallocate all; set plan_cache_mode = " + mode)
                cursor.execute("prepare read as " + read)
                # Job 10 has an escape that PostgreSQL's operators refuse, job 7 has none.
                for name in ("job-7", "job-10"):
                    plan = explain(cursor, name)
                    check(plan)
                    touched.setdefault((compat, mode, name), []).append(
                        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    assert len(touched) == 8
    for what, (small, large) in touched.items():
        # One level more of an index, for each row at most.
        assert large <= small + 2 + STEPS + STEPS * TASKS and large <= 1.3 * small, (what, small, large)


def explain(cursor, name):
    cursor.execute("set role nemo_reader")
    for _ in range(2):  # the first one reads the catalogue
        cursor.execute("explain (analyze, buffers, format json) execute read ('default', %s)", (name,))
        plan = cursor.fetchone()[0][0]["Plan"]
    cursor.execute("reset role")
    return plan


def check(plan):
    """Every access is an index lookup that gives little more than what the job has."""
    assert plan["Actual Rows"] == 1 + STEPS + STEPS * TASKS, plan
    scans = [node for node in nodes(plan) if "Relation Name" in node]
    assert len(scans) > 3
    for node in scans:
        assert node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan"), node
        condition = node.get("Index Cond") or node.get("Recheck Cond")
        assert re.search(r"\b(id|parent|name)\)?(::text)? = ", condition), node
        looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + \
            node.get("Rows Removed by Index Recheck", 0)
        assert looked_at * node["Actual Loops"] <= STEPS * TASKS, node
