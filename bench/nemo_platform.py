"""Measures reads of a NeMo Platform's tables against reads of our own with the same jobs; started by run.sh."""

import contextlib
import pathlib
import statistics
import sys
import tempfile

import fronts
import load
import nemo
import postgres
import results
from backends import SystemdSocket

CLIENTS = (1, 16)
STEPS, TASKS = 3, 5
# Documents as the platform writes them: a specification in the job and in its attempt.
SPEC = ('"spec": {}, "platform_spec": {"steps": [%s], "secrets": null}' % ", ".join(
    '{"name": "step-%d", "environment": null, "executor": {"provider": "subprocess", "profile": "default", "command": '
    '["true"]}, "config": {}, "lifecycle": {"staleness_timeout_seconds": 0}}' % i for i in range(1, STEPS + 1)))
FILL = """
    insert into workspaces (id, name) select 'workspace-' || w, w from generate_series(0, 99) w;
    insert into entities (id, workspace, entity_type, name, data)
        select 'platform-job-' || i, i %% 100, 'platform_job', i, format('{"source": "seed", %(spec)s,
        "current_attempt_id": "platform-job-attempt-%%s", "fileset": "job-fileset", "output_location": null,
        "description": null, "custom_fields": null, "ownership": null}', i)::json from generate_series(1, %(jobs)d) i;
    insert into entities (id, workspace, entity_type, name, parent, data)
        select 'platform-job-attempt-' || i, i %% 100, 'platform_job_attempt', 'attempt-' || i, 'platform-job-' || i,
        format('{"job": "platform-job-%%s", "seq": 0, %(spec)s, "status": "active",
        "status_details": {"progress": "45%%%%"}, "error_details": null}', i)::json from generate_series(1, %(jobs)d) i;
    insert into entities (id, workspace, entity_type, name, parent, data, created_at)
        select 'platform-job-step-' || i || '-' || s, i %% 100, 'platform_job_step', 'step-' || s,
        'platform-job-attempt-' || i, format('{"attempt_id": "platform-job-attempt-%%s", "config": {},
        "status": "active", "status_details": {"records": 7000}, "error_details": null}', i)::json,
        timestamp '2026-11-24' + s * interval '1 s' from generate_series(1, %(jobs)d) i, generate_series(1, %(steps)d) s;
    insert into entities (id, workspace, entity_type, name, parent, data, created_at)
        select 'platform-job-task-' || i || '-' || s || '-' || t, i %% 100, 'platform_job_task', 'task-' || t,
        'platform-job-step-' || i || '-' || s, format('{"step_id": "platform-job-step-%%s-%%s", "status": "active",
        "status_details": {"current_record": 7000}, "error_details": {}, "error_stack": null}', i, s)::json,
        timestamp '2026-11-24' + t * interval '1 s'
        from generate_series(1, %(jobs)d) i, generate_series(1, %(steps)d) s, generate_series(1, %(tasks)d) t;
"""
# The same jobs in our own tables, by way of the views.
COPY = """
    insert into jobstatus.jobs (workspace, name, id, status, status_details, created_at, updated_at)
        select workspace, name, id, data ->> 'status', data -> 'status_details', created_at, updated_at
        from jobstatus_nemo.jobs;
    insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status, status_details, created_at,
        updated_at) select workspace, job_id, 0, split_part(name, '-', 2)::integer, id, name, data ->> 'status',
        data -> 'status_details', created_at, updated_at from jobstatus_nemo.steps;
    insert into jobstatus.tasks (workspace, job_id, attempt, step_position, position, id, name, status, status_details,
        created_at, updated_at) select workspace, job_id, 0, split_part(id, '-', 5)::integer,
        split_part(name, '-', 2)::integer, id, name, data ->> 'status', data -> 'status_details', created_at, updated_at
        from jobstatus_nemo.tasks;
"""


def fill(cluster, name, jobs, own):
    """A database with the platform's rows, and our own beside them if OWN."""
    nemo.load_sample(cluster, name, rows=False)
    with contextlib.closing(cluster.connect(dbname=name)) as connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(FILL % {"spec": SPEC.replace("%", "%%"), "jobs": jobs, "steps": STEPS, "tasks": TASKS})
        cluster.psql_file(nemo.INSTALL, dbname=name)
        if own:
            cluster.psql_file(postgres.TOP / "sql" / "schema.sql", dbname=name)
            cluster.psql_file(postgres.TOP / "sql" / "roles.sql", dbname=name)
            cursor.execute(COPY)
        cursor.execute("vacuum analyze")


def plan(cluster, text, name, jobs):
    """What EXPLAIN says of the read, without what differs from run to run."""
    with contextlib.closing(cluster.connect(dbname=name)) as connection, connection.cursor() as cursor:
        cursor.execute("set plan_cache_mode = force_generic_plan")
        cursor.execute("prepare read (text, text) as " + text.replace("%", "%%"))
        cursor.execute("explain (analyze, buffers, costs off, timing off, summary off) execute read ('%d', '%d')"
                       % (jobs // 2 % 100, jobs // 2))
        return [line for line, in cursor.fetchall()]


class Bench:
    def __init__(self, stack, arguments):
        self.arguments, self.raw = arguments, []
        self.cluster = stack.enter_context(postgres.Cluster(settings=["autovacuum=off", "shared_buffers=2GB"]))
        rows = 2 + STEPS + STEPS * TASKS
        self.kinds = {"our own": ("large", "jobstatus", arguments.jobs, "{:,}".format(arguments.jobs * (rows - 1)))}
        for name, jobs in (("small", 100), ("large", arguments.jobs)):
            fill(self.cluster, name, jobs, own=name == "large")
            self.kinds["platform's, " + name] = name, nemo.SCHEMA, jobs, "{:,}".format(jobs * rows)
        self.cluster.psql("create role reader login in role jobstatus_reader, jobstatus_nemo_reader")
        self.sites = {kind: self.start(stack, *self.kinds[kind][:2]) for kind in self.kinds}

    def start(self, stack, database, schema):
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.chmod(0o755)

        def backend(directory, options, program):
            return SystemdSocket(directory, dict(options, JOBSTATUS_SCHEMA=schema), program)
        conninfo = self.cluster.conninfo(user="reader", dbname=database)
        site = fronts.Site(place, fronts.Nginx, backend, conninfo, postgres.program())
        stack.callback(site.stop)
        return site.start()

    def measure(self, kind, clients):
        site = self.sites[kind]
        pids = {"program": [site.backend.process.pid], "database": [self.cluster.pid]}
        before = {name: load.cpu(pids[name]) for name in pids}
        got = load.wrk(site, clients, self.arguments.seconds, self.kinds[kind][2])
        got["cpu"] = {name: (load.cpu(pids[name]) - before[name]) * 1000 / got["requests"] for name in pids}
        self.raw.append(dict(got, kind=kind, clients=clients))

    def run(self):
        for number in range(-1, self.arguments.rounds):
            for clients in CLIENTS:
                for kind in self.kinds:
                    print("round %d, %d clients, %s" % (number + 1, clients, kind), file=sys.stderr)
                    self.measure(kind, clients)
            if number < 0:
                self.raw.clear()

    def median(self, kind, clients, key, part=None):
        values = [got[key] if part is None else got[key][part] for got in self.raw
                  if (got["kind"], got["clients"]) == (kind, clients)]
        return statistics.median(values)

    def table(self):
        yield "| tables | rows | clients | requests/s | p50 ms | of our own | p99 ms | CPU s per 1,000: program, database |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        for kind, (_, _, _, rows) in self.kinds.items():
            for clients in CLIENTS:
                p50 = self.median(kind, clients, "p50")
                yield "| %s | %s | %d | %s | %.2f | %.2f | %.2f | %.3f, %.3f |" % (
                    kind, rows, clients, "{:,.0f}".format(self.median(kind, clients, "rate")), p50,
                    p50 / self.median("our own", clients, "p50"), self.median(kind, clients, "p99"),
                    self.median(kind, clients, "cpu", "program"), self.median(kind, clients, "cpu", "database"))


def main():
    arguments = results.read_arguments("bench/run.sh nemo")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, arguments)
        bench.run()
        text = load.statement(bench.cluster, "large", nemo.SCHEMA)
        lines = [*results.machine(), "", "Jobs of %d steps of %d tasks, 4 threads, kept connections, behind nginx; medians of"
                 " %d rounds of %d s, interleaved." % (STEPS, TASKS, arguments.rounds, arguments.seconds), "",
                 *bench.table(), "", "The read of one job on the platform's tables of {} rows, a generic plan:".format(
                     bench.kinds["platform's, large"][3]), "",
                 *("    " + line for line in plan(bench.cluster, text, "large", arguments.jobs))]
    results.write("nemo-platform", lines, bench.raw)


if __name__ == "__main__":
    main()
