"""The document: every job of the database against the oracle, and every special case."""

import json
import os
import re
import resource
import signal

import pytest

import fastcgi
import fronts
import generate
import oracle

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,5}[1-9])?Z")
INTERNAL = b'{"detail":"Internal Server Error"}'
SPOOL = 256 * 1024


def check_shape(value):
    """The contract's keys in the contract's order, and times in their one form."""
    assert oracle.keys(value) == oracle.JOB_KEYS
    for step in oracle.member(value, "steps")[1:]:
        assert oracle.keys(step) == oracle.STEP_KEYS
        for task in oracle.member(step, "tasks")[1:]:
            assert oracle.keys(task) == oracle.TASK_KEYS
            check_times(task)
        check_times(step)
    check_times(value)


def check_times(value):
    for name in ("created_at", "updated_at"):
        assert TIME.fullmatch(oracle.member(value, name)), value


def compare_all(front, cluster, contract, jobs):
    """Each of JOBS (pairs of workspace and name) through FRONT."""
    problems = []
    answers = {pair: front.get(*pair) for pair in jobs}
    connection = cluster.connect(dbname="jobstatus")
    try:
        for (workspace, name), answer in answers.items():
            if answer.status_code != 200:
                problems.append(((workspace, name), answer.status_code, answer.content[:300]))
                continue
            contract(answer.content)
            value = oracle.parse(answer.content)
            check_shape(value)
            wrong = oracle.difference(oracle.document(connection, workspace, name), value)
            if wrong:
                problems.append(((workspace, name), wrong))
    finally:
        connection.close()
    assert not problems, "%d of %d: %r" % (len(problems), len(jobs), problems[:5])


def test_sample_data(cluster, lighttpd, contract, admin):
    """All ten statuses, the example, one with failed tasks and traces, one with hundreds of tasks."""
    rows = admin("select workspace, name, status from jobstatus.jobs where workspace = 'default'")
    assert {status for _, _, status in rows} == set(oracle.STATUSES)
    assert max(count for (count,) in admin(
        "select count(*) from jobstatus.tasks group by workspace, job_id, attempt")) >= 200
    assert admin("select count(*) from jobstatus.tasks where status = 'error' "
                 "and length(error_stack) > 50")[0][0] > 0
    compare_all(lighttpd, cluster, contract, [row[:2] for row in rows])


@pytest.mark.smoke
def test_example(lighttpd, example):
    answer = lighttpd.get("default", "data-import-2024-06-01")
    assert answer.status_code == 200
    assert oracle.difference(example, oracle.parse(answer.content)) is None


def test_generated(cluster, lighttpd, contract, database):
    rows = generate.jobs()
    generate.insert(database, rows)
    assert len(rows["jobs"]) == 500 and {row[4] for row in rows["jobs"]} == set(oracle.STATUSES)
    try:
        compare_all(lighttpd, cluster, contract, [row[:2] for row in rows["jobs"]])
    finally:
        with database, database.cursor() as cursor:
            for row in rows["jobs"]:
                cursor.execute("delete from jobstatus.jobs where workspace = %s and id = %s",
                               (row[0], row[2]))


# What a view may give that is the rows' fault, not the database's; all but the first fail in the database itself.
TWO = "two jobs of one name"
UNREADABLE = {
    TWO: "select * from jobstatus.jobs union all select * from jobstatus.jobs",
    "details that are no JSON": "select workspace, name, id, attempt, status, '{' || left(name, 1) as status_details,"
                                " error_details, revision, created_at, updated_at from jobstatus.jobs",
    "a division by zero": "select workspace, name, id, attempt / length(left(name, 0)) as attempt, status, status_details,"
                          " error_details, revision, created_at, updated_at from jobstatus.jobs",
}


@pytest.mark.parametrize("prepare", ["yes", "no"])
@pytest.mark.parametrize("what", UNREADABLE)
def test_rows_that_the_database_cannot_read(run_program, admin, what, prepare):
    admin("create schema unreadable; create view unreadable.jobs as %s;"
          "create view unreadable.steps as select * from jobstatus.steps;"
          "create view unreadable.tasks as select * from jobstatus.tasks;"
          "grant usage on schema unreadable to jobstatus_reader;"
          "grant select on all tables in schema unreadable to jobstatus_reader" % UNREADABLE[what])
    try:
        program = run_program("--schema=unreadable", "--prepare=" + prepare)
        for number in (1, 2):
            answer = program.get("default", "no-steps")
            assert (answer.status, answer.body) == (500, INTERNAL)
            lines = program.lines("error")
            assert len(lines) == number and "no-steps" in lines[-1]
            assert ("job-demo-no-steps" if what == TWO else "default") in lines[-1]
            assert program.get("default", "none").status == 404
    finally:
        admin("drop schema unreadable cascade")


class Odd:
    """Jobs in the schema without constraints, and what the program says to them."""

    def __init__(self, program, admin):
        self.program, self.admin, self.log_start = program, admin, len(program.log)

    def insert(self, table, **values):
        self.admin("insert into odd.%s (%s) values (%s)" % (
            table, ", ".join(values), ", ".join(["%s"] * len(values))), tuple(values.values()))

    def job(self, name="j", **values):
        self.insert("jobs", workspace="w", name=name, id="id-" + name, **values)

    def step(self, of="j", **values):
        self.insert("steps", workspace="w", job_id="id-" + of, **values)

    def task(self, of="j", **values):
        self.insert("tasks", workspace="w", job_id="id-" + of, **values)

    def ask(self, name="j"):
        return self.program.get("w", name)

    def get(self, name="j"):
        answer = self.ask(name)
        assert answer.status == 200, (answer, self.log)
        assert answer.header("Content-Length") == str(len(answer.body))
        return oracle.parse(answer.body)

    @property
    def log(self):
        return self.program.log[self.log_start:]

    def broken(self, *words, name="j"):
        """500 in the usual words, and exactly one error line, which names the row."""
        before = len(self.program.lines("error"))
        answer = self.ask(name)
        assert (answer.status, answer.body) == (500, INTERNAL)
        assert dict((k.lower(), v) for k, v in answer.headers) == {
            "content-type": "application/json", "content-length": str(len(INTERNAL)),
            "cache-control": "no-cache", "x-content-type-options": "nosniff"}
        lines = self.program.lines("error")[before:]
        assert len(lines) == 1, lines
        for word in words:
            assert word in lines[0], lines[0]


@pytest.fixture
def rows(odd_program, admin):
    yield Odd(odd_program, admin)
    admin("truncate odd.jobs, odd.steps, odd.tasks")


def test_a_job_without_steps_and_a_step_without_tasks(rows):
    rows.job()
    assert oracle.member(rows.get(), "steps") == ("array",)
    rows.step()
    (step,) = oracle.member(rows.get(), "steps")[1:]
    assert oracle.member(step, "tasks") == ("array",)


@pytest.mark.parametrize("value", [None, "null", " null ", "{}", " { } "])
def test_no_details(rows, value):
    for insert in (rows.job, rows.step, rows.task):
        insert(status_details=value, error_details=value)
    body = rows.get()
    step = oracle.member(body, "steps")[1]
    for level in (body, step, oracle.member(step, "tasks")[1]):
        assert oracle.member(level, "status_details") == ("object",)
        assert oracle.member(level, "error_details") == ("object",)


@pytest.mark.parametrize("value", ["[]", "[{}]", '"x"', "1", "true", "-0.0", ' "{}"', '["{}"]'])
@pytest.mark.parametrize("column", ["status_details", "error_details"])
@pytest.mark.parametrize("level", ["job", "step", "task"])
def test_details_that_are_no_object(rows, level, column, value):
    for name in ("job", "step", "task"):
        getattr(rows, name)(**({column: value} if name == level else {}))
    rows.broken("id-j" if level == "job" else level + "-1", column)


def test_error_stack_null_and_empty(rows):
    rows.job()
    rows.step()
    for position, stack in enumerate((None, "", "Traceback\n\tx\r\n\"\\\u2028\U0001f600\x7f\x01")):
        rows.task(position=position, id="t%d" % position, error_stack=stack)
    tasks = oracle.member(oracle.member(rows.get(), "steps")[1], "tasks")[1:]
    assert [oracle.member(task, "error_stack") for task in tasks] == \
        ["", "", "Traceback\n\tx\r\n\"\\\u2028\U0001f600\x7f\x01"]


@pytest.mark.parametrize("level", ["job", "step", "task"])
@pytest.mark.parametrize("status", ["Active", "done", "", None, "active ", "completed\n", "creat"])
def test_unknown_status(rows, level, status):
    for name in ("job", "step", "task"):
        getattr(rows, name)(**({"status": status} if name == level else {}))
    rows.broken("id-j" if level == "job" else level + "-1", "status")


@pytest.mark.parametrize("level", ["step", "task"])
@pytest.mark.parametrize("column", ["id", "name"])
def test_null_strings(rows, level, column):
    """Where the contract wants a string, NULL breaks it; a job's id and name are keys."""
    rows.job()
    rows.step(**({column: None} if level == "step" else {}))
    if level == "task":
        rows.task(**{column: None})
    rows.broken(level)


def test_a_job_without_id(rows):
    rows.insert("jobs", workspace="w", name="j", id=None)
    rows.broken("job")


OUTSIDE = ["0001-01-01 00:00:00+00 BC", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00",
           "294276-12-31 23:59:59.999999+00", "infinity", "-infinity", "4714-11-24 00:00:00+00 BC", None]
INSIDE = {
    "0001-01-01 00:00:00+00": "0001-01-01T00:00:00Z",
    "0001-01-01 00:00:00.000001+00": "0001-01-01T00:00:00.000001Z",
    "9999-12-31 23:59:59.999999+00": "9999-12-31T23:59:59.999999Z",
    "1969-12-31 23:59:59.5+00": "1969-12-31T23:59:59.5Z",
    "1999-12-31 23:59:59.999999+00": "1999-12-31T23:59:59.999999Z",
    "2000-01-01 00:00:00+00": "2000-01-01T00:00:00Z",
    "1900-02-28 23:59:59+00": "1900-02-28T23:59:59Z",
    "1900-03-01 00:00:00+00": "1900-03-01T00:00:00Z",
    "2000-02-29 12:00:00+00": "2000-02-29T12:00:00Z",
    "2024-02-29 23:59:59.10+00": "2024-02-29T23:59:59.1Z",
    "2038-01-19 03:14:08+00": "2038-01-19T03:14:08Z",
    "2400-02-29 00:00:00.25+05:30": "2400-02-28T18:30:00.25Z",
    "1582-10-10 00:00:00+00": "1582-10-10T00:00:00Z",
    "2024-12-31 23:30:00-01": "2025-01-01T00:30:00Z",
}


@pytest.mark.parametrize("level", ["job", "step", "task"])
@pytest.mark.parametrize("column", ["created_at", "updated_at"])
def test_times_that_break_the_contract(rows, level, column):
    for index, stamp in enumerate(OUTSIDE):
        name = "j%d" % index
        rows.job(name=name, **({column: stamp} if level == "job" else {}))
        if level != "job":
            rows.insert("steps", workspace="w", job_id="id-" + name,
                        **({column: stamp} if level == "step" else {}))
        if level == "task":
            rows.insert("tasks", workspace="w", job_id="id-" + name, **{column: stamp})
        rows.broken(name if level == "job" else level + "-1", column, name=name)


def test_times(rows):
    for index, (stamp, shown) in enumerate(INSIDE.items()):
        name = "j%d" % index
        rows.job(name=name, created_at=stamp, updated_at=stamp)
        value = rows.get(name)
        assert oracle.member(value, "created_at") == shown
        assert oracle.member(value, "updated_at") == shown


@pytest.mark.parametrize("job, step, task", [(3, 1, 2), (1, 3, 2), (1, 2, 3), (2, 1, 3), (1, 1, 1)])
def test_updated_at_is_the_greatest_of_all_below(rows, job, step, task):
    def stamp(second):
        return "2024-06-01 08:00:0%d+00" % second
    rows.job(updated_at=stamp(job))
    rows.step(position=1, updated_at=stamp(step))
    rows.task(updated_at=stamp(task))
    rows.step(position=2, id="step-2", updated_at=stamp(0))
    body = rows.get()
    first, second = oracle.member(body, "steps")[1:]
    show = "2024-06-01T08:00:0%dZ"
    assert oracle.member(oracle.member(first, "tasks")[1], "updated_at") == show % task
    assert oracle.member(first, "updated_at") == show % max(step, task)
    assert oracle.member(second, "updated_at") == show % 0
    assert oracle.member(body, "updated_at") == show % max(job, step, task)


@pytest.mark.parametrize("with_step", [False, True])
def test_an_orphan_task(rows, with_step):
    """A task whose step is not there is neither dropped nor shown elsewhere."""
    rows.job()
    if with_step:
        rows.step(position=1)
        rows.step(position=9, id="step-9")
    rows.task(step_position=5, id="orphan")
    rows.broken("orphan")


def test_an_orphan_before_and_after_all_steps(rows):
    rows.job()
    rows.step(position=5)
    for position in (1, 9):
        rows.task(step_position=position, id="orphan-%d" % position)
        rows.broken("orphan-%d" % position)
        rows.admin("delete from odd.tasks")


def test_other_attempts_are_not_shown(rows):
    rows.job(attempt=1)
    for attempt in (0, 1, 2):
        rows.step(attempt=attempt, id="step-%d" % attempt)
        rows.task(attempt=attempt, id="task-%d" % attempt)
    (step,) = oracle.member(rows.get(), "steps")[1:]
    (task,) = oracle.member(step, "tasks")[1:]
    assert (oracle.member(step, "id"), oracle.member(task, "id")) == ("step-1", "task-1")


def test_ties_of_position_by_id(rows):
    rows.job()
    rows.step()
    for name in ("b", "c", "a"):
        rows.task(position=7, id=name)
    tasks = oracle.member(oracle.member(rows.get(), "steps")[1], "tasks")[1:]
    assert [oracle.member(task, "id") for task in tasks] == ["a", "b", "c"]


DETAILS = [
    '{"n": %s}' % ("1" * 40), '{"n": -%s.%s}' % ("7" * 50, "3" * 50), '{"a": 1e400, "b": -1E-400}',
    '{"z": -0.0, "y": -0, "x": 0.10, "w": 1e200000}', '{"b": 1, "a": 2, "b": 3}', '{"": {"": ""}}',
    '{"s": "\\u0000", "\\u0000": 1}', '{"s": "\\ud800", "t": "\\udc00\\ud800"}',
    '{"s": "\\ud83d\\ude00 \U0001f600 \u2028 \\u2029 \x7f \x80 \ufffe"}', '{ "a" :\n[ 1 ,\t2 ] }',
    '{"s": "\\"\\\\\\/\\b\\f\\n\\r\\t"}', '{"constructor": null, "__proto__": [true, false]}',
    '{"deep": %s1%s}' % ("[" * 1000, "]" * 1000), '{"a":' * 1000 + "null" + "}" * 1000,
    '{"wide": {%s}}' % ",".join('"k%d": %d' % (i, i) for i in range(5000)),
]


@pytest.mark.parametrize("text", DETAILS, ids=range(len(DETAILS)))
def test_details_are_value_identical(rows, text):
    rows.job(status_details=text)
    rows.step(error_details=text)
    rows.task(status_details=text)
    expected, body = oracle.parse(text), rows.get()
    step = oracle.member(body, "steps")[1]
    assert oracle.member(body, "status_details") == expected
    assert oracle.member(step, "error_details") == expected
    assert oracle.member(oracle.member(step, "tasks")[1], "status_details") == expected


def test_5_mb_intact(rows, run_front):
    text = '{"s": "%s"}' % ("0123456789abcdé\\n" * 300000)
    assert len(text.encode()) > 5000000
    rows.job(status_details=text)
    rows.step()
    rows.task(error_stack="\U0001f600\"" * 1200000)
    body = rows.get()
    assert oracle.member(body, "status_details") == oracle.parse(text)
    task = oracle.member(oracle.member(body, "steps")[1], "tasks")[1]
    assert oracle.member(task, "error_stack") == "\U0001f600\"" * 1200000
    front = run_front(fronts.Lighttpd, socket=rows.program.socket)
    answer = front.get("w", "j")
    assert answer.status_code == 200 and oracle.parse(answer.content) == body
    head = rows.program.get("w", "j", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == str(len(answer.content))


def test_sizes_around_the_spool(rows):
    """Exactly 256 KiB, and a few bytes to either side; in one piece and in many."""
    rows.job("small")
    rows.step("small")
    rows.task("small")
    base = len(rows.ask("small").body)
    for size in (SPOOL - 2, SPOOL - 1, SPOOL, SPOOL + 1, SPOOL + 2, 2 * SPOOL, 2 * SPOOL + 1,
                 SPOOL + 4096):
        name = "s%d" % size
        stack = "x" * (size - base)
        rows.job(name, created_at="2024-06-01 08:00:00+00")
        rows.step(name)
        rows.task(name, error_stack=stack)
        body = rows.get(name)
        task = oracle.member(oracle.member(body, "steps")[1], "tasks")[1]
        assert oracle.member(task, "error_stack") == stack
        answer = rows.ask(name)
        grown = 2 * (len(name) - len("small"))  # its id and its name
        assert len(answer.body) == size + grown
    rows.job("many")
    rows.step("many")
    rows.admin("insert into odd.tasks (workspace, job_id, position, id) select 'w', 'id-many', i, "
               "'task-' || i from generate_series(1, 5000) i")
    tasks = oracle.member(oracle.member(rows.get("many"), "steps")[1], "tasks")[1:]
    assert [oracle.member(task, "id") for task in tasks] == ["task-%d" % i for i in range(1, 5001)]


def test_the_byte_around_the_spool(rows):
    """Every document length in a window around 256 KiB comes whole."""
    rows.job()
    rows.step()
    rows.task()
    base = len(rows.ask().body)
    for size in range(SPOOL - 12, SPOOL + 13):
        rows.admin("update odd.tasks set error_stack = repeat('y', %s)", (size - base,))
        answer = rows.ask()
        assert (answer.status, len(answer.body)) == (200, size)
        assert json.loads(answer.body)["steps"][0]["tasks"][0]["error_stack"] == "y" * (size - base)


def test_a_row_that_breaks_the_contract_after_the_spool_began(rows):
    """Nothing leaves before the last row is in."""
    rows.job()
    rows.step()
    rows.task(position=1, error_stack="x" * 400000)
    rows.task(position=2, id="last", status="lost")
    rows.broken("last")


@pytest.mark.native
def test_no_directory_for_the_spool(rows, run_program, tmp_path):
    """No space is a 503; small documents go on."""
    program = run_program("--schema=odd", env={"TMPDIR": str(tmp_path / "nowhere")})
    check_no_space(rows, program)


def test_no_space_for_the_spool(rows, run_program):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    program = run_program("--schema=odd", preexec=limit, restore_signals=False)
    check_no_space(rows, program)


def check_no_space(rows, program):
    rows.job("small")
    rows.job("large", status_details='{"s": "%s"}' % ("x" * 1000000))
    for _ in range(3):
        answer = program.get("w", "large")
        assert (answer.status, answer.header("Retry-After")) == (503, "1")
        assert list(json.loads(answer.body)) == ["detail"]
        assert program.get("w", "small").status == 200
    assert program.lines("error")


def test_the_spool_leaves_nothing(rows, run_program, tmp_path):
    """The temporary file has no name and its descriptor is given back."""
    program = run_program("--schema=odd", env={"TMPDIR": str(tmp_path)})
    rows.job("large", status_details='{"s": "%s"}' % ("x" * 1000000))
    with fastcgi.Connection(program.socket) as connection:
        assert connection.ask(fastcgi.job("w", "large")).status == 200
        before = os.listdir("/proc/%d/fd" % program.pid)
        for _ in range(20):
            assert connection.ask(fastcgi.job("w", "large")).status == 200
            assert list(tmp_path.iterdir()) == []
        assert os.listdir("/proc/%d/fd" % program.pid) == before
