"""The same load on the platform and on the program, with few and with many rows beside the job that is asked for."""

import re
import subprocess

SIZES = 2000, 100000
CLIENTS = 4


def job(maker):
    """A job of 3 steps of 3 tasks each, the last step at work."""
    made = maker.create("measured", ("fetch", "train", "test"))
    for step in made.steps:
        made.way("active", status_details='{"progress": "45%"}')
        for name in "one", "two", "three":
            made.task(name, "active", status_details='{"percentage_done": 45.5, "epoch": 3}')
        if step != made.steps[-1]:
            made.way("completed")
    return made


def fill(execute, maker, made, rows):
    """Copies of all rows of that job, with names and ids of their own, until the workspace has ROWS."""
    execute("""
        with recursive own as (
            select * from entities where id = %(id)s
            union all select e.* from entities e join own on e.parent = own.id
        ), have as (
            select count(*) as n, (select count(*) from own) as rows from entities where workspace = %(workspace)s
        )
        insert into entities (id, workspace, entity_type, name, parent, project, data, created_at, created_by,
                              updated_at, updated_by, db_version)
            select id || '-' || i, workspace, entity_type, case when parent is null then name || '-' || i else name end,
                parent || '-' || i, project, regexp_replace(data::text,
                '"(job|attempt_id|step_id|current_attempt_id)": "([^"]+)"', '"\\1": "\\2-' || i || '"', 'g')::json,
                created_at, created_by, updated_at, updated_by, db_version
            from own, have, generate_series(n, %(rows)s - 1, rows) i""",
            {"id": made.id, "workspace": maker.workspace, "rows": rows})
    execute("vacuum analyze entities")
    return execute("select count(*) from entities where workspace = %s", (maker.workspace,))[0][0]


def wrk(url, seconds):
    """Answers a second, and the median time of one in milliseconds; every one must be a 200."""
    output = subprocess.run(["wrk", "-t1", "-c%d" % CLIENTS, "-d%ds" % seconds, "--timeout", "60s", "--latency", url],
                            capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError("under load: %s" % output)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s|m)\b", output).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def compare(execute, maker, made, platform_url, program_url, seconds):
    """The lines of a table; the two URLs ask for the same job, both through nginx."""
    yield "| entity rows in the workspace | platform, requests/s | p50 | jobstatus, requests/s | p50 | ratio |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for size in SIZES:
        rows = fill(execute, maker, made, size)
        wrk(program_url, 1)
        theirs, ours = wrk(platform_url, seconds[0]), wrk(program_url, seconds[1])
        yield "| {:,} | {:.1f} | {:,.0f} ms | {:,.0f} | {:.2f} ms | {:,.0f} |".format(
            rows, *theirs, *ours, ours[0] / theirs[0] if theirs[0] else float("inf"))
