"""One read is one snapshot; a large job comes whole, soon and in little memory."""

import contextlib
import json
import threading
import time

import pytest

import oracle
from conftest import DATABASE, sanitized
from fastcgi import Connection, job

TASKS = 100000


@pytest.fixture
def flipping(admin):
    admin("""insert into jobstatus.jobs (workspace, name, id, status) values ('flip', 'j', 'i', 'active');
        insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status)
            select 'flip', 'i', 0, s, 's' || s, 's' || s, 'active' from generate_series(1, 3) s;
        insert into jobstatus.tasks (workspace, job_id, attempt, step_position, position, id, name, status)
            select 'flip', 'i', 0, s, t, 't' || s || '.' || t, 't' || t, 'active'
            from generate_series(1, 3) s, generate_series(1, 4) t""")
    yield
    admin("delete from jobstatus.jobs where workspace = 'flip'")


@pytest.mark.parametrize("prepare", ["yes", "no"])
def test_never_half_flipped(cluster, run_program, flipping, prepare):
    """Thousands of reads while job, steps and tasks change their status in one transaction."""
    program = run_program("--prepare=" + prepare)
    reads, stop, wrong, seen, lock = 2500, threading.Event(), [], {}, threading.Lock()
    done = [0] * 4

    def reader(number):
        try:
            with Connection(program.socket) as connection:
                while not stop.is_set() and not wrong:
                    answer = connection.ask(job("flip", "j"))
                    value = json.loads(answer.body)
                    found = {value["status"]}
                    for step in value["steps"]:
                        found |= {step["status"]} | {task["status"] for task in step["tasks"]}
                    if answer.status != 200 or len(found) != 1 or len(value["steps"]) != 3 \
                            or [len(step["tasks"]) for step in value["steps"]] != [4, 4, 4]:
                        wrong.append((answer.status, answer.body))
                    with lock:
                        status = value["status"]
                        seen[status] = seen.get(status, 0) + 1
                    done[number] += 1
        except Exception as failure:
            wrong.append(failure)

    def flips():
        with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
            count = 0
            while not stop.is_set():
                count += 1
                status = "paused" if count % 2 else "active"
                with connection, connection.cursor() as cursor:
                    cursor.execute("select 1 from jobstatus.jobs where workspace = 'flip' for update")
                    cursor.execute("update jobstatus.jobs set status = %s where workspace = 'flip'", (status,))
                    cursor.execute("update jobstatus.steps set status = %s where workspace = 'flip'", (status,))
                    cursor.execute("update jobstatus.tasks set status = %s where workspace = 'flip'", (status,))
            return count

    threads = [threading.Thread(target=reader, args=(number,)) for number in range(4)]
    counts = []
    threads.append(threading.Thread(target=lambda: counts.append(flips())))
    for thread in threads:
        thread.start()
    try:
        end, least = time.monotonic() + 60, time.monotonic() + 2.5
        while time.monotonic() < end and not wrong and threads[-1].is_alive():
            if sum(done) >= reads and time.monotonic() > least:
                break
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:3]
    assert sum(done) >= reads and min(done) > 0
    assert counts and counts[0] > 50
    assert min(seen.get(status, 0) for status in ("active", "paused")) > reads / 20


@pytest.fixture(scope="module")
def large(cluster):
    """A job of 100,000 tasks in ten steps."""
    with contextlib.closing(cluster.connect(dbname=DATABASE)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("""
                insert into jobstatus.jobs (workspace, name, id, status) values ('large', 'j', 'i', 'active');
                insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status)
                    select 'large', 'i', 0, s, 's' || s, 's' || s, 'active' from generate_series(0, 9) s;
                insert into jobstatus.tasks (workspace, job_id, attempt, step_position, position, id, name, status,
                        status_details)
                    select 'large', 'i', 0, n / %(step)s, n %% %(step)s, 'task-' || n, 'name-' || n, 'completed',
                        json_build_object('n', n)
                    from generate_series(0, %(all)s - 1) n""", {"all": TASKS, "step": TASKS // 10})
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("analyze jobstatus.jobs, jobstatus.steps, jobstatus.tasks")
        yield connection
        with connection.cursor() as cursor:
            cursor.execute("delete from jobstatus.jobs where workspace = 'large'")


@pytest.mark.alone
def test_a_large_job_whole(run_program, large, contract):
    """Equal to the oracle's; within a second, best of three."""
    program = run_program("--timeout=30")
    took = []
    for _ in range(3):
        began = time.monotonic()
        answer = program.get("large", "j")
        took.append(time.monotonic() - began)
        assert answer.status == 200 and answer.header("Content-Length") == str(len(answer.body))
    expected = oracle.document(large, "large", "j")
    assert oracle.difference(expected, oracle.parse(answer.body)) is None
    assert sum(len(step["tasks"]) for step in json.loads(answer.body)["steps"]) == TASKS
    if not sanitized():
        assert min(took) < 1.0, took


def test_a_large_job_in_little_memory(run_program, large):
    """Peak memory stays within 16 MB of the idle process, four large reads at a time included."""
    program = run_program("--timeout=60", "--threads=4")
    idle = program.memory("VmRSS"), program.memory("RssAnon")
    peak, stop = [0], threading.Event()

    def watch():
        while not stop.wait(0.002):
            peak[0] = max(peak[0], program.memory("RssAnon"))

    def reader(statuses):
        statuses.append(program.get("large", "j").status)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        statuses = []
        readers = [threading.Thread(target=reader, args=(statuses,)) for _ in range(4)]
        for _ in range(2):
            assert program.get("large", "j").status == 200
        single = program.memory("VmHWM")
        for thread in readers:
            thread.start()
        for thread in readers:
            thread.join()
        assert statuses == [200] * 4
    finally:
        stop.set()
        watcher.join()
    assert peak[0] > 0
    if not sanitized():
        assert single - idle[0] < 16 << 20, (single, idle)
        assert peak[0] - idle[1] < 16 << 20, (peak, idle)


def test_head_of_a_large_job(run_program, large):
    program = run_program("--timeout=30")
    head = program.get("large", "j", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.header("Content-Length")) > TASKS * 100
