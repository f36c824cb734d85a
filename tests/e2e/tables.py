"""Fixtures and helpers of the tests that work on the tables themselves."""

import contextlib
import itertools

import pytest

import postgres

SQL = postgres.TOP / "sql"
numbers = itertools.count()  # of databases, one cluster's for all modules

STATUSES = ["created", "pending", "active", "cancelled", "cancelling", "error", "completed", "paused",
            "pausing", "resuming"]
# The least that an insert gives, beside the rows that the fixture made.
LEAST = {
    "jobs": {"workspace": "x", "name": "x", "id": "x", "status": "created"},
    "steps": {"workspace": "w", "job_id": "j", "position": 7, "id": "x", "name": "x",
              "status": "created"},
    "tasks": {"workspace": "w", "job_id": "j", "step_position": 0, "position": 7, "id": "x",
              "name": "x", "status": "created"},
}


@pytest.fixture(scope="module")
def fresh(cluster):
    """Makes a database and gives a connection; with a file, one that this was installed in."""
    with contextlib.ExitStack() as stack:
        def make(path=SQL / "schema.sql"):
            name = "schema_%d" % next(numbers)
            cluster.createdb(name)
            if path is not None:
                cluster.psql_file(path, dbname=name)
            connection = stack.enter_context(contextlib.closing(cluster.connect(dbname=name)))
            return connection.cursor(), name
        yield make


@pytest.fixture
def cursor(schema):
    """The shared schema with one job of two steps of two tasks in it, anew for each test."""
    schema.execute("delete from jobstatus.jobs")
    schema.execute("insert into jobstatus.jobs (workspace, name, id, status, updated_at)"
                   " values ('w', 'n', 'j', 'active', '2020-01-01Z')")
    schema.execute("insert into jobstatus.steps (workspace, job_id, position, id, name, status,"
                   " updated_at) select 'w', 'j', p, 's' || p, 'step' || p, 'active', '2020-01-01Z'"
                   " from generate_series(0, 1) p")
    schema.execute("insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name,"
                   " status, updated_at) select 'w', 'j', s, p, 't' || s || p, 'task' || p, 'active',"
                   " '2020-01-01Z' from generate_series(0, 1) s, generate_series(0, 1) p")
    return schema


@pytest.fixture(scope="module")
def schema(fresh):
    return fresh()[0]


def rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()


def job(cursor):
    """Revision and updated_at of the job."""
    return rows(cursor, "select revision, updated_at from jobstatus.jobs where id = 'j'")[0]


def insert(cursor, table, **given):
    row = dict(LEAST[table], **given)
    cursor.execute("insert into jobstatus.%s (%s) values (%s)" % (
        table, ", ".join(row), ", ".join(["%s"] * len(row))), list(row.values()))
