"""Random jobs: everything that the schema lets in, with a preference for what is rarely tried.

The seed is fixed, so that a failure can be had again.
"""

import io
import json
import random

from oracle import STATUSES

WORKSPACES = ("default", "arbeitsgruppe-ü", "工作区", "a b", "percent%2Fsign", "quote'\"s")

ODD = [
    "'", '"', "\\", "''", '\\"', "\\u0041", "%", "%2F", "%00", "%%", "+", "&", "?", "#", ";", "=",
    "<b>", "&amp;", "$1", "${x}", "`id`", "--", "*", "{}", "[]", "null", "true", ",", ":", "@", "~",
    " ", "  ", "\u00a0", "\u2028", "\u2029", "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\ufffd",
    "\ufffe", "\uffff", "\ue000", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001d518", "\U00020000", "\U0010fffd", "\U0010ffff", "é", "e\u0301", "ß", "İ", "ǅ", "ﬁ", "Ω",
    "שלום", "مرحبا", "日本語", "ไทย", "한국어", "देवनागरी", "\u3000", "…", "€", "😀", ".", "..", "...",
    "0", "-1", "1e5", "~!@$^*()_+|",
]
# What only texts and details may hold, not names.
CONTROL = ["\n", "\t", "\r\n", "\x01", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1f", "\x7f", "\x80",
           "\x85", "\x9f", "/", "/*"]


def _text(rng, pieces, most):
    return "".join(rng.choice(pieces) if rng.random() < 0.5
                   else rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-_")
                   for _ in range(rng.randint(1, most)))


def _name(rng, taken):
    """A legal name that is not taken yet."""
    while True:
        most = 255 if rng.random() < 0.03 else 12
        name = _text(rng, ODD, most)[:255]
        if rng.random() < 0.02:
            name = rng.choice(["ü", "日", "\U0001f600", "x"]) * rng.randint(250, 255)
        if name not in ("", ".", "..") and name not in taken:
            taken.add(name)
            return name


def _string(rng):
    """A JSON string, escaped in one of the ways that JSON has."""
    raw = _text(rng, ODD + CONTROL, 8)
    text = json.dumps(raw, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.3:
        text = text[:-1] + rng.choice(
            ["\\u0000", "\\ud800", "\\udfff", "\\ude00\\ud83d", "\\ud83d\\ude00", "\\/", "\\u2028",
             "\\u005c", "\\u0022", "\\b\\f\\n\\r\\t"]) + '"'
    return text


NUMBERS = ["0", "-0", "-0.0", "0.0", "1e400", "-1e400", "1E-400", "1e+5", "0.1", "1.0", "1.50",
           "9007199254740993", "9223372036854775807", "9223372036854775808",
           "18446744073709551616", "1" * 40, "-" + "9" * 40, "3." + "14" * 30, "1e200000"]


def _value(rng, depth):
    kind = rng.random()
    if depth > 0 and kind < 0.12:
        return _object(rng, depth - 1)
    if depth > 0 and kind < 0.24:
        space = rng.choice(["", "", " ", "\n\t"])
        return "[" + space + ("," + space).join(
            _value(rng, depth - 1) for _ in range(rng.randint(0, 4))) + space + "]"
    if kind < 0.5:
        return rng.choice(NUMBERS)
    if kind < 0.6:
        return rng.choice(["true", "false", "null"])
    return _string(rng)


def _object(rng, depth=3):
    members = []
    for _ in range(rng.randint(0, 4)):
        key = _string(rng)
        members.append(key + rng.choice([":", ": ", " :\t"]) + _value(rng, depth))
        if rng.random() < 0.1:
            members.append(key + ":" + _value(rng, 0))  # a duplicate
    if rng.random() < 0.02:
        deep = rng.randint(10, 200)
        members.append('"deep":' + '{"a":[' * deep + _value(rng, 0) + "]}" * deep)
    return "{" + rng.choice([", ", ","]).join(members) + "}"


def _details(rng):
    return "{}" if rng.random() < 0.4 else _object(rng)


def _stamp(rng, year, fraction):
    stamp = "%04d-%02d-%02d %02d:%02d:%02d" % (
        year, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59),
        rng.randint(0, 59))
    return stamp + fraction


def _times(rng):
    """created_at and updated_at, in any order: the tables promise none."""
    def one():
        year = rng.choice([2024, 2025, 2026]) if rng.random() < 0.7 else \
            rng.choice([2, 99, 1000, 1582, 1900, 1969, 1970, 1999, 2000, 2037, 2038, 2039, 2400, 9998])
        fraction = "" if rng.random() < 0.4 else rng.choice(
            [".5", ".25", ".1", ".000001", ".999999", ".100000", ".12345", ".779454"])
        return _stamp(rng, year, fraction) + rng.choice(["+00", "+00", "+05:30", "-08", "+14"])
    created, updated = one(), one()
    return created, (created if rng.random() < 0.3 else updated)


def _stack(rng):
    if rng.random() < 0.6:
        return None
    return "" if rng.random() < 0.1 else "Traceback:\n" + _text(rng, ODD + CONTROL, 60)


def _size(rng):
    """Tasks of a step: mostly few."""
    return rng.choice([0, 0, 1, 1, 2, 2, 3, 4, 5])


def jobs(count=500, seed=20260611):
    """Rows for the three tables: lists of (workspace, …) tuples in the order of COLUMNS."""
    rng = random.Random(seed)
    out = {"jobs": [], "steps": [], "tasks": []}
    taken = {workspace: set() for workspace in WORKSPACES}
    for number in range(count):
        workspace = rng.choice(WORKSPACES)
        job_id = "gen-%04d-%s" % (number, _text(rng, ODD, 3))
        attempt = rng.choice([0, 0, 0, 1, 2, 7])
        attempts = {attempt} | set(range(attempt)) if attempt < 3 else {attempt, attempt - 1}
        if rng.random() < 0.1:
            attempts.add(attempt + 1)  # prepared, not current
        out["jobs"].append((workspace, _name(rng, taken[workspace]), job_id, attempt,
                            STATUSES[number % len(STATUSES)], _details(rng), _details(rng),
                            *_times(rng)))
        for this in sorted(attempts):
            step_count = rng.choice([0, 1, 1, 2, 3, 4]) if number % 50 else 12
            positions = sorted(rng.sample(range(45), step_count))
            names = set()
            for position in positions:
                out["steps"].append((workspace, job_id, this, position,
                                     "step-%d-%s" % (position, _text(rng, ODD, 3)),
                                     _name(rng, names), rng.choice(STATUSES), _details(rng),
                                     _details(rng), *_times(rng)))
                tasks = 25 if number % 50 == 0 else _size(rng)
                if number in (150, 250) and this == attempt:
                    tasks = {0: 300}.get(positions.index(position), 0)
                task_names = set()
                for place in rng.sample(range(2 * tasks + 20), tasks):
                    out["tasks"].append((workspace, job_id, this, position, place,
                                         "task-%d-%s" % (place, _text(rng, ODD, 3)),
                                         _name(rng, task_names), rng.choice(STATUSES),
                                         _details(rng), _details(rng), _stack(rng), *_times(rng)))
    for rows in out.values():
        rng.shuffle(rows)  # the order of insertion is not the order of the document
    return out


COLUMNS = {
    "jobs": "workspace, name, id, attempt, status, status_details, error_details, created_at, "
            "updated_at",
    "steps": "workspace, job_id, attempt, position, id, name, status, status_details, "
             "error_details, created_at, updated_at",
    "tasks": "workspace, job_id, attempt, step_position, position, id, name, status, "
             "status_details, error_details, error_stack, created_at, updated_at",
}

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _field(value):
    return "\\N" if value is None else str(value).translate(_ESCAPES)


def insert(connection, rows, schema="jobstatus"):
    """Copies rows as jobs() gives them into the tables, in one transaction."""
    with connection, connection.cursor() as cursor:
        for table in ("jobs", "steps", "tasks"):
            text = "".join("\t".join(map(_field, row)) + "\n" for row in rows[table])
            cursor.copy_expert("copy %s.%s (%s) from stdin" % (schema, table, COLUMNS[table]),
                               io.StringIO(text))
