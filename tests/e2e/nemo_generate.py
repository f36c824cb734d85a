"""Jobs as a NeMo Platform's tables can hold them, with a preference for what is rarely tried.

Each job has a name that says what is odd about it, and a failure can be had again: the seed is fixed.
"""

import datetime
import io
import random
import re

import generate
from oracle import STATUSES

WORKSPACES = ("default", "marked-for-deletion", "a.b_c@d+e")
NAME = re.compile(r"^[a-z](?!.*--)[a-z0-9\-@.+_]{1,62}(?<!-)$")
COLUMNS = "id, workspace, entity_type, name, parent, data, created_at, updated_at"

# Pieces of JSON strings that PostgreSQL's operators refuse, and what only looks like them.
PIECES = [r"\u0000", r"\ud800", r"\udfff", r"\ude00\ud83d", r"\\u0000", r"\\\u0000", r"\\\\u0000", r"\\ud800",
          r"\\\ud800", r"\u005cu0000", r"\"\u0000", r"\\\"\u0000", r"\u0000current_attempt_id"]
# Members of a job's spec that somebody who looks for text would take for the row's own; % is a wrong attempt's id.
DECOYS = [
    '{"current_attempt_id": "%", "status": "error", "status_details": {"wrong": 1}, "error_stack": "wrong"}',
    r'"\"current_attempt_id\": \"%\""', r'{"text": "{\"status\": \"error\", \"current_attempt_id\": \"%\"}"}',
    '"current_attempt_id"', '["current_attempt_id", "%"]', '[{"status": "error"}, [[{"current_attempt_id": "%"}]]]',
    r'"\\"', r'{"\\": "\\\\"}', r'"\\\", \"current_attempt_id\": \"%"', r'{"a\\": {"b\"": "}"}, "]": "{[,:"}',
    r'{"current_attempt_id\u0000": "%", "\u0000current_attempt_id": "%", "\ud800": "\u0000"}', "1e400", "-0.0", "null",
    '{"a": {"current_attempt_id": "%"}, "current_attempt_id": "%", "current_attempt_id": "%"}', '""', '{"": ""}', "[]",
]
NOT_TEXT = ["null", None, "7", "-0.0", "1e400", "true", "{}", "[]", '["active"]', '{"a": "active"}']
NOT_OBJECTS = ["null", None, "[]", "[{}]", '"x"', r'"{\"a\": 1}"', "1", "false", "-0.0", "1" * 40]
ODD_STATUSES = ['"unknown"', '"Active"', '""', '"active "', r'"active\u0000"', r'"\u0000"', r'"wait \"x\" \\ \u00fc ü"',
                r'"\ud800"', r'"\u0061ctive"', r'"\u0061\u0063\u0074\u0069\u0076\u0065"', '"activeactive"']
STACKS = ["null", None, '""', '"x"', r'"\"\\\/\b\f\n\r\t\u00e9é\ud83d\ude00"', r'"Traceback:\n  ü 😀"',
          r'"\u001f\u007f"', *('"a%sb"' % piece for piece in PIECES), "1", "{}", "[]", "true", '["x"]']
OUT_OF_RANGE = ["infinity", "-infinity", "10000-01-01 00:00:00", "0001-01-01 00:00:00 BC"]
LAYOUTS = {"compact": (",", ":"), "spaced": (" , ", " : "), "lines": (",\n\t", ":\r\n "), "usual": (", ", ": ")}


def _data(pairs, layout="usual"):
    """An object of the members that have a value."""
    comma, colon = LAYOUTS[layout]
    inner = comma.join(key + colon + value for key, value in pairs if value is not None)
    return "\n{ %s }\t " % inner if layout in ("spaced", "lines") else "{%s}" % inner


def _escaped(key):
    """The key with its first letter written as an escape."""
    return '"\\u%04x%s' % (ord(key[1]), key[2:])


class Platform:
    """Rows of `entities`, and the ways to make them."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.rows, self.jobs, self.names, self.clock = [], [], set(), 0

    def row(self, kind, workspace, name, parent, data, created=None, updated=None):
        """A row; each is made some microseconds after the one before unless told otherwise."""
        self.clock += self.rng.choice([1, 15, 1000, 1000000 - self.clock % 1000000])  # the last makes it a full second
        now = str(datetime.datetime(2026, 11, 23) + datetime.timedelta(microseconds=self.clock))
        # Identifiers are in no order.
        row_id = "%s-%08x%04x" % (kind.replace("_", "-"), self.rng.getrandbits(32), len(self.rows))
        self.rows.append([row_id, workspace, kind, name, parent, data, created or now, updated or created or now])
        return row_id

    def job(self, name, job=(), attempt=(), step=(), task=(), layout="usual", attempts=1, current=0, steps=1, tasks=2,
            times=lambda level, number: (), workspace=None):
        """A job whose members are the platform's, but for those given by level: a dict, or a text in place of all.

        None leaves a member out, a key in quotes is taken as it is, and `before` and `after` are lists of pairs beside
        the others. % stands for the id of an attempt that is not the current one.
        """
        workspace = workspace or self.rng.choice(WORKSPACES)
        self.jobs.append((workspace, name))
        self.names.add(name)

        def data(level, given, members):
            if isinstance(given, str):
                return given
            given = dict(given)
            first, last = given.pop("before", []), given.pop("after", [])
            members = {**members, **given}
            return _data([*first, *((key if key.startswith('"') else '"%s"' % key, value)
                                    for key, value in members.items()), *last], layout)

        def status():
            return '"%s"' % self.rng.choice(STATUSES)

        def put(kind, row_name, parent, level, text, number):
            return self.row(kind, workspace, row_name, parent, text, *times(level, number))

        job_id = put("platform_job", name, None, "job", "", 0)
        job_row = self.rows[-1]
        ids = []
        for seq in range(attempts):
            this = attempt if seq == current else {}
            ids.append(put("platform_job_attempt", "att-%d" % seq, job_id, "attempt", data("attempt", this, {
                "job": '"%s"' % job_id, "seq": str(seq), "spec": "{}", "status": status(),
                "status_details": '{"attempt": %d}' % seq, "error_details": "null"}), seq))
            for number in range(steps):
                step_id = put("platform_job_step", "step-%d" % number, ids[-1], "step", data("step", step, {
                    "attempt_id": '"%s"' % ids[-1], "config": "{}", "status": status(),
                    "status_details": '{"step": %d}' % number, "error_details": "null"}), number)
                for place in range(tasks):
                    put("platform_job_task", "task-%d" % place, step_id, "task", data("task", task, {
                        "step_id": '"%s"' % step_id, "status": status(), "status_details": '{"task": %d}' % place,
                        "error_details": "{}", "error_stack": "null"}), place)
        wrong = ids[current - 1] if attempts > 1 else "platform-job-attempt-wrong"
        text = data("job", job, {"source": '"seed"', "spec": "{}", "current_attempt_id": '"%s"' % (
            ids[current] if current < attempts else "platform-job-attempt-gone"), "fileset": '"f"'})
        job_row[5] = text.replace("%", wrong)
        return job_row


def _broken(platform):
    """What the three levels may hold in the place of what is expected; one odd row in a job."""
    one = dict(steps=1, tasks=1)
    for level in ("attempt", "step", "task"):
        for number, value in enumerate(NOT_TEXT + ODD_STATUSES):
            platform.job("status-%s-%d" % (level, number), **{level: {"status": value}}, **one)
        for key in ("status_details", "error_details"):
            for number, value in enumerate(NOT_OBJECTS):
                platform.job("%s-%s-%d" % (key, level, number), **{level: {key: value}}, **one)
        for number, value in enumerate(["null", "[]", '[{"status": "active"}]', '"x"', "7", "{}"]):
            platform.job("data-%s-%d" % (level, number), **{level: value}, **one)
    for number, value in enumerate(STACKS):
        platform.job("stack-%d" % number, task={"error_stack": value}, **one)
    for level in ("job", "step", "task"):
        for number, value in enumerate(OUT_OF_RANGE):
            platform.job("time-%s-%d" % (level, number), **one,
                         times=lambda here, _, value=value, level=level: (value,) if here == level else ())


def _attempts(platform):
    for number, value in enumerate([None, "null", "7", '""', "[]", "{}", "true", '{"current_attempt_id": "%"}',
                                    r'"%\u0000"', r'"\ud800"', '"% "', '" %"', '"nowhere"']):
        platform.job("no-attempt-%d" % number, job={"current_attempt_id": value}, attempts=2)
    for number, value in enumerate(["null", "[]", '"x"', "7", "{}", '["current_attempt_id"]']):
        platform.job("no-members-%d" % number, job=value)
    job = platform.job("no-attempt-but-a-result", job={"current_attempt_id": '"platform-job-result-1"'})
    platform.row("platform_job_result", job[1], "result", job[0], '{"status": "active"}')
    platform.rows[-1][0] = "platform-job-result-1"
    platform.job("attempt-gone", current=5)
    platform.job("attempts-none", attempts=0)
    for current in range(4):
        platform.job("attempts-%d" % current, attempts=4, current=current, steps=2)


def _places(platform):
    """Each odd piece of a string at each place, as value and as key."""
    for number, piece in enumerate(PIECES):
        for kind, value in (("value", '{"a": "x%sy"}' % piece), ("key", '{"x%sy": [{"%s": 1}]}' % (piece, piece))):
            for level, key in (("job", "spec"), ("attempt", "spec"), ("attempt", "error_details"), ("step", "config"),
                               ("step", "status_details"), ("task", "error_details"), ("task", "other")):
                platform.job("piece-%d-%s-%s-%s" % (number, kind, level, key), **{level: {key: value}})
    for number, decoy in enumerate(DECOYS):
        for place in ("before", "after"):
            for attempts in (1, 2):
                platform.job("decoy-%d-%s-%d" % (number, place, attempts), attempts=attempts, current=attempts - 1,
                             layout=platform.rng.choice(list(LAYOUTS)),
                             **{level: {place: [('"description"', decoy), (r'"\u0000"', decoy), ('""', decoy)]}
                                for level in ("job", "attempt", "step", "task")})


def _keys(platform):
    """Keys written with escapes, members twice, and white space.

    All but current_attempt_id, the one key that PostgreSQL has to find: no writer of JSON escapes its letters.
    """
    twice = {"job": [('"current_attempt_id"', '"%"'), ('"current_attempt_id"', "null")],
             "attempt": [('"status"', '"wrong"'), ('"status_details"', "[]"), ('"error_details"', '{"wrong": 1}')],
             "step": [('"status"', "7"), ('"status_details"', '{"wrong": 1}'), ('"status_details"', "null")],
             "task": [('"error_stack"', "[]"), ('"error_stack"', '"wrong"'), ('"status"', "null")]}
    for layout in LAYOUTS:
        platform.job("layout-" + layout, layout=layout, attempts=2)
        for level, pairs in twice.items():
            platform.job("twice-%s-%s" % (level, layout), **{level: {"before": pairs}}, layout=layout, attempts=2)
    for level in ("attempt", "step", "task"):
        for key, value in (("status", '"paused"'), ("status_details", '{"a": 1}'), ("error_details", '{"b": -0.0}'),
                           ("error_stack", '"c"')):
            quoted = '"%s"' % key
            alone, also = {key: None, _escaped(quoted): value}, {"after": [(_escaped(quoted), value)]}
            platform.job("escaped-%s-%s" % (level, key), **{level: alone})
            platform.job("escaped-too-%s-%s" % (level, key), **{level: also})
            # Names that begin or end like it, or with something after a NUL.
            near = [('"%s%s"' % (key, end), "[7]") for end in ("s", "\\u0000", " ", "\\\\")] + [('"x%s"' % key, "[7]")]
            platform.job("near-%s-%s" % (level, key), **{level: {"after": near}})


def _order(platform):
    """Times: with a fraction and without, and equal ones."""
    moments = ["2026-11-23 20:00:00", "2026-11-23 20:00:00.1", "2026-11-23 20:00:00.000001", "0001-01-01 00:00:00",
               "2026-11-23 20:00:00.99999", "9999-12-31 23:59:59.999999", "2024-02-29 23:59:59.5",
               "1969-12-31 23:59:59.999999"]
    for number, moment in enumerate(moments):
        platform.job("time-%d" % number, times=lambda *_: (moments[(number + 1) % len(moments)], moment))
    for level in ("step", "task"):
        platform.job("equal-%s" % level, steps=6, tasks=6,
                     times=lambda here, _: ("2026-11-23 20:00:00.5",) if here == level else ())
        platform.job("backwards-%s" % level, steps=6, tasks=6,
                     times=lambda here, n: ("2026-11-23 20:00:0%d" % (9 - n),) if here == level else ())
    platform.job("equal", steps=3, tasks=3, times=lambda *_: ("2026-11-23 20:00:00",))
    platform.job("many-tasks", steps=2, tasks=1700)
    platform.job("many-equal-tasks", tasks=1200, times=lambda *_: ("2026-11-23 20:00:00",))
    platform.job("many-steps", steps=150, tasks=1)
    platform.job("no-steps", steps=0)
    platform.job("no-tasks", tasks=0)


def _sizes(platform):
    deep = '{"a": [' * 1000 + "1e400" + "]}" * 1000
    for level, key in (("job", "spec"), ("attempt", "spec"), ("attempt", "status_details"), ("task", "error_details")):
        platform.job("deep-%s-%s" % (level, key), **{level: {key: deep}})
    long = '"%s"' % (r"\u0000 ü \u00fc " * 16000)
    for level, key in (("job", "spec"), ("step", "config"), ("task", "error_stack")):
        platform.job("long-%s-%s" % (level, key), **{level: {key: long}})
    platform.job("long-key", step={"status_details": "{%s: %s}" % (long, long)})
    for workspace in WORKSPACES:
        platform.job("one-name", workspace=workspace)


def _random(platform, count):
    rng = platform.rng
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-@.+_"
    for number in range(count):
        name = "--"
        while not NAME.fullmatch(name) or name in platform.names:
            name = rng.choice("abcxyz") + "".join(rng.choice(letters) for _ in range(rng.choice([1, 5, 20, 62])))
        given = {level: {key: rng.choice([generate._object(rng), generate._object(rng), "{}", "null", None])
                         for key in ("status_details", "error_details")} for level in ("attempt", "step", "task")}
        given["job"] = {"before": [('"spec"', generate._object(rng))], "after": [('"other"', generate._object(rng))]}
        given["task"]["error_stack"] = rng.choice(["null", None, generate._string(rng)])
        attempts = rng.randint(1, 3)
        platform.job(name, layout=rng.choice(list(LAYOUTS)), attempts=attempts, current=rng.randrange(attempts),
                     steps=rng.randint(0, 4), tasks=rng.randint(0, 4), **given)


def platform(seed=20261123, count=100):
    """Everything above as a Platform; COUNT of its jobs are at random."""
    made = Platform(seed)
    for part in (_broken, _attempts, _places, _keys, _order, _sizes):
        part(made)
    _random(made, count)
    # Rows that are none of a job's, though they have its name or its parent.
    levels = {kind: [row for row in made.rows if row[2] == "platform_job" + kind][-60:]
              for kind in ("", "_attempt", "_step", "_task")}
    for row in levels[""]:
        made.row("fileset", row[1], row[3], None, '{"status": "error"}')
        for kind in ("platform_job_step", "platform_job_task"):
            made.row(kind, row[1], row[3], row[0], '{"status": "error"}')
        below = made.row("platform_job", row[1], row[3], row[0], "")
        made.rows[-1][5] = '{"current_attempt_id": "platform-job-attempt-of-%s"}' % below
        made.row("platform_job_attempt", row[1], "att", below, '{"status": "error"}')
        made.rows[-1][0] = "platform-job-attempt-of-" + below
    for row in levels["_attempt"] + levels["_step"] + levels["_task"]:
        made.row("platform_job_result", row[1], "result", row[0], r'{"status": "error", "\u0000": "\ud800"}')
        if row[2] != "platform_job_step":
            made.row("platform_job_task", row[1], "stray", row[0], '{"status": "error"}')
        if row[2] != "platform_job_attempt":
            made.row("platform_job_step", row[1], "stray", row[0], '{"status": "error"}')
    return made


def insert(connection, made):
    """Copies the rows into the platform's table, as its service would find them."""
    with connection, connection.cursor() as cursor:
        cursor.executemany("insert into public.workspaces (id, name, deletion_stage) values (%s, %s, %s)"
                           " on conflict (name) do nothing",
                           [("w-" + name, name, "deleting" if "deletion" in name else None) for name in WORKSPACES])
        text = "".join("\t".join(map(generate._field, row)) + "\n" for row in made.rows)
        cursor.copy_expert("copy public.entities (%s) from stdin" % COLUMNS, io.StringIO(text))
