"""A NeMo Platform's tables, and the answers that their rows must have, in no hurry.

nemo/ holds what a platform of version 0.6.0 wrote: the rows of 94 jobs, made through its API, and its own answers to
them.  The oracle below takes rows as text and gives the same answers, or the contract's form of them; it shares nothing
with the program or the views.
"""

import contextlib
import gzip
import json
import re

import fastcgi
import oracle
from conftest import HERE, TOP, logfmt, scratch

SAMPLE = HERE / "nemo" / "nemo-0.6.0.sql.gz"
ANSWERS = HERE / "nemo" / "nemo-0.6.0.json"
INSTALL = TOP / "sql" / "nemo-platform.sql"
REMOVE = TOP / "sql" / "nemo-platform-remove.sql"
SCHEMA = "jobstatus_nemo"

_decoder = json.JSONDecoder(object_pairs_hook=oracle.Members, parse_int=oracle.Number, parse_float=oracle.Number,
                            parse_constant=oracle.Number)
_space = re.compile(r"[ \t\n\r]*")
_time = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


class Broken(Exception):
    """A row that the contract cannot express, by its id."""


def _skip(text, at):
    return _space.match(text, at).end()


def _parts(text, closing):
    """What an object or an array holds: pairs of a key (None in an array) and the text of a value."""
    found, at = [], _skip(text, _skip(text, 0) + 1)
    while text[at] != closing:
        key = None
        if closing == "}":
            key, at = _decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        end = _decoder.raw_decode(text, at)[1]
        found.append((key, text[at:end]))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def members(text):
    """The members of TEXT, their values as text; of equal keys the last. None if it is no object."""
    return dict(_parts(text, "}")) if text[_skip(text, 0)] == "{" else None


def elements(text):
    """The elements of the array TEXT, as text."""
    return [value for _, value in _parts(text, "]")]


def details(text):
    """Every status_details and error_details of a document, as the text that stands there."""
    def of(level, where):
        parts = members(level)
        for key in ("status_details", "error_details"):
            found.append(("%s %s" % (where, key), parts[key]))
        for below in ("steps", "tasks"):
            for number, part in enumerate(elements(parts.get(below, "[]"))):
                of(part, "%s.%s[%d]" % (where, below, number))

    found = []
    of(text, "document")
    return found


class Rows:
    """The rows of a platform, and the answers that they must have."""

    def __init__(self, cursor):
        cursor.execute("select id, workspace, entity_type, name, parent, data::text, created_at::text,"
                       " updated_at::text from public.entities")
        keys = [column.name for column in cursor.description]
        self.by_id, self.jobs, self.below = {}, {}, {}
        for values in cursor.fetchall():
            row = dict(zip(keys, values))
            self.by_id[row["id"]] = row
            self.below.setdefault((row["entity_type"], row["parent"]), []).append(row)
            if row["entity_type"] == "platform_job" and row["parent"] is None:
                self.jobs[row["workspace"], row["name"]] = row

    def _children(self, kind, parent):
        return sorted(self.below.get(("platform_job_" + kind, parent), ()),
                      key=lambda row: (row["created_at"], row["id"]))

    def answer(self, workspace, name, compat=False, unknown=False):
        """The document as JSON text, with details as they are stored; None for a 404. Raises Broken for a 500.

        COMPAT: the platform's own form; UNKNOWN: any text is a status.
        """
        job = self.jobs.get((workspace, name))
        if job is None:
            return None
        current = json.loads((members(job["data"]) or {}).get("current_attempt_id", "null"))
        attempt = self.by_id.get(current) if isinstance(current, str) else None
        if attempt is None or attempt["entity_type"] != "platform_job_attempt":
            return None
        form = _Form(compat, unknown)
        steps, job_updated = [], job["updated_at"]
        job_head = form.head(job, attempt, null_errors=compat)
        for step in self._children("step", attempt["id"]):
            head, tasks, updated = form.head(step, step), [], step["updated_at"]
            for task in form.tasks(self._children("task", step["id"])):
                tasks.append("{%s, %s, %s}" % (form.head(task, task), form.stack(task),
                                               form.times(task, task["updated_at"])))
                updated = max(updated, task["updated_at"])
            steps.append('{%s, "tasks": [%s], %s}' % (head, ", ".join(tasks), form.times(step, updated)))
            job_updated = max(job_updated, updated)
        return '{%s, "steps": [%s], %s}' % (job_head, ", ".join(steps), form.times(job, job_updated))


class _Form:
    """Rows to JSON text in one of the two forms."""

    def __init__(self, compat, unknown):
        self.compat, self.unknown = compat, unknown

    def head(self, row, source, null_errors=False):
        """The first members of a level: ROW's own, then those of SOURCE's data."""
        parts = members(source["data"])
        if parts is None:
            raise Broken(row["id"])
        status = parts.get("status", "null")
        if not status.startswith('"') or not (self.unknown or json.loads(status) in oracle.STATUSES):
            raise Broken(row["id"])
        status_details = self._details(row, parts, "status_details", "{}")
        error_details = self._details(row, parts, "error_details", "null" if null_errors else "{}")
        return '"id": %s, "name": %s, "status": %s, "status_details": %s, "error_details": %s' % (
            json.dumps(row["id"]), json.dumps(row["name"]), status, status_details, error_details)

    @staticmethod
    def _details(row, parts, key, none):
        text = parts.get(key, "null")
        if text == "null":
            return none
        if not text.startswith("{"):
            raise Broken(row["id"])
        return text

    def stack(self, row):
        text = members(row["data"]).get("error_stack", "null")
        if text != "null" and not text.startswith('"'):
            raise Broken(row["id"])
        return '"error_stack": %s' % ('""' if text == "null" and not self.compat else text)

    def tasks(self, rows):
        """Oldest first, or newest first; ties by id in both."""
        return sorted(rows, key=lambda row: row["created_at"], reverse=True) if self.compat else rows

    def times(self, row, latest):
        updated = row["updated_at"] if self.compat else latest
        return '"created_at": "%s", "updated_at": "%s"' % (self._time(row, row["created_at"]), self._time(row, updated))

    def _time(self, row, text):
        match = _time.fullmatch(text)
        if not match:
            raise Broken(row["id"])
        text = text.replace(" ", "T")
        if not self.compat:
            return text + "Z"
        return text[:19] + (text[19:].ljust(7, "0") if match[1] else "")


def not_found(workspace, name, compat=False):
    """The body of a 404, as a value."""
    text = "Job '%s' not found in workspace '%s'." % (name, workspace) if compat else "Job not found"
    return oracle.obj(("detail", text))


def load_sample(cluster, database, rows=True, options=""):
    """Creates a database with the platform's tables, and the sample's rows; with OPTIONS of create database."""
    text = gzip.decompress(SAMPLE.read_bytes()).decode()
    if not rows:
        text = re.sub(r"^(COPY public\.entities .*\n)(?s:.*?)^\\\.$", r"\1\\.", text, flags=re.M)
    cluster.psql("create database %s %s" % (database, options))
    with scratch() as directory:
        path = directory / "sample.sql"
        path.write_text(text)
        cluster.psql_file(path, dbname=database)


def install(cluster, database, role):
    """The views, and a login role for the program."""
    cluster.psql_file(INSTALL, dbname=database)
    with contextlib.closing(cluster.connect(dbname=database)) as connection, connection.cursor() as cursor:
        cursor.execute("create role %s login in role jobstatus_nemo_reader" % role)


def problem(program, rows, workspace, name, **form):
    """What is wrong with the program's answer to one job, or None."""
    before = len(program.lines("error"))
    with fastcgi.Connection(program.socket) as connection:
        answer = connection.ask(fastcgi.job(workspace, name), keep=False)
    lines = program.lines("error")[before:]
    try:
        expected = rows.answer(workspace, name, **form)
    except Broken as row:
        named = len(lines) == 1 and '"%s"' % row in logfmt(lines[0])["msg"]
        good = answer.status == 500 and oracle.parse(answer.body) == oracle.parse('{"detail":"Internal Server Error"}')
        return None if good and named else "500 and a line that names %s expected: %r %r" % (row, answer, lines)
    if lines:
        return "a line in the log: %r" % lines
    if expected is None:
        wrong = oracle.difference(not_found(workspace, name, form.get("compat")), oracle.parse(answer.body))
        return None if answer.status == 404 and not wrong else "404 expected: %s %r" % (wrong, answer)
    if answer.status != 200:
        return "200 expected: %r" % answer
    try:
        wrong = oracle.difference(oracle.parse(expected), oracle.parse(answer.body))
    except ValueError as error:
        wrong = "no JSON: %s: %r" % (error, answer)
    if wrong:
        return wrong
    for want, have in zip(details(expected), details(answer.body.decode())):
        if want != have:
            return "stored: %.300r, answered: %.300r" % (want, have)
    return None
