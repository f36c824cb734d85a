"""Names and principals that would be SQL, in whichever way they were put into it: they are names.

The program has a superuser's session here, so that no missing right stands in for its own care.
"""

import contextlib
import hashlib
import json
import pathlib
import re

import pytest

import corpus
import injections
import postgres
from conftest import DATABASE, install, wait_for
from fastcgi import Connection, encode, job
from injections import CONTROLS, DOCUMENTS, SLASHED, TEXTS

REASONS = {200: "OK", 304: "Not Modified", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Entity"}


@pytest.fixture(scope="module")
def own():
    """One that remembers statements, with a job of each text by name, by workspace and by both."""
    with postgres.Cluster(settings=["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all",
                                    "autovacuum=off"]) as cluster:
        install(cluster, demo=False)
        yield cluster


@pytest.fixture(scope="module")
def cursor(own):
    with contextlib.closing(own.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("create extension pg_stat_statements; create role careless superuser login")
        workspaces, names = map(list, zip(*DOCUMENTS))
        ids = [right["id"] for _, right in DOCUMENTS.values()]
        cursor.execute("insert into jobstatus.jobs (workspace, name, id, status, created_at, updated_at)"
                       " select *, 'completed', %s, %s from unnest(%s, %s, %s)",
                       (corpus.STAMP, corpus.STAMP, workspaces, names, ids))
        cursor.execute("insert into jobstatus.readers select * from unnest(%s, %s)", [
            ["benign", *TEXTS, *["w"] * len(SLASHED)], ["benign", *TEXTS, *SLASHED]])
        yield cursor


def written(right, tag=None, private=False):
    """An answer's bytes."""
    status, value = right
    cache_control = "Cache-Control: %sno-cache" % ("private, " if private else "")
    lines = ["Status: %d %s" % (status, REASONS[status])]
    body = b""
    if status == 304:
        lines.append(cache_control)
    else:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        lines += ["Content-Type: application/json", "Content-Length: %d" % len(body), cache_control,
                  "X-Content-Type-Options: nosniff"]
    if status == 401:
        lines.append('WWW-Authenticate: Basic realm="jobstatus"')
    if tag is not None:
        lines.append("ETag: " + tag)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(program, asked, at_once=64):
    """The answers, in turn, to requests of which many are under way at any time."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Connection(program.socket)) for _ in range(at_once)]
        for start in range(0, len(asked), at_once):
            for connection, request in zip(connections, asked[start:]):
                connection.send(encode(request, keep=True))
            yield from (connection.receive() for connection, _ in zip(connections, asked[start:]))


def check(program, asked, rights, private=False):
    """Each is answered by the bytes that are right, of a 304 with the tag that it has; gives the tags."""
    tags = []
    for request, right, answer in zip(asked, rights, ask(program, asked)):
        tag = right[1] if right[0] == 304 else answer.header("ETag") if right[0] == 200 else None
        assert tag is None or re.fullmatch('"[0-9a-f]{32}"', tag)
        assert answer.stdout == written(right, tag, private), request
        assert answer.stderr == b""
        tags.append(tag)
    return tags


def statements(cursor):
    cursor.execute("select query, calls from pg_stat_statements where userid = 'careless'::regrole")
    return dict(cursor.fetchall())


def relations(cursor):
    """All that is in the database: which relations, functions and roles there are, and the rows, and where they lie."""
    cursor.execute("select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace"
                   " where nspname = 'jobstatus' and relkind in ('r', 'S')"
                   " or nspname = 'pg_catalog' and relname in ('pg_class', 'pg_proc', 'pg_authid')")
    found = {}
    for name, in cursor.fetchall():
        cursor.execute("select xmin, ctid, * from %s order by ctid" % name)
        rows = cursor.fetchall()
        found[name] = len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


@contextlib.contextmanager
def watched(own, cursor, run_program, *options, **variables):
    """A program that has used each of its statements; nothing else may come to them, nor change, nor be refused."""
    cursor.execute("select pg_stat_statements_reset()")
    program = run_program(*options, conninfo=own.conninfo(user="careless", dbname=DATABASE))
    benign = [job("benign", "benign", **variables, **more) for more in ({}, {"HTTP_IF_NONE_MATCH": '"x"'})] * 32

    def warm():
        assert {answer.status for answer in ask(program, benign)} == {200}
        return len(statements(cursor)) >= 4
    # The session's settings, the read, and the lookups of one job and of several, or settings for each read.
    wait_for(warm, "each statement")
    known, before = statements(cursor), relations(cursor)
    assert len(known) == 4
    logged = len(pathlib.Path(own.log).read_text())
    yield program
    assert set(statements(cursor)) == set(known)
    assert all(calls > known[text] for text, calls in statements(cursor).items() if "set_config" not in text)
    assert relations(cursor) == before and before["jobstatus.jobs"][0] == len(DOCUMENTS)
    assert not re.search("ERROR|FATAL|PANIC", pathlib.Path(own.log).read_text()[logged:])
    assert program.lines("error") == []


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_names(own, cursor, run_program, prepare):
    """As workspace, as name and as both, of jobs and of none; one by one, and with tags, so that lookups go together."""
    keys, rights = zip(*injections.requests())
    with watched(own, cursor, run_program, "--prepare=" + prepare) as program:
        tags = check(program, [job(*key) for key in keys], rights)
        known = [tag for tag in tags if tag]
        assert len(set(known)) == len(known) == len(DOCUMENTS)
        # With the tag of the job before, and then with its own.
        others = [job(*key, HTTP_IF_NONE_MATCH=tag or '"x"') for key, tag in zip(keys, tags[-1:] + tags)]
        assert check(program, others, rights) == tags
        check(program, [job(*key, HTTP_IF_NONE_MATCH=tag or known[0]) for key, tag in zip(keys, tags)],
              [(304, tag) if tag else right for right, tag in zip(rights, tags)])


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_principals(own, cursor, run_program, prepare):
    """Each text may read the workspace of its own name alone."""
    asked, rights = [], []

    def add(right, workspace, principal):
        asked.append(job(workspace, "job" if workspace != "w" else TEXTS[0], REMOTE_USER=principal))
        rights.append(right)
    for i, text in enumerate(TEXTS):
        add(DOCUMENTS[text, "job"], text, text)
        add(corpus.UNKNOWN, TEXTS[i - 1], text)
        add(corpus.UNKNOWN, "w", text)
        add(corpus.UNKNOWN, text, "benign")
    for text in SLASHED:
        add(DOCUMENTS["w", TEXTS[0]], "w", text)
        add(corpus.UNKNOWN, "benign", text)
    for text in CONTROLS:
        add((401, {"detail": "Unauthorized"}), "w", text)
    options = "--authorize=REMOTE_USER", "--prepare=" + prepare
    with watched(own, cursor, run_program, *options, REMOTE_USER="benign") as program:
        tags = check(program, asked, rights, private=True)
        held = {request["PATH_INFO"]: tag for request, tag in zip(asked, tags) if tag}
        check(program, [dict(request, HTTP_IF_NONE_MATCH=held.get(request["PATH_INFO"], '"x"')) for request in asked],
              [(304, tag) if tag else right for right, tag in zip(rights, tags)], private=True)


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_names_that_the_encoding_lacks(own, cursor, run_program, prepare):
    """They are of no job and of nobody; who asks at the same time is answered, and no session is lost."""
    database = "latin1_" + prepare
    cursor.execute("select pg_stat_statements_reset()")
    cursor.execute("create database %s template template0 encoding 'LATIN1' locale 'C'" % database)
    own.psql_file(postgres.TOP / "sql" / "schema.sql", dbname=database)
    with contextlib.closing(own.connect(dbname=database)) as connection, connection.cursor() as there:
        there.execute("insert into jobstatus.jobs (workspace, name, id, status, created_at, updated_at)"
                      " values ('é', 'é', '1', 'completed', %s, %s)", (corpus.STAMP, corpus.STAMP))
        there.execute("insert into jobstatus.readers values ('é', 'é')")
    keys = [("é", "é", "é")] + [tuple(text if i == at else "é" for i in range(3)) for at in range(3)
                                for text in ("€", "’", "日", "e\u0301", "\U0001f600" * 255)]
    found = 200, dict(DOCUMENTS["benign", "benign"][1], id="1", name="é")
    rights = [found] + [corpus.UNKNOWN] * (len(keys) - 1)
    program = run_program("--authorize=REMOTE_USER", "--prepare=" + prepare,
                          conninfo=own.conninfo(user="careless", dbname=database))
    for more in ({}, {"HTTP_IF_NONE_MATCH": '"x"'}):
        asked = [job(workspace, name, REMOTE_USER=principal, **more) for workspace, name, principal in keys]
        check(program, asked * 16, rights * 16, private=True)
    assert program.lines("error") == []
    assert sum(calls for text, calls in statements(cursor).items() if "pg_attribute" in text) <= 4
