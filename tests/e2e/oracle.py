"""The document that a job must have, built straight from the tables and in no hurry.

JSON values become nested tuples that keep what Python's own types lose: the text of numbers
(40 digits, 1e400, -0.0), the order of keys and duplicate keys.  Two documents are equal if and only
if their values are.
"""

import json
import sys

sys.setrecursionlimit(20000)  # documents are nested 1,000 deep

STATUSES = ("created", "pending", "active", "cancelled", "cancelling", "error", "completed",
            "paused", "pausing", "resuming")

JOB_KEYS = ("id", "name", "status", "status_details", "error_details", "steps", "created_at",
            "updated_at")
STEP_KEYS = ("id", "name", "status", "status_details", "error_details", "tasks", "created_at",
             "updated_at")
TASK_KEYS = ("id", "name", "status", "status_details", "error_details", "error_stack",
             "created_at", "updated_at")


class Number(str):
    """A number as its text; equal to no string."""

    def __eq__(self, other):
        return isinstance(other, Number) and str.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__

    def __repr__(self):
        return "Number(%s)" % self


def _freeze(value):
    """Arrays told apart from objects, truth from numbers."""
    if isinstance(value, list):
        return ("array",) + tuple(_freeze(item) for item in value)
    if isinstance(value, Members):
        return ("object",) + tuple((key, _freeze(item)) for key, item in value.pairs)
    if isinstance(value, bool) or value is None:
        return ("literal", str(value))
    return value


class Members:
    def __init__(self, pairs):
        self.pairs = pairs


def _no_constant(text):
    raise ValueError("%s is not JSON" % text)


def parse(text):
    """JSON text (bytes must be UTF-8) to a comparable value."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    return _freeze(json.loads(text, object_pairs_hook=Members, parse_int=Number,
                              parse_float=Number, parse_constant=_no_constant))


def obj(*pairs):
    return ("object",) + pairs


def keys(value):
    assert value[0] == "object"
    return tuple(key for key, _ in value[1:])


def member(value, name):
    assert value[0] == "object"
    found = [item for key, item in value[1:] if key == name]
    assert len(found) == 1, "%r occurs %d times" % (name, len(found))
    return found[0]


_TIME = "to_char(%s at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') as %s"
_COLUMNS = ", ".join(["id", "name", "status", "status_details::text", "error_details::text",
                      _TIME % ("created_at", "created_at"), _TIME % ("updated_at", "updated_at")])


def _time(text):
    return text.rstrip("0").rstrip(".") + "Z"


def _details(text):
    return parse("{}" if text is None or text == "null" else text)


def _rows(cursor, query, values):
    cursor.execute(query, values)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def _common(row):
    return (("id", row["id"]), ("name", row["name"]), ("status", row["status"]),
            ("status_details", _details(row["status_details"])),
            ("error_details", _details(row["error_details"])))


def document(connection, workspace, name, schema="jobstatus"):
    """The expected document of one job as a value that parse() of the answer must equal."""
    with connection.cursor() as cursor:
        jobs = _rows(cursor, "select attempt, %s from %s.jobs where workspace = %%s and name = %%s"
                     % (_COLUMNS, schema), (workspace, name))
        assert len(jobs) == 1, "%d jobs %r/%r" % (len(jobs), workspace, name)
        job = jobs[0]
        key = (workspace, job["id"], job["attempt"])
        where = "where workspace = %s and job_id = %s and attempt = %s"
        steps = _rows(cursor, "select position, %s from %s.steps %s"
                      % (_COLUMNS, schema, where), key)
        tasks = _rows(cursor, "select step_position, position, error_stack, %s from %s.tasks %s"
                      % (_COLUMNS, schema, where), key)
    steps.sort(key=lambda row: (row["position"], row["id"]))
    tasks.sort(key=lambda row: (row["position"], row["id"]))
    below = {}
    for task in tasks:
        below.setdefault(task["step_position"], []).append(task)
    out, job_updated = [], job["updated_at"]
    for step in steps:
        items, updated = [], step["updated_at"]
        for task in below.pop(step["position"], ()):
            items.append(obj(*_common(task), ("error_stack", task["error_stack"] or ""),
                             ("created_at", _time(task["created_at"])),
                             ("updated_at", _time(task["updated_at"]))))
            updated = max(updated, task["updated_at"])
        out.append(obj(*_common(step), ("tasks", ("array",) + tuple(items)),
                       ("created_at", _time(step["created_at"])), ("updated_at", _time(updated))))
        job_updated = max(job_updated, updated)
    assert not below, "tasks without a step"
    return obj(*_common(job), ("steps", ("array",) + tuple(out)),
               ("created_at", _time(job["created_at"])), ("updated_at", _time(job_updated)))


def difference(expected, actual, where="document"):
    """Where two values differ first, for a readable failure; None if they are equal."""
    if expected == actual:
        return None
    if isinstance(expected, tuple) and isinstance(actual, tuple) and expected[0] == actual[0] \
            and expected[0] in ("array", "object"):
        if len(expected) != len(actual):
            return "%s: %d members expected, %d there" % (where, len(expected) - 1,
                                                          len(actual) - 1)
        for index, (want, have) in enumerate(zip(expected[1:], actual[1:])):
            if want != have:
                if expected[0] == "array":
                    return difference(want, have, "%s[%d]" % (where, index))
                if want[0] != have[0]:
                    return "%s: key %r expected, %r there" % (where, want[0], have[0])
                return difference(want[1], have[1], "%s.%s" % (where, want[0]))
    return "%s: expected %.300r, got %.300r" % (where, expected, actual)
