"""Measures the reporting functions against bare updates, and reads while reports come in; started by run.sh."""

import contextlib
import json
import statistics
import sys
import tempfile
import threading
import time

import load
import measure
import postgres
import results

CLIENTS = 16
REPORTS = 500  # a second, beside the reads
TASKS = 10000
# The tables without triggers and foreign keys: what the work itself costs.
BARE = """
    create schema bare;
    create table bare.jobs (like jobstatus.jobs including all);
    create table bare.steps (like jobstatus.steps including all);
    create table bare.tasks (like jobstatus.tasks including all);
    insert into bare.jobs select * from jobstatus.jobs where workspace <> 'large';
    insert into bare.steps select * from jobstatus.steps where workspace <> 'large';
    insert into bare.tasks select * from jobstatus.tasks where workspace <> 'large';
    grant usage on schema bare to writer;
    grant select, update on all tables in schema bare to writer;
    update jobstatus.steps set status = 'active' where workspace <> 'large';
    update jobstatus.tasks set status = 'active' where workspace <> 'large';
    vacuum (analyze)"""
JOB = """\\set job random(1, {jobs})
\\set step random(0, 2)
\\set task random(0, 3)
\\set value random(1, 1000000)
\\set workspace :job % 100
"""
DETAILS = "('{\"progress\": ' || :value || ', \"phase\": \"training\"}')::json"
TASK = """update bare.tasks set status_details = {details} where workspace = :workspace::text
    and job_id = 'job-' || md5(:job::text) and attempt = 0 and step_position = :step and position = :task"""
REPORT = "select from jobstatus.report_task(:workspace::text, :job::text, 'step-' || :step, 'task-' || :task, 'active', {details});"
ROWS = {
    "B": ("a bare update of a task by its primary key", TASK + ";"),
    "T": ("three of them in one statement: a task, its step, its job", "with task as (" + TASK + """),
    step as (update bare.steps set status_details = {details} where workspace = :workspace::text
        and job_id = 'job-' || md5(:job::text) and attempt = 0 and position = :step)
    update bare.jobs set status_details = {details} where workspace = :workspace::text
        and id = 'job-' || md5(:job::text);"""),
    "M": ("report_task with details, many jobs", REPORT),
    "S": ("a bare update, one job's row", """update bare.jobs set status_details = {details} where workspace = :workspace::text
        and id = 'job-' || md5(:job::text);"""),
    "O": ("report_task with details, one job", REPORT),
}
READS = {"R": "reads behind nginx", "W": "the same while %d reports a second come in" % REPORTS}


class Bench(measure.Bench):
    def __init__(self, stack, arguments):
        super().__init__(stack, arguments, ["fsync=on", "synchronous_commit=on", "max_wal_size=8GB"])
        with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            for statement in BARE.split(";"):
                cursor.execute(statement)
        self.scripts = {}
        for row, (_, text) in ROWS.items():
            self.scripts[row] = self.place / (row + ".sql")
            script = JOB + text.replace("{details}", DETAILS) + "\n"
            jobs = "1" if row in "SO" else str(arguments.jobs)
            self.scripts[row].write_text(script.replace("{jobs}", jobs))

    def write_for(self, row):
        got = load.pgbench(self.cluster, self.scripts[row], CLIENTS, self.arguments.seconds, user="writer")
        self.raw.append(dict(got, row=row, clients=CLIENTS))

    def read_for(self, row):
        if row == "R":
            self.measure("F", CLIENTS)
        else:
            reports = []
            writer = threading.Thread(target=lambda: reports.append(load.pgbench(
                self.cluster, self.scripts["M"], 4, self.arguments.seconds + 1, user="writer", rate=REPORTS)))
            writer.start()
            time.sleep(0.5)
            self.measure("F", CLIENTS)
            writer.join()
            self.raw[-1]["reports"] = reports[0]["rate"]
        self.raw[-1]["row"] = row

    def bulk(self):
        """10,000 new tasks in one call, and the same ones again with other details."""
        tasks = """(select json_agg(json_build_object('name', 'bulk-' || i, 'status', 'active', 'status_details',
            json_build_object('progress', i + %d, 'phase', 'training'))) from generate_series(1, %d) i)"""
        with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select from jobstatus.create_job('bulk', 'bulk', '{step}')")
            for row in ("new", "again"):
                cursor.execute("select " + tasks % (len(self.raw), TASKS))
                text, = cursor.fetchone()
                began = time.monotonic()
                cursor.execute("select jobstatus.report_tasks('bulk', 'bulk', 'step', %s)", (json.dumps(text),))
                self.raw.append({"row": row, "clients": 1, "rate": time.monotonic() - began})
            cursor.execute("select from jobstatus.delete_job('bulk', 'bulk')")

    def run(self):
        for number in range(-1, self.arguments.rounds):
            print("round %d" % (number + 1), file=sys.stderr)
            for row in ROWS:
                self.write_for(row)
            for row in READS:
                self.read_for(row)
            self.bulk()
            if number < 0:  # warm
                self.raw.clear()
            with contextlib.closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
                cursor.execute("vacuum")  # or the one job's row would be measured with all its past

    def table(self):
        yield "| what | a second | spread | p50 ms | p99 ms |"
        yield "| --- | --- | --- | --- | --- |"
        for row, what in [*((row, what) for row, (what, _) in ROWS.items()), *READS.items()]:
            yield "| %s: %s | %s | %s to %s | %.2f | %.2f |" % (
                row, what, *("{:,.0f}".format(x) for x in self.median(row, CLIENTS, "rate")),
                self.median(row, CLIENTS, "p50")[0], self.median(row, CLIENTS, "p99")[0])
        b, t, m, s, o, r, w = (self.median(row, CLIENTS, "rate")[0] for row in "BTMSORW")
        yield ""
        yield "- many jobs: M = %.2f B, %.2f T; one job: O = %.2f S" % (m / b, m / t, o / s)
        yield "- reads: W = %.2f R, with %.0f reports a second" % (w / r, statistics.median(
            got["reports"] for got in self.raw if "reports" in got))
        for row, what in (("new", "new"), ("again", "again, with other details")):
            yield "- report_tasks with {:,} tasks, {}: {:.2f} s ({:.2f} to {:.2f})".format(
                TASKS, what, *self.median(row, 1, "rate"))


def main():
    arguments = results.read_arguments("bench/run.sh reports")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, arguments)
        bench.run()
        lines = [*results.machine(), "", "{:,} jobs of 3 steps of 4 tasks; {} clients; fsync and synchronous_commit on; "
                 "medians of {} rounds of {} s, interleaved.".format(arguments.jobs, CLIENTS, arguments.rounds,
                                                                    arguments.seconds), "", *bench.table()]
    results.write("reports", lines, bench.raw)


if __name__ == "__main__":
    main()
