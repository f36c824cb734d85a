"""The database of the measurements, the load on it, and what the processes have used."""

import contextlib
import os
import pathlib
import random
import re
import subprocess
import tempfile

import fronts
import postgres
import samples

HERE = pathlib.Path(__file__).resolve().parent
LARGE = 100000
TICKS = os.sysconf("SC_CLK_TCK")


def fill(cluster, jobs):
    """Jobs of 3 steps of 4 tasks in 100 workspaces, named by their numbers; one of 100,000 tasks."""
    for name in ("schema", "roles", "reporting"):
        cluster.psql_file(postgres.TOP / "sql" / (name + ".sql"))
    with contextlib.closing(cluster.connect()) as connection, connection.cursor() as cursor:
        add_jobs(cursor, 1, jobs)
        add_large(cursor, LARGE)
        cursor.execute("vacuum analyze")
        cursor.execute("create role reader login in role jobstatus_reader")
        cursor.execute("create role writer login in role jobstatus_writer")


def add_jobs(cursor, first, last):
    cursor.execute("set session_replication_role = replica")  # nobody reads yet: no triggers
    cursor.execute("""
        insert into jobstatus.jobs (workspace, name, id, status, status_details)
            select i %% 100, i, 'job-' || md5(i::text), 'active',
            '{"progress": "45%%", "current_step": "validating data"}' from generate_series(%(first)s, %(last)s) i;
        insert into jobstatus.steps (workspace, job_id, position, id, name, status, status_details)
            select i %% 100, 'job-' || md5(i::text), p, 'step-' || md5('job-' || md5(i::text) || p), 'step-' || p,
            'completed', '{"records_extracted": 15000}'
            from generate_series(%(first)s, %(last)s) i, generate_series(0, 2) p;
        insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status, status_details)
            select i %% 100, 'job-' || md5(i::text), s, p, 'task-' || md5('job-' || md5(i::text) || p), 'task-' || p,
            'completed', '{"duration_seconds": 120}'
            from generate_series(%(first)s, %(last)s) i, generate_series(0, 2) s, generate_series(0, 3) p""",
                   {"first": first, "last": last})


def add_large(cursor, tasks, name="large"):
    """A job of one step of so many tasks, in the workspace `large`."""
    cursor.execute("set session_replication_role = replica")
    cursor.execute("""
        insert into jobstatus.jobs (workspace, name, id, status) values ('large', %(name)s, %(name)s, 'active');
        insert into jobstatus.steps (workspace, job_id, position, id, name, status)
            values ('large', %(name)s, 0, 's', 's', 'active');
        insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status)
            select 'large', %(name)s, 0, p, 'task-' || p, 'task-' || p, 'active' from generate_series(1, %(tasks)s) p""",
                   {"name": name, "tasks": tasks})


def statement(cluster, database="postgres", schema="jobstatus", name="jobstatus_read"):
    """The text of one of the program's statements, as the server saw it."""
    environment = dict(samples.clean(), REQUEST_METHOD="GET", JOBSTATUS_SCHEMA=schema, HTTP_IF_NONE_MATCH='""',
                       JOBSTATUS_DATABASE=cluster.conninfo(dbname=database), PGOPTIONS="-c log_statement=all",
                       PATH_INFO=fronts.path_of("1", "1"))
    subprocess.run([str(postgres.program())], env=environment, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return re.findall(r"execute %s: (.*)" % name, pathlib.Path(cluster.log).read_text())[-1]


def cpu(pids):
    """Seconds that the processes and their children, ended ones too, have used."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(") ", 1)[1].split()
            total += sum(map(int, fields[11:15])) / TICKS
            total += cpu(map(int, pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()))
    return total


def memory(pid, field):
    """A figure of /proc/PID/status in MB."""
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"^%s:\s+(\d+) kB" % field, text, re.M).group(1)) / 1024


def wrk(site, clients, seconds, jobs, *tags):
    """Load through the site's front."""
    return load("wrk", "-t1", "-c%d" % clients, "-d%ds" % seconds, "--timeout", "30s", "-s", HERE / "load.lua",
                site.front.url, "--", jobs, random.randrange(1 << 30), *tags)


def direct(site, clients, seconds, jobs, *tags):
    """Load on the site's program, past its front."""
    return load(os.environ["JOBSTATUS_LOAD"], site.backend.socket, clients, seconds, jobs, random.randrange(1 << 30), *tags)


def load(*command):
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    count, microseconds, p50, p99, refused, broken, size = map(int, run.stdout.split("result ")[-1].split())
    assert (refused, broken) == (0, 0), run.stdout
    return {"requests": count, "rate": count / (microseconds / 1e6), "p50": p50 / 1000, "p99": p99 / 1000,
            "bytes": size / count}


def pgbench(cluster, script, clients, seconds, user="reader", rate=None):
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([os.path.join(postgres.binaries(), "pgbench"), "-n", "-M", "prepared", "-c%d" % clients, "-j1",
                        "-T%d" % seconds, "-l", "--log-prefix=%s/log" % place, "-f", str(script), "-h",
                        cluster.socket_dir, "-p", str(cluster.port), "-U", user,
                        *(["-R%d" % rate] if rate else []), "postgres"],
                       capture_output=True, check=True)
        took = sorted(int(line.split()[2]) for path in pathlib.Path(place).iterdir() for line in path.open())
    return {"requests": len(took), "rate": len(took) / seconds, "p50": took[len(took) // 2] / 1000,
            "p99": took[len(took) * 99 // 100] / 1000}
