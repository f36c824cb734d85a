"""Through PgBouncer, as the README says: sessions with prepared statements, transactions without."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading

import psycopg2
import pytest

import postgres
from conftest import DATABASE, wait_for
from fastcgi import Connection, job

WORKSPACE, NAME = "default", "data-import-2024-06-01"


@pytest.fixture
def pooler(cluster, directory):
    """Starts PgBouncer in a pool mode; gives what the program connects with."""
    with contextlib.ExitStack() as stack:
        def start(mode, size):
            place = directory / "pooler"
            place.mkdir()
            if os.geteuid() == 0:
                shutil.chown(place, "postgres")
            (directory / "pgbouncer.ini").write_text(
                "[databases]\n%s = host=%s port=%d user=reader\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\n"
                "listen_port = 6432\nauth_type = any\npool_mode = %s\ndefault_pool_size = %d\nlogfile = %s/log\n"
                % (DATABASE, cluster.socket_dir, cluster.port, place, mode, size, place))
            process = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", str(directory / "pgbouncer.ini")], cwd="/",
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, **postgres.AS_POSTGRES)
            stack.callback(process.wait, 30)
            stack.callback(process.send_signal, signal.SIGTERM)
            wait_for((place / ".s.PGSQL.6432").exists, "PgBouncer")
            return "host=%s port=6432 user=reader dbname=%s" % (place, DATABASE)
        yield start


@pytest.mark.parametrize("prepare, mode, size", [("yes", "session", 4), ("no", "session", 4), ("no", "transaction", 2)])
def test_reads_through_a_pooler(run_program, pooler, jobstatus, admin, prepare, mode, size):
    """Four threads at once, in transactions over fewer sessions than threads."""
    expected = jobstatus.get(WORKSPACE, NAME).stdout
    program = run_program("--threads=4", "--prepare=" + prepare, conninfo=pooler(mode, size))
    wrong = []

    def client():
        try:
            with Connection(program.socket) as connection:
                for _ in range(100):
                    answer = connection.ask(job(WORKSPACE, NAME))
                    if answer.stdout != expected:
                        wrong.append(answer)
                if connection.ask(job(WORKSPACE, "none")).status != 404:
                    wrong.append("no 404")
        except Exception as failure:
            wrong.append(failure)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and program.lines("error") == []
    assert admin("select count(*) from pg_stat_activity where usename = 'reader' and state like 'idle in%'") == [(0,)]


def test_the_deadline_holds_in_a_pooled_transaction(cluster, run_program, pooler, admin):
    """The read brings its statement_timeout along and leaves none behind."""
    conninfo = pooler("transaction", 1)
    program = run_program("--prepare=no", "--timeout=0.3", conninfo=conninfo)
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        connection.cursor().execute("begin; lock table jobstatus.tasks")
        assert program.get(WORKSPACE, NAME).status == 503
        wait_for(lambda: admin("select count(*) from pg_stat_activity where usename = 'reader' "
                               "and state = 'active'") == [(0,)], "the end of the statement", 5)
    wait_for(lambda: program.get(WORKSPACE, NAME).status == 200, "a 200", 5)
    with contextlib.closing(psycopg2.connect(conninfo)) as connection:
        cursor = connection.cursor()
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("0",)
