"""sql/nemo-platform.sql in a platform's database: it comes and goes, and nothing of the platform changes."""

import collections
import contextlib
import itertools
import subprocess
import threading

import psycopg2
import pytest

import fastcgi
import nemo
import postgres
from conftest import clean_environment, wait_for

ROWS = {"jobs": 94, "steps": 262, "tasks": 222}  # of the sample
READERS = "readers"  # who may read
RELATIONS = {*ROWS, READERS}
ROLE = "jobstatus_nemo_reader"
numbers = itertools.count()


@pytest.fixture(scope="module")
def own():
    """A cluster of its own: the role belongs to all databases, and comes and goes here."""
    with postgres.Cluster() as cluster:
        nemo.load_sample(cluster, "nemo_template")
        cluster.psql("create role nemo_owner login createrole; create role nemo_program login")
        yield cluster


@contextlib.contextmanager
def made(own):
    """A database with the sample, without the views; it goes, and the role with it."""
    name = "nemo_%d" % next(numbers)
    own.createdb(name, template="nemo_template")
    try:
        yield name
    finally:
        own.psql("drop database %s with (force)" % name)
        own.psql("drop role if exists %s" % ROLE)


@contextlib.contextmanager
def cursor_of(own, platform, user="postgres"):
    with contextlib.closing(own.connect(dbname=platform, user=user)) as connection:
        yield connection.cursor()


@pytest.fixture
def platform(own):
    with made(own) as name:
        yield name


@pytest.fixture
def admin(own, platform):
    with cursor_of(own, platform) as cursor:
        yield cursor


def run(cluster, database, path, user="postgres"):
    """A file through psql, as an operator does it."""
    return subprocess.run(["psql", "-X", "-d", cluster.conninfo(user, database), "-f", str(path)], timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_environment())


def good(done):
    assert done.returncode == 0 and not done.stderr, done
    return done


def dump(cluster, database):
    """The platform's own tables as pg_dump writes them, with their rights, but not the rows."""
    text = subprocess.run(["pg_dump", "-d", cluster.conninfo(dbname=database), "--schema-only", "--schema=public"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "CREATE TABLE public.entities" in text
    # pg_dump of late frames its output with a word that is another one each time.
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def there(cursor):
    """The relations of our schema, None without it, and whether there is the role."""
    cursor.execute("select to_regnamespace('jobstatus_nemo') is not null, (select array_agg(relname) from pg_class"
                   " where relnamespace = to_regnamespace('jobstatus_nemo') and relkind in ('r', 'v', 'm')),"
                   " exists (select from pg_roles where rolname = %s)", (ROLE,))
    schema, relations, role = cursor.fetchone()
    return set(relations or ()) if schema else None, role


def give_away(cursor, platform):
    """Makes nemo_owner the owner of the database and of what is in it, but no superuser."""
    cursor.execute("alter database %s owner to nemo_owner; alter schema public owner to nemo_owner;"
                   " alter table public.entities owner to nemo_owner; alter table public.workspaces owner to nemo_owner"
                   % platform)


@pytest.mark.parametrize("user", ["postgres", "nemo_owner"])
def test_it_comes_and_goes(own, platform, admin, user):
    give_away(admin, platform)
    before = dump(own, platform)
    for path, state in ((nemo.INSTALL, (RELATIONS, True)), (nemo.INSTALL, (RELATIONS, True)), (nemo.REMOVE, (None, False)),
                        (nemo.REMOVE, (None, False)), (nemo.INSTALL, (RELATIONS, True))):
        good(run(own, platform, path, user))
        assert there(admin) == state
        assert dump(own, platform) == before
        admin.execute("select count(*) from pg_trigger where not tgisinternal")
        assert admin.fetchone() == (0,)
        admin.execute("select count(*) from pg_event_trigger")
        assert admin.fetchone() == (0,)
    admin.execute("set role %s; select count(*) from jobstatus_nemo.jobs" % ROLE)
    assert admin.fetchone() == (94,)


def test_who_may_read_is_not_lost(own, platform, admin):
    """Neither by another installation nor by a removal, before an upgrade of the platform."""
    good(run(own, platform, nemo.INSTALL))
    admin.execute("insert into jobstatus_nemo.readers values ('default', 'alice')")
    good(run(own, platform, nemo.INSTALL))
    for _ in range(2):
        done = run(own, platform, nemo.REMOVE)
        assert done.returncode == 0 and "jobstatus_nemo.readers stays" in done.stderr
        assert there(admin) == ({READERS}, True)
    good(run(own, platform, nemo.INSTALL))
    assert there(admin) == (RELATIONS, True)
    admin.execute("delete from jobstatus_nemo.readers returning workspace, principal")
    assert admin.fetchall() == [("default", "alice")]
    good(run(own, platform, nemo.REMOVE))
    assert there(admin) == (None, False)


def test_access_to_the_views(own, platform, admin, run_program):
    good(run(own, platform, nemo.INSTALL))
    admin.execute("grant %s to nemo_program; insert into jobstatus_nemo.readers values ('default', 'alice');"
                  " select workspace, name from jobstatus_nemo.jobs limit 1" % ROLE)
    workspace, name = admin.fetchone()
    assert workspace == "default"
    program = run_program("--schema=jobstatus_nemo", "--authorize=REMOTE_USER",
                          conninfo=own.conninfo("nemo_program", platform))
    for _ in range(2):
        answer = program.get(workspace, name, REMOTE_USER="alice")
        assert answer.status == 200
        for field in (answer.header("ETag"), "*"):
            assert program.get(workspace, name, REMOTE_USER="alice", HTTP_IF_NONE_MATCH=field).status == 304
            assert program.get(workspace, name, REMOTE_USER="bob", HTTP_IF_NONE_MATCH=field).status == 404
        assert program.get(workspace, name, REMOTE_USER="bob").stdout == program.get(
            workspace, "none", REMOTE_USER="alice").stdout


def test_removed_with_a_login_role_in_it(own, platform, admin):
    """A program's role stays, and is in the new group after grant."""
    good(run(own, platform, nemo.INSTALL))
    admin.execute("grant %s to nemo_program" % ROLE)
    good(run(own, platform, nemo.REMOVE))
    assert there(admin) == (None, False)
    admin.execute("select count(*) from pg_roles where rolname = 'nemo_program'")
    assert admin.fetchone() == (1,)


def test_removed_while_another_database_has_it(own, platform, admin):
    """The role belongs to both databases; the other one's views stay and can be read."""
    other = platform + "_too"
    own.createdb(other, template="nemo_template")
    try:
        for database in (platform, other):
            good(run(own, database, nemo.INSTALL))
        assert run(own, platform, nemo.REMOVE).returncode == 0
        with contextlib.closing(own.connect(dbname=other)) as connection:
            cursor = connection.cursor()
            assert there(cursor) == (RELATIONS, True)
            cursor.execute("set role %s; select count(*) from jobstatus_nemo.tasks" % ROLE)
            assert cursor.fetchone() == (222,)
        assert there(admin)[0] is None
        good(run(own, other, nemo.REMOVE))
        assert there(admin) == (None, False)
    finally:
        own.psql("drop database %s with (force)" % other)


@pytest.fixture(scope="class")
def shared(own):
    """A superuser's cursor, and that of a login role that is in the group and nothing else; rows that are hidden."""
    with made(own) as platform, cursor_of(own, platform) as admin, cursor_of(own, platform, "nemo_program") as reader:
        admin.execute("create schema other; create table other.secrets (name text); insert into other.secrets"
                      " values ('hidden'); insert into public.entities (id, workspace, entity_type, name, data) values"
                      " ('hidden-id', 'default', 'secret', 'hidden-name', '{\"password\": \"hidden-data\"}')")
        good(run(own, platform, nemo.INSTALL))
        admin.execute("grant %s to nemo_program" % ROLE)
        yield admin, reader


class TestReader:
    """What somebody may do who is in the group."""

    @pytest.mark.parametrize("statement", [
        *("%s %s" % (verb, table) for table in ("public.entities", "public.workspaces", "other.secrets")
          for verb in ("table", "delete from", "truncate")),
        "insert into public.entities (id, workspace, entity_type, name, data) values ('x', 'default', 'x', 'x', '{}')",
        "select from public.entities for share", "select from jobstatus_nemo.jobs for share",
        "create view jobstatus_nemo.mine as select 1", "create schema mine", "create table public.mine ()",
        "create function jobstatus_nemo.mine() returns int language sql return 1", "create role mine",
        "drop view jobstatus_nemo.jobs", "drop schema jobstatus_nemo cascade", "set role postgres",
        "alter view jobstatus_nemo.jobs set (security_barrier = false)", "comment on schema jobstatus_nemo is 'x'",
    ])
    def test_may_not(self, shared, statement):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            shared[1].execute(statement)

    def test_may_read_the_views(self, shared):
        admin, reader = shared
        for view, count in ROWS.items():
            reader.execute("select count(*) from jobstatus_nemo." + view)
            assert reader.fetchone() == (count,)
        # That is all, in the whole database but for the system's own.
        admin.execute("select c.oid::regclass::text, privilege from pg_class c join pg_namespace n"
                      " on n.oid = relnamespace cross join unnest(array['select', 'insert', 'update', 'references'])"
                      " as privilege where nspname !~ '^pg_' and nspname <> 'information_schema'"
                      " and relkind in ('r', 'v', 'm', 'f', 'p')"
                      " and has_any_column_privilege('nemo_program', c.oid, privilege)"
                      " union all select c.oid::regclass::text, privilege from pg_class c"
                      " cross join unnest(array['delete', 'truncate', 'trigger']) as privilege"
                      " where relnamespace = 'jobstatus_nemo'::regnamespace and relkind in ('r', 'v')"
                      " and has_table_privilege('nemo_program', c.oid, privilege)")
        assert set(admin.fetchall()) == {("jobstatus_nemo." + name, "select") for name in RELATIONS}

    def test_is_a_plain_group(self, shared):
        admin = shared[0]
        admin.execute("select has_schema_privilege('nemo_program', oid, 'usage'), has_schema_privilege('nemo_program',"
                      " oid, 'create'), has_schema_privilege('public', oid, 'usage, create') from pg_namespace"
                      " where nspname = 'jobstatus_nemo'")
        assert admin.fetchone() == (True, False, False)
        admin.execute("select rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
                      " from pg_roles where rolname = %s", (ROLE,))
        assert admin.fetchone() == (False,) * 6

    @pytest.mark.parametrize("column", ["id", "name", "data::text"])
    @pytest.mark.parametrize("view", ROWS)
    def test_a_leaky_function_sees_what_the_view_shows(self, shared, view, column):
        """A function so cheap that the planner would ask it first tells of each row that it is asked about."""
        reader = shared[1]
        reader.execute("create or replace function pg_temp.leak(text) returns boolean language plpgsql"
                       " cost 0.0000001 as $$begin raise notice '%', $1; return true; end$$")
        for scan in ("indexscan", "indexonlyscan", "bitmapscan"):  # by an index, it would not come to the others' rows
            reader.execute("set enable_%s = off" % scan)
        notices = reader.connection.notices = collections.deque()  # a list would keep the last 50
        reader.execute("select count(*) from jobstatus_nemo.%s where pg_temp.leak(%s)" % (view, column))
        assert reader.fetchone() == (ROWS[view],)
        assert len(notices) == ROWS[view] and not any("hidden" in line for line in notices)


TYPES = {"id": "bytea", "workspace": "integer", "entity_type": "bytea", "name": "integer", "parent": "bigint",
         "data": "jsonb", "created_at": "timestamp with time zone", "updated_at": "date"}


def make_entities(cursor, types):
    """The platform's table with columns of these types, None for none."""
    cursor.execute("drop table public.entities; create table public.entities (%s)" % ", ".join(
        "%s %s" % pair for pair in types.items() if pair[1] is not None))


def right_types(cursor):
    cursor.execute("select attname, format_type(atttypid, atttypmod) from pg_attribute"
                   " where attrelid = 'public.entities'::regclass and attnum > 0")
    return dict(cursor.fetchall())


@pytest.fixture(scope="module")
def differing(own):
    """A database whose table is made anew by each test."""
    with made(own) as platform, cursor_of(own, platform) as admin:
        yield platform, admin, right_types(admin)


@pytest.mark.parametrize("kind", ["wrong", "missing"])
@pytest.mark.parametrize("columns", [*([column] for column in TYPES), list(TYPES)], ids=" ".join)
def test_columns_that_differ_are_named(own, differing, columns, kind):
    platform, admin, right = differing
    differ = {name: TYPES[name] if kind == "wrong" else None for name in columns}
    make_entities(admin, {**right, **differ})
    done = run(own, platform, nemo.INSTALL)
    assert done.returncode != 0
    named = {line.split()[0]: line for line in done.stderr.splitlines() if line.split()[0] in right}
    assert set(named) == set(differ), done.stderr
    for name, other in differ.items():
        assert (other or "missing") in named[name] and right[name].partition("(")[0] in named[name], done.stderr
    assert there(admin) == (None, False)


def test_columns_that_later_versions_may_change(own, platform, admin):
    """Another length, and columns that are none of ours."""
    make_entities(admin, {"added": "jsonb", **right_types(admin), "id": "character varying(300)", "db_version": None,
                          "project": "uuid"})
    good(run(own, platform, nemo.INSTALL))
    assert there(admin) == (RELATIONS, True)


def test_not_a_platforms_database(own, platform, admin):
    admin.execute("drop table public.entities")
    done = run(own, platform, nemo.INSTALL)
    assert done.returncode != 0 and "public.entities" in done.stderr
    assert there(admin) == (None, False)
    good(run(own, platform, nemo.REMOVE))


def test_nothing_waits_for_those_who_read_and_write(own, platform, admin):
    """Transactions that have read and written entities stay open, and go on, while the views come and go.

    Had one to wait, it would wait for good: the files give up then and say so.
    """
    with contextlib.ExitStack() as stack:
        writer, reader = (stack.enter_context(contextlib.closing(own.connect(dbname=platform))) for _ in range(2))
        writer.autocommit = reader.autocommit = False
        with writer.cursor() as write, reader.cursor() as read:
            for number, path in enumerate((nemo.INSTALL, nemo.INSTALL, nemo.REMOVE, nemo.INSTALL)):
                write.execute("set local lock_timeout = '1s'; insert into public.entities (id, workspace, entity_type,"
                              " name, data) values (%s, 'default', 'x', %s, '{}')", ("x%d" % number,) * 2)
                write.execute("update public.entities set data = '{}' where entity_type = 'x'")
                write.execute("delete from public.entities where id = 'x0'")
                read.execute("set local lock_timeout = '1s'; select count(*) from public.entities")
                good(run(own, platform, path))
            writer.commit()
    admin.execute("select count(*) from public.entities where entity_type = 'x'")
    assert admin.fetchone() == (3,)


def test_the_program_reads_while_it_comes_and_goes(own, platform, run_program):
    """A read locks the three views one after the other, as the files do: in another order one of them would be lost."""
    good(run(own, platform, nemo.INSTALL))
    program = run_program("--schema=" + nemo.SCHEMA, conninfo=own.conninfo(dbname=platform))
    statuses, over = collections.Counter(), threading.Event()

    def ask():
        with fastcgi.Connection(program.socket) as connection:
            while not over.is_set():
                statuses[connection.ask(fastcgi.job("default", "plain-active")).status] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            good(run(own, platform, nemo.REMOVE))
            good(run(own, platform, nemo.INSTALL))
            before = statuses[200]
            wait_for(lambda: statuses[200] > before, "an answer")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 503}, statuses


def check(cluster, database, *options, user="nemo_program"):
    return subprocess.run([str(postgres.program()), "--check", "--schema=" + nemo.SCHEMA, *options,
                           "--database=" + cluster.conninfo(user, database)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, env=clean_environment())


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_the_programs_check(own, platform, admin, prepare):
    options = ["--prepare=" + prepare]
    done = check(own, platform, *options)
    assert done.returncode == 78 and "schema jobstatus_nemo does not exist: install sql/nemo-platform.sql" in done.stdout, done
    good(run(own, platform, nemo.INSTALL))
    done = check(own, platform, *options)
    assert done.returncode == 78 and "no right to use schema jobstatus_nemo" in done.stdout, done
    admin.execute("grant %s to nemo_program" % ROLE)
    done = check(own, platform, *options)
    assert done.returncode == 0, done
    assert done.stdout == "ok: the database answers, and schema jobstatus_nemo can be read\n"
    assert check(own, platform, "--compat=nemo-platform", "--accept-unknown-status=yes", *options).returncode == 0
    admin.execute("drop view jobstatus_nemo.tasks")
    done = check(own, platform, *options)
    assert done.returncode == 78 and "jobstatus_nemo.tasks is missing" in done.stdout, done


@pytest.mark.parametrize("view", sorted(ROWS))
def test_the_programs_check_of_a_view_without_data(own, platform, admin, view):
    good(run(own, platform, nemo.INSTALL))
    admin.execute("grant %s to nemo_program; alter view jobstatus_nemo.%s rename column data to other" % (ROLE, view))
    done = check(own, platform)
    assert done.returncode == 78 and "jobstatus_nemo.%s." % view in done.stdout and "is missing" in done.stdout, done
