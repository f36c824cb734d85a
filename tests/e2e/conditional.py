"""What tests of entity tags and conditional requests share: a job, and what a 304 is."""

import re

import pytest

JOB = ("conditional", "job")


@pytest.fixture
def make(admin):
    """The job with two steps of two tasks and of one, and two without, anew for each test."""
    admin("delete from jobstatus.jobs where workspace = 'conditional'")
    admin("select from jobstatus.create_job('conditional', 'job', '{a,b,c,d}', 'id')")
    for step, task in (("a", "t"), ("a", "u"), ("b", "t")):
        admin("select from jobstatus.report_task('conditional', 'job', %s, %s, 'created')", (step, task))
    yield
    admin("delete from jobstatus.jobs where workspace = 'conditional'")


def tag_of(answer):
    """The tag of a 200, which is a strong one."""
    assert answer.status == 200, answer
    tag = answer.header("ETag")
    assert re.fullmatch('"[0-9a-f]{32}"', tag), answer
    return tag


def ask(program, field, *of, method="GET"):
    return program.get(*(of or JOB), method=method, HTTP_IF_NONE_MATCH=field)


def check_unchanged(answer, tag):
    """A 304 has these headers and no others, but for the hint."""
    assert (answer.status, answer.reason, answer.body) == (304, "Not Modified", b""), answer
    assert [(name, value) for name, value in answer.headers if name != "Retry-After"] == \
        [("Cache-Control", "no-cache"), ("ETag", tag)]
