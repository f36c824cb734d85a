"""In front of a NeMo Platform's tables: every job that a platform wrote, and all else that its tables can hold."""

import contextlib
import os
import subprocess

import pytest

import fastcgi
import nemo
import nemo_generate
import oracle
import postgres
from conftest import Program, clean_environment

COMPAT = "--compat=nemo-platform"
UNKNOWN = "--accept-unknown-status=yes"
# The program's options, and the form that the oracle is asked for.
FORMS = {"contract": ((), {}), "compat": ((COMPAT,), {"compat": True}), "unknown": ((UNKNOWN,), {"unknown": True}),
         "all": ((COMPAT, UNKNOWN, "--prepare=no"), {"compat": True, "unknown": True})}


class Site:
    """A platform's database with the views, and the programs that read it."""

    def __init__(self, cluster, directory, database, stack):
        self.connection = stack.enter_context(contextlib.closing(cluster.connect(dbname=database)))
        self.conninfo = cluster.conninfo(user=database + "_reader", dbname=database)
        nemo.install(cluster, database, database + "_reader")
        self.rows = nemo.Rows(self.connection.cursor())
        self.directory, self.stack, self.programs, self.name = directory, stack, {}, database

    def program(self, *options):
        """One for all tests that have the same options."""
        if options not in self.programs:
            program = Program(self.directory, "--schema=" + nemo.SCHEMA, *options, conninfo=self.conninfo,
                              name="%s-%d" % (self.name, len(self.programs)))
            self.programs[options] = program
            self.stack.callback(program.stop)
            program.start()
        return self.programs[options]

    def check(self, form):
        """Every job in one form against the oracle."""
        options, wanted = FORMS[form]
        program, problems = self.program(*options), []
        for job in self.rows.jobs:
            wrong = nemo.problem(program, self.rows, *job, **wanted)
            if wrong:
                problems.append((*job, wrong))
        assert not problems, "%d of %d:\n%s" % (len(problems), len(self.rows.jobs),
                                                "\n".join("%s/%s: %.600s" % one for one in problems[:20]))


@pytest.fixture(scope="module")
def sample(cluster, session_directory):
    nemo.load_sample(cluster, "nemo_sample")
    with contextlib.ExitStack() as stack:
        yield Site(cluster, session_directory, "nemo_sample", stack)


@pytest.fixture(scope="module")
def made():
    return nemo_generate.platform()


@pytest.fixture(scope="module")
def generated(cluster, session_directory, made):
    nemo.load_sample(cluster, "nemo_generated", rows=False)
    with contextlib.ExitStack() as stack:
        with contextlib.closing(cluster.connect(dbname="nemo_generated")) as connection:
            connection.autocommit = False
            nemo_generate.insert(connection, made)
        yield Site(cluster, session_directory, "nemo_generated", stack)


@pytest.fixture(scope="module")
def answers():
    """What the platform itself answered, by workspace and name."""
    return {tuple(job.split("/")): text for job, text in nemo.members(nemo.ANSWERS.read_text()).items()}


def test_the_oracle_gives_the_platforms_own_answers(sample, answers):
    assert len(answers) == 94 and set(answers) == set(sample.rows.jobs)
    for job, text in answers.items():
        expected = sample.rows.answer(*job, compat=True)
        assert oracle.difference(oracle.parse(text), oracle.parse(expected)) is None, job


def test_sample_with_the_switch(sample, answers):
    program = sample.program(COMPAT)
    for job, text in answers.items():
        answer = program.get(*job)
        assert answer.status == 200, (job, answer)
        assert oracle.difference(oracle.parse(text), oracle.parse(answer.body)) is None, job


def test_sample_without_the_switch(sample, answers, contract):
    sample.check("contract")
    for job in answers:
        contract(sample.program().get(*job).body)


def test_a_database_of_another_encoding(cluster, session_directory):
    """Where PostgreSQL cannot say what some escapes mean, and need not."""
    database = "nemo_latin1"
    nemo.load_sample(cluster, database, options="template template0 encoding 'LATIN1' locale 'C'")
    with contextlib.ExitStack() as stack:
        with contextlib.closing(cluster.connect(dbname=database)) as connection, connection.cursor() as cursor:
            cursor.execute(r"""update public.entities set data = replace(data::text, '"spec": ',
                '"other": "gr\u00fcn \u65e5 \ud83d\ude00", "spec": ')::json""")
            assert cursor.rowcount == 672
        Site(cluster, session_directory, database, stack).check("contract")


@pytest.mark.parametrize("form", FORMS)
def test_generated(generated, form):
    generated.check(form)


def test_generated_jobs_have_everything(generated, made):
    """So that the test above means something: what is in the rows, and what their answers are."""
    rows = generated.rows
    assert len(rows.jobs) == len(made.jobs) >= 300
    assert all(nemo_generate.NAME.fullmatch(name) for _, name in rows.jobs)
    seen, outcomes, most = set(), {"200": 0, "404": 0, "500": 0}, 0
    for job in rows.jobs:
        try:
            text = rows.answer(*job)
        except nemo.Broken:
            outcomes["500"] += 1
            continue
        outcomes["200" if text else "404"] += 1
        body = nemo.members(text or '{"steps": []}')
        seen.add(("job", body.get("status")))
        for step in map(nemo.members, nemo.elements(body["steps"])):
            seen.add(("step", step["status"]))
            tasks = nemo.elements(step["tasks"])
            seen.update(("task", nemo.members(task)["status"]) for task in tasks)
            most = max(most, len(tasks))
    assert {(level, '"%s"' % status) for level in ("job", "step", "task") for status in oracle.STATUSES} <= seen
    assert most > 1000 and outcomes["200"] >= 300 and outcomes["404"] >= 10 and outcomes["500"] >= 100, outcomes
    with generated.connection.cursor() as cursor:
        cursor.execute("select count(*) from public.entities join public.workspaces on workspaces.name = workspace"
                       " where entity_type = 'platform_job' and deletion_stage is not null")
        assert cursor.fetchone()[0] > 100


@pytest.mark.parametrize("workspace, name", [
    ("default", "none"), ("none", "none"), ("none", "plain-active"), ("default", 'a"b'), ("default", "a\\b"),
    ("default", "it's"), ("w'\"\\", "n\\\\\"'"), ("größe", "düne-ß-😀-\u2028"), ("default", "%s%n"), ("a b", "<b>&amp;"),
    ("\ue000\U0010ffff", "\uffff"), ('"' * 255, "\\" * 255), ("😀" * 255, "ü" * 255), ("default", "PLAIN-ACTIVE"),
    ("default", "plain-active "), ("default", "plain_active"), ("system", "plain-active"), ("default", "plain-activ%"),
])
@pytest.mark.parametrize("compat", [False, True])
def test_not_found(sample, workspace, name, compat):
    program = sample.program(*([COMPAT] if compat else []))
    answer = program.get(workspace, name)
    assert answer.status == 404, answer
    assert oracle.parse(answer.body) == nemo.not_found(workspace, name, compat)
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("Content-Type") == "application/json"
    if not compat:
        assert answer.body == b'{"detail":"Job not found"}'
    head = program.get(workspace, name, method="HEAD")
    assert (head.status, head.headers, head.body) == (404, answer.headers, b"")


ROUTED = "/apis/jobs/v2/workspaces/default/jobs/%s/status"


@pytest.mark.parametrize("request_of", [
    fastcgi.job("default", "plain-active", method="POST"), fastcgi.job("none", "none", method="DELETE"),
    fastcgi.job("default", "plain-active", method="OPTIONS"), fastcgi.variables(ROUTED % "x" + "/"),
    fastcgi.variables("/apis/jobs/v2/none"), fastcgi.job("default", "a\nb"), fastcgi.job("w" * 256, "n" * 256),
    fastcgi.job(b"\xff", b"a\0b"),
])
def test_everything_else_is_as_without_the_switch(sample, request_of):
    with_it, without = (sample.program(*options).ask(request_of) for options in ((COMPAT,), ()))
    assert with_it.status in (204, 404, 405, 422)
    assert (with_it.status, with_it.headers, with_it.body) == (without.status, without.headers, without.body)


@pytest.mark.parametrize("variables, form", [
    ({}, {}), ({"JOBSTATUS_COMPAT": "none", "JOBSTATUS_ACCEPT_UNKNOWN_STATUS": "no"}, {}),
    ({"JOBSTATUS_COMPAT": "nemo-platform"}, {"compat": True}),
])
def test_the_switch_as_a_variable(sample, variables, form):
    answer = subprocess.run(
        [str(postgres.program())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=60,
        env=clean_environment(REQUEST_METHOD="GET", PATH_INFO=ROUTED % "full-error", JOBSTATUS_DATABASE=sample.conninfo,
                              JOBSTATUS_SCHEMA=nemo.SCHEMA, **variables)).stdout
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"Status: 200"), answer
    expected = oracle.parse(sample.rows.answer("default", "full-error", **form))
    assert oracle.difference(expected, oracle.parse(body)) is None


@pytest.mark.parametrize("option, variable", [("--compat=nemo", "JOBSTATUS_COMPAT=nemo"),
                                              ("--compat=", "JOBSTATUS_COMPAT=NEMO-PLATFORM"),
                                              ("--accept-unknown-status=maybe", "JOBSTATUS_ACCEPT_UNKNOWN_STATUS=1")])
def test_no_such_value(option, variable):
    name, _, value = variable.partition("=")
    for arguments, more, said in (([option], {}, option.partition("=")[0]), ([], {name: value}, name)):
        done = subprocess.run([str(postgres.program()), "--socket=%s" % os.devnull, *arguments], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, env=clean_environment(**more))
        assert done.returncode == 64 and said in done.stderr, done
