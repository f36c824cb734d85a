"""What may happen to the database."""

import contextlib
import time
import types

import psycopg2

import postgres
from conftest import DATABASE, wait_for
from load import RIGHT, UNAVAILABLE, Path, Scene, execute, fill
from rows import row

TIMEOUT = 1


def in_time(answers):
    """The longest of them, which must have come within the deadline and half a second."""
    longest = max(took for _, took, _ in answers)
    assert longest < TIMEOUT + 0.5, "an answer took %.2f s" % longest
    return longest


@row("PostgreSQL restarted, {mode}, {times} times", quick=1, full=20, mode=["fast", "immediate"])
def restarts(cluster, directory, times, mode):
    recoveries = []
    with Scene(directory, cluster, "--timeout=%d" % TIMEOUT) as scene, scene.steady() as load:
        for _ in range(times):
            cluster.stop(mode)
            time.sleep(1.5)
            cluster.start()
            recoveries.append(load.recovery(time.monotonic()))
            time.sleep(0.5)
        longest = in_time(load.answers)
    load.only(RIGHT, UNAVAILABLE)
    assert UNAVAILABLE in load.kinds(), "nothing happened"
    assert max(recoveries) < 1, "%.2f s to the first 200" % max(recoveries)
    return "%(right)d right, %(unavailable)d 503" % load.kinds() + "; first 200 after %.2f s; longest answer %.2f s" % (
        max(recoveries), longest)


@contextlib.contextmanager
def frozen(cluster, _):
    cluster.freeze()
    yield
    cluster.thaw()


@contextlib.contextmanager
def swallowed(_, path):
    path.through.clear()
    yield
    path.through.set()


@row("{way} for {times} s", quick=3, full=30, way=["PostgreSQL frozen", "the path to it swallows everything"])
def hangs(cluster, directory, times, way):
    path = Path(directory, cluster)
    try:
        with Scene(directory, cluster, "--timeout=%d" % TIMEOUT, path=path) as scene, scene.steady() as load:
            before = scene.cpu()
            with (frozen if way.endswith("frozen") else swallowed)(cluster, path):
                time.sleep(times)
                spent = (scene.cpu() - before) / times
                over = time.monotonic()
            recovery = load.recovery(over)
            time.sleep(0.5)
            longest = in_time(load.answers)
    finally:
        cluster.thaw()
        path.close()
    load.only(RIGHT, UNAVAILABLE)
    assert load.kinds()[UNAVAILABLE] > 0 and recovery < 1, recovery
    return "longest answer %.2f s with a deadline of %d s; first 200 after %.2f s; %.0f %% of a processor meanwhile" % (
        longest, TIMEOUT, recovery, 100 * spent)


def sessions(cluster):
    return int(cluster.psql("select count(*) from pg_stat_activity where usename = 'reader'"))


def written(cluster):
    return execute(cluster, "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables")[0][0]


@row("the primary {way} for {times} s, a standby named behind it", quick=3, full=30, way=["gone", "frozen"])
def standby(cluster, directory, times, way):
    before = written(cluster)
    with postgres.Standby(cluster) as follower:
        wait_for(follower.has_all, "the standby")
        pair = types.SimpleNamespace(conninfo=follower.conninfo_after)
        with Scene(directory, cluster, path=pair) as scene, scene.steady() as load:
            began = time.monotonic()
            try:
                (cluster.stop if way == "gone" else cluster.freeze)()
                wait_for(lambda: sessions(follower), "reads from the standby")
                away = time.monotonic() - began + load.recovery(time.monotonic())
                time.sleep(times)
            finally:
                cluster.thaw() if way == "frozen" else cluster.start()
            over = time.monotonic()
            wait_for(lambda: sessions(cluster) and not sessions(follower), "reads from the primary")
            back = time.monotonic() - over
            time.sleep(0.5)
        longest = max(took for _, took, _ in load.answers)
    load.only(RIGHT)
    assert away < 3 and longest < 3, (away, longest)
    assert written(cluster) == before
    return "%d answers, all right; from the standby after %.2f s, from the primary again after %.2f s; longest %.2f s" % (
        len(load.answers), away, back, longest)


@row("all sessions terminated every 100 ms for {times} s", quick=5, full=60)
def terminated(cluster, directory, times):
    ended = 0
    with Scene(directory, cluster) as scene, scene.steady() as load:
        end = time.monotonic() + times
        with contextlib.closing(cluster.connect(dbname=DATABASE)) as admin, admin.cursor() as cursor:
            while time.monotonic() < end:
                cursor.execute("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'reader'")
                ended += cursor.fetchone()[0]
                time.sleep(0.1)
    load.only(RIGHT)
    assert ended > times
    return "%d sessions ended, %d answers, all right" % (ended, len(load.answers))


@row("max_connections used up for {times} s", quick=3, full=30)
def used_up(_, directory, times):
    with postgres.Cluster(settings=["max_connections=20"]) as small:
        fill(small)
        with Scene(directory, small, "--timeout=%d" % TIMEOUT) as scene, scene.steady() as load:
            taken = []
            deadline = time.monotonic() + 10
            with contextlib.closing(small.connect(dbname=DATABASE)) as admin, admin.cursor() as cursor:
                while load.answers[-1][2] == RIGHT and time.monotonic() < deadline:
                    with contextlib.suppress(psycopg2.OperationalError):
                        while True:
                            taken.append(small.connect(dbname=DATABASE))
                    cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'")
            began, before = time.monotonic(), scene.cpu()
            time.sleep(times)
            spent, kinds = (scene.cpu() - before) / times, {what for _, _, what in load.since(began + 0.5)}
            for connection in taken:
                connection.close()
            recovery = load.recovery(time.monotonic())
            longest = in_time(load.answers)
    load.only(RIGHT, UNAVAILABLE)
    assert kinds == {UNAVAILABLE} and recovery < 1 and spent < 0.3, (kinds, recovery, spent)
    return "503; first 200 after %.2f s; longest answer %.2f s; %.0f %% of a processor" % (
        recovery, longest, 100 * spent)


CHANGES = [
    "alter table jobstatus.jobs add column more{} text",
    "alter table jobstatus.tasks add column more{} integer default 1",
    "alter table jobstatus.jobs drop column more{}",
    "alter table jobstatus.tasks drop column more{}",
    "create index more{} on jobstatus.tasks (name)",
    "analyze jobstatus.jobs, jobstatus.steps, jobstatus.tasks",
    "drop index jobstatus.more{}",
]


@row("the schema changed under it, {times} times", quick=2, full=100)
def changed(cluster, directory, times):
    function = execute(cluster, "select pg_get_functiondef('jobstatus.is_name'::regproc)")[0][0]
    changes = [*CHANGES, function]  # replaced by itself, as an upgrade does
    with Scene(directory, cluster) as scene, scene.steady() as load:
        for number in range(times):
            for change in changes:
                execute(cluster, change.replace("{}", str(number)) if change != function else change)
                time.sleep(0.05)
    load.only(RIGHT)
    return "%d changes, %d answers, all right" % (times * len(changes), len(load.answers))
