"""When to ask again: the Retry-After of a job that has not ended."""

import pytest

from conditional import check_unchanged

WORKSPACE = "hints"
LIVING = ["created", "pending", "active", "cancelling", "paused", "pausing", "resuming"]
ENDED = ["completed", "error", "cancelled"]


@pytest.fixture
def rest(admin):
    """Makes the job `j` anew, with a step and a task, each of which changed so many seconds ago."""
    def rest(job, step=10000, task=10000, status="active"):
        admin("delete from jobstatus.jobs where workspace = 'hints'")
        for text, seconds in (
                ("jobs (workspace, id, name, status, updated_at) values ('hints', 'j', 'j', '%s'" % status, job),
                ("steps (workspace, job_id, position, id, name, status, updated_at) values ('hints', 'j', 0, 's', 's',"
                 " 'active'", step),
                ("tasks (workspace, job_id, step_position, position, id, name, status, updated_at) values ('hints', 'j',"
                 " 0, 0, 't', 't', 'active'", task)):
            admin("insert into jobstatus.%s, now() - %%s * interval '1 second')" % text, (seconds,))
    yield rest
    admin("delete from jobstatus.jobs where workspace = 'hints'")


def get(program, status=200, **more):
    answer = program.get(WORKSPACE, "j", **more)
    assert answer.status == status, answer
    return answer


def hint(program, **more):
    value = get(program, **more).header("Retry-After")
    return value and int(value)


# Each has seven seconds until it would be another.
@pytest.mark.parametrize("rested, seconds", [(-10000, 1), (0, 1), (12, 1), (22, 2), (62, 6), (292, 29), (302, 30),
                                             (3600, 30), (1e9, 30)])
def test_it_grows_with_the_rest(jobstatus, rest, rested, seconds):
    rest(rested)
    # The same of a document that is kept, of HEAD, and of a 304 while it is kept.
    assert hint(jobstatus) == hint(jobstatus) == hint(jobstatus, method="HEAD") == seconds
    tag = get(jobstatus).header("ETag")
    for method in ("GET", "HEAD"):
        answer = get(jobstatus, 304, method=method, HTTP_IF_NONE_MATCH=tag)
        assert answer.header("Retry-After") == str(seconds)


@pytest.mark.parametrize("options", [(), ("--compat=nemo-platform",)])
def test_the_latest_of_all_levels_counts(run_program, rest, admin, options):
    program = run_program(*options)
    for ages, seconds in (((10000, 62, 122), 6), ((122, 10000, 62), 6), ((62, 122, 10000), 6), ((10000, 10000, 10000), 30),
                          ((10000, 10000, 0), 1), ((10000, 0, 10000), 1)):
        rest(*ages)
        assert hint(program) == hint(program) == seconds, ages
    rest(10000)
    assert hint(program) == 30
    admin("update jobstatus.tasks set error_stack = 'x' where workspace = 'hints'")
    assert hint(program) == hint(program) == 1
    rest(10000)
    assert hint(program) == 30
    admin("delete from jobstatus.tasks where workspace = 'hints'")
    assert hint(program) == hint(program) == 1


@pytest.mark.parametrize("status", LIVING + ENDED)
def test_none_for_what_has_ended(jobstatus, rest, status):
    rest(302, status=status)
    expected = None if status in ENDED else "30"
    for _ in range(2):
        answer = get(jobstatus)
        assert answer.header("Retry-After") == expected
    for field in (answer.header("ETag"), "*"):
        assert get(jobstatus, 304, HTTP_IF_NONE_MATCH=field).header("Retry-After") == expected


def test_a_304_of_what_is_not_kept(run_program, rest):
    """The revision alone does not say since when nothing has changed; a read does."""
    rest(302)
    tag = get(run_program(), HTTP_IF_NONE_MATCH='"x"').header("ETag")
    program = run_program()
    answer = get(program, 304, HTTP_IF_NONE_MATCH=tag)
    check_unchanged(answer, tag)
    assert answer.header("Retry-After") is None
    assert get(program, 304, HTTP_IF_NONE_MATCH="*").header("Retry-After") == "30"
    assert get(program, 304, HTTP_IF_NONE_MATCH=tag).header("Retry-After") == "30"


@pytest.mark.parametrize("options", [("--poll-hints=no",), ("--poll-hints=no", "--cache=0")])
def test_no_hints(run_program, rest, options):
    program = run_program(*options)
    rest(302)
    for _ in range(2):
        tag = get(program).header("ETag")
        for field in (tag, "*"):
            assert get(program, 304, HTTP_IF_NONE_MATCH=field).header("Retry-After") is None
        assert hint(program) is None


@pytest.mark.parametrize("hints", ["yes", "no"])
def test_a_503_keeps_its_own(run_program, hints):
    program = run_program("--poll-hints=" + hints, conninfo="host=/nonexistent")
    assert get(program, 503).header("Retry-After") == "1"


@pytest.mark.parametrize("status, of", [(404, ("hints", "none")), (422, ("x" * 256, "j"))])
def test_none_of_what_is_no_document(jobstatus, status, of):
    answer = jobstatus.get(*of)
    assert (answer.status, answer.header("Retry-After")) == (status, None)
