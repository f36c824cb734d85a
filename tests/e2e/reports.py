"""Calls of the reporting functions on a real database, and whether it did as the model says."""

import contextlib
import json

import psycopg2
import psycopg2.extras
import pytest

import oracle
import reporting
from reporting_arguments import FUNCTIONS, Refused, members
from tables import SQL, numbers

CASTS = {"steps": "text[]", "status_details": "json", "error_details": "json", "tasks": "json"}


# The job, step and task that `given` makes.
J = {"workspace": "w", "job": "j"}
S = {**J, "step": "s0"}
T = {**S, "task": "t0"}
EVERYTHING = " union all ".join("select ctid, r::text from jobstatus.%s r" % table
                                for table in ("jobs", "steps", "tasks"))


def statement(function, arguments, select="select * from {}"):
    """A call with named arguments, and its values."""
    named = ", ".join("%s => %%s::pg_catalog.%s" % (name, CASTS.get(name, "text")) for name in arguments)
    return select.format("jobstatus.%s(%s)" % (function, named)), list(arguments.values())


def connect(cluster, database, user="postgres"):
    """A connection that gives json as the text that it is."""
    connection = cluster.connect(dbname=database, user=user)
    psycopg2.extras.register_default_json(connection, loads=lambda text: text)
    with connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
    return connection


def install(cluster):
    """A database of its own with everything in it, a writer, a reader and a way to number calls."""
    name = "reporting_%d" % next(numbers)
    cluster.createdb(name)
    for file in ("schema", "roles", "reporting", "history"):
        cluster.psql_file(SQL / (file + ".sql"), dbname=name)
    with contextlib.closing(cluster.connect(dbname=name)) as connection, connection.cursor() as cursor:
        for role, group in (("reporter", "jobstatus_writer"), ("reader", "jobstatus_reader")):
            cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
            if not cursor.fetchone():
                cursor.execute("create role %s login in role %s" % (role, group))
        cursor.execute("""
            create schema calls;
            create sequence calls.place;
            create table calls.log (call integer primary key, place bigint, result json);
            grant usage on schema calls to reporter;
            grant usage on sequence calls.place to reporter;
            grant insert on calls.log to reporter""")
    return name


@pytest.fixture(scope="module")
def database(cluster):
    """The database of the module's tests."""
    return install(cluster)


@pytest.fixture(scope="module")
def owner(cluster, database):
    """A cursor that may do everything."""
    with contextlib.closing(connect(cluster, database)) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture(scope="module")
def writer(cluster, database):
    """A cursor of a writer's."""
    with contextlib.closing(connect(cluster, database, "reporter")) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def report(writer):
    """Calls a function and gives the row that it returns as a dict, or a number."""
    def call(function, **arguments):
        writer.execute(*statement(function, arguments))
        return returned(writer)
    return call


@pytest.fixture(autouse=True)
def empty(owner):
    """Each test begins without jobs."""
    owner.execute("delete from jobstatus.jobs; truncate calls.log")


@pytest.fixture
def given(owner):
    """Makes the job j, its steps s0, s1, … and the tasks t0, … of s0 as they are said, by the owner's SQL."""
    def make(job, steps="", tasks="", details="{}"):
        owner.execute("insert into jobstatus.jobs (workspace, name, id, status, status_details, error_details)"
                      " values ('w', 'j', 'i', %s, %s, '{\"old\":1}')", (job, details))
        for position, step in enumerate(steps.split()):
            owner.execute("insert into jobstatus.steps (workspace, job_id, position, id, name, status, declared)"
                          " values ('w', 'i', %s, 's', 's' || %s, %s, %s)",
                          (position, position, step.rstrip("+"), not step.endswith("+")))
        for position, task in enumerate(tasks.split()):
            owner.execute("insert into jobstatus.tasks (workspace, job_id, step_position, position, id, name, status,"
                          " status_details) values ('w', 'i', 0, %s, 't', 't' || %s, %s, %s)",
                          (position, position, task, details))
    return make


def refused(code, *words):
    """A context in which a call is refused with CODE and a message that has all the words."""
    @contextlib.contextmanager
    def check():
        with pytest.raises(psycopg2.Error) as error:
            yield
        message = error.value.diag.message_primary
        assert error.value.pgcode == code, (error.value.pgcode, message)
        assert all(word in message for word in words), (message, words)
        assert len(message) < 500
    return check()


def rows(cursor, sql, values=None):
    cursor.execute(sql, values)
    return cursor.fetchall()


def returned(cursor):
    """What a function returned."""
    found = cursor.fetchall()
    assert len(found) == 1
    return found[0][0] if len(cursor.description) == 1 else dict(zip((c.name for c in cursor.description), found[0]))


# Rows --------------------------------------------------------------------------------------------------

def look(cursor, workspaces):
    """All rows by job and place, as reporting.rows() has them: dicts of the tables' columns."""
    found, names = {}, {}
    for table in ("jobs", "steps", "tasks"):
        cursor.execute("select * from jobstatus.%s where workspace = any(%%s)" % table, (list(workspaces),))
        columns = [column.name for column in cursor.description]
        for values in cursor.fetchall():
            row = dict(zip(columns, values))
            if table == "jobs":
                key, place = (row["workspace"], row["name"]), ()
                names[row["workspace"], row["id"]] = key
            else:
                key = names[row["workspace"], row["job_id"]]
                place = (row["attempt"], row["position"]) if table == "steps" \
                    else (row["attempt"], row["step_position"], row["position"])
            found.setdefault(key, {})[place] = row
    return found


def as_model(row, wanted):
    """A table's row, or a returned one, as the model's row WANTED would be."""
    values = {}
    for name in wanted._fields:
        if name in ("steps", "tasks"):
            values[name] = ()
        elif name.endswith("details"):
            values[name] = members(row[name])
        else:
            values[name] = row[name]
    if isinstance(wanted, reporting.Job) and wanted.id is None:
        values["id"] = None
    return type(wanted)(**values)


def compare(world, found):
    """The rows found are those of the model."""
    assert set(found) == set(world)
    for key, job in world.items():
        wanted = reporting.rows(job)
        assert set(found[key]) == set(wanted), key
        for place, row in wanted.items():
            assert as_model(found[key][place], row) == row, (key, place, as_model(found[key][place], row), row)


def explained(refused, error):
    """A call was refused as the model says: SQLSTATE, and what the message names."""
    message = error.diag.message_primary
    assert error.pgcode == refused.code, (error.pgcode, message, refused.messages)
    assert any(all(part in message for part in parts) for parts in refused.messages), (message, refused.messages)


def document(job, rows):
    """What is served of a job: the model's values with the ids and times of the rows found."""
    def common(row, wanted):
        details = [("object",) + tuple((key, oracle.parse(text)) for key, text in getattr(wanted, name))
                   for name in ("status_details", "error_details")]
        return [("id", row["id"]), ("name", row["name"]), ("status", wanted.status), *zip(
            ("status_details", "error_details"), details)]

    def times(row, updated):
        return [(name, moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z")
                for name, moment in (("created_at", row["created_at"]), ("updated_at", updated))]
    steps, newest = [], rows[()]["updated_at"]
    for step in job.current():
        row, tasks = rows[step.attempt, step.position], []
        updated = row["updated_at"]
        for task in step.tasks:
            below = rows[step.attempt, step.position, task.position]
            tasks.append(oracle.obj(*common(below, task), ("error_stack", task.error_stack or ""),
                                    *times(below, below["updated_at"])))
            updated = max(updated, below["updated_at"])
        steps.append(oracle.obj(*common(row, step), ("tasks", ("array", *tasks)), *times(row, updated)))
        newest = max(newest, updated)
    return oracle.obj(*common(rows[()], job), ("steps", ("array", *steps)), *times(rows[()], newest))


class Follower:
    """One client's calls with the model beside them: everything is compared after every step."""

    def __init__(self, writer, owner, workspaces, program=None):
        self.writer, self.owner, self.workspaces, self.program = writer, owner, workspaces, program
        self.world, self.rows, self.revisions, self.calls, self.refusals = {}, {}, {}, 0, 0
        self.transition = self._last_transition()

    def _last_transition(self):
        self.owner.execute("select coalesce(max(id), 0) from jobstatus.transitions")
        return self.owner.fetchone()[0]

    def call(self, function, arguments):
        """Makes a call; gives the model's refusal or None."""
        self.calls += 1
        try:
            return self._call(function, arguments)
        except (AssertionError, pytest.fail.Exception, psycopg2.Error) as failure:
            raise AssertionError("call %d: %s(%r): %s" % (self.calls, function, arguments, failure)) from failure

    def _call(self, function, arguments):
        try:
            world, result = reporting.call(self.world, function, **arguments)
        except Refused as refused:
            self.refusals += 1
            with pytest.raises(psycopg2.Error) as error:
                self.writer.execute(*statement(function, arguments))
            explained(refused, error.value)
            self._step(self.world)
            return refused
        self.writer.execute(*statement(function, arguments))
        answer = returned(self.writer)
        before = self.rows
        self._step(world, "reporter")
        if isinstance(result, int):
            assert answer == result
            return None
        key = arguments["workspace"], arguments.get("job", arguments.get("name"))
        if function == "delete_job":
            assert answer == before[key][()]
        else:
            assert answer == self.rows[key][result[1:]], (answer, self.rows[key][result[1:]])
        return None

    def plain(self, sql, values, world):
        """The owner's own statement, which makes the model another world."""
        self.owner.execute(sql, values)
        self._step(world, "postgres")

    def _step(self, world, by=None):
        found = look(self.owner, self.workspaces)
        compare(world, found)
        happened = []
        for key, job in world.items():
            old = self.world.get(key)
            self._moved(key, old, job, self.rows.get(key), found[key])
            if old is not job:
                happened += [(found[key][()]["id"], *change, by) for change in reporting.transitions(old, job)]
        self.owner.execute("select job_id, attempt, step_position, task_position, old_status, new_status, changed_by"
                           " from jobstatus.transitions where id > %s", (self.transition,))
        recorded = self.owner.fetchall()
        assert sorted(recorded, key=str) == sorted(happened, key=str)
        if recorded:
            self.transition = self._last_transition()
        self.world, self.rows = world, found

    def _moved(self, key, old, job, before, after):
        """Ids and creation stay; updated_at moves with the row, revision with anything visible."""
        revision = after[()]["revision"]
        if old is None:
            assert revision not in self.revisions
            assert all(row["created_at"] == row["updated_at"] for row in after.values())
            if job.id is None:
                assert after[()]["id"].startswith("job-")
        else:
            assert (revision > before[()]["revision"]) == (old != job), (key, before[()], after[()])
            was = reporting.rows(old)
            for place, row in reporting.rows(job).items():
                if place not in was:
                    prefix = {2: "step-", 3: "task-"}[len(place)]
                    assert after[place]["id"].startswith(prefix), after[place]
                    continue
                for column in ("id", "created_at"):
                    assert after[place][column] == before[place][column]
                if place == () and set(was) - set(after):
                    assert after[()]["updated_at"] > before[()]["updated_at"]  # it stands for what was deleted
                elif row == was[place]:
                    assert {**after[place], "revision": 0} == {**before[place], "revision": 0}, (key, place)
                else:
                    assert after[place]["updated_at"] > before[place]["updated_at"], (key, place)
        assert self.revisions.setdefault(revision, (key, job)) == (key, job), "a revision used twice"

    def served(self):
        """The program's documents are the model's."""
        for (workspace, name), job in self.world.items():
            answer = self.program.get(workspace, name)
            assert answer.status == 200, answer
            expected = document(job, self.rows[workspace, name])
            assert oracle.difference(expected, oracle.parse(answer.body)) is None
        return len(self.world)


def logged(function, arguments):
    """A call that numbers itself in its own transaction, after its work and before its locks are gone."""
    return statement(function, arguments, "insert into calls.log (call, place, result)"
                     " select %s, nextval('calls.place'), to_json(result) from {} as result")


def outcome(result, text):
    """What a numbered call logged, in the model's form RESULT."""
    if isinstance(result, int):
        return int(text)
    return as_model({key: value if key.endswith("details") else json.loads(value) for key, value in members(text)},
                    result)
