"""Clients that report at once, the model that explains what they got, and one who reads meanwhile."""

import bisect
import contextlib
import json
import random
import threading
import time

import psycopg2

import reporting
import reporting_calls
from reporting_arguments import Refused
from reports import connect, explained, logged, outcome


class Call:
    """One call of a client: when it began and ended, and how."""

    def __init__(self, number, function, arguments):
        self.number, self.function, self.arguments = number, function, arguments
        self.began, self.ended, self.error, self.lost = time.monotonic(), None, None, False
        self.place = self.result = None

    @property
    def key(self):
        return self.arguments["workspace"], self.arguments.get("job", self.arguments.get("name"))

    def __repr__(self):
        return "%d: %s(%s) -> %s %s" % (self.number, self.function, self.arguments, self.place,
                                        self.error and self.error.pgcode)


class Crowd:
    """Clients that call at once, and the model that explains afterwards what they got."""

    def __init__(self, cluster, database, owner, clients=8, guess=None):
        self.cluster, self.database, self.owner, self.clients = cluster, database, owner, clients
        # What the calls are chosen by: a world that is roughly the present one.
        self.guess, self.guessed = guess or {}, threading.Lock()
        self.calls, self.failures, self.sessions, self.stop = [], [], {}, threading.Event()

    def run(self, seed, count, choose, kill=None):
        """COUNT calls by each client; KILL, if given, runs beside them until they are done."""
        threads = [threading.Thread(target=self._client, args=(number, random.Random("%d %d" % (seed, number)), count,
                                                               choose)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        if kill:
            kill(self, threads)
        for thread in threads:
            thread.join()
        assert self.failures == [], self.failures[:3]
        return self

    def _connect(self, number):
        while True:
            with contextlib.suppress(psycopg2.OperationalError):  # a kill may meet it before its first call
                self.sessions[number] = connect(self.cluster, self.database, "reporter")
                return self.sessions[number]

    def _client(self, number, rng, count, choose):
        try:
            connection = self._connect(number)
            for turn in range(count):
                call = Call(number * 1000000 + turn, *choose(rng, self.guess, number))
                self.calls.append(call)
                if not self._make(connection, call):
                    connection = self._connect(number)
            connection.close()
        except Exception as failure:  # shown by run()
            self.failures.append(failure)

    def _make(self, connection, call):
        """Whether the connection is still there."""
        sql, values = logged(call.function, call.arguments)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, [call.number, *values])
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode.startswith("57P"):
                call.lost, call.ended = True, time.monotonic()
                connection.close()
                return False
            call.error = error
        call.ended = time.monotonic()
        self._learn(call)
        return True

    def _learn(self, call):
        with self.guessed:
            if call.error is None:
                with contextlib.suppress(Refused):
                    self.guess = reporting.call(self.guess, call.function, **call.arguments)[0]
            elif call.error.pgcode == "JS001":
                self.guess = {key: job for key, job in self.guess.items() if key != call.key}
            elif call.error.pgcode == "JS003" and call.key not in self.guess:
                self.guess = {**self.guess, call.key: reporting.Job(None, 0, "created")}

    def replay(self, world):
        """Every outcome and the final rows are the model's; gives how many calls did, failed and were lost."""
        self.owner.execute("select call, place, result::text from calls.log")
        log = {number: (place, text) for number, place, text in self.owner.fetchall()}
        for call in self.calls:
            call.place, call.result = log.get(call.number, (None, None))
            assert (call.place is None) == (call.error is not None) or call.lost, call
            if call.error is not None:
                assert call.error.pgcode.startswith("JS"), (call, call.error)
        for key in sorted({call.key for call in self.calls}, key=str):
            mine = [call for call in self.calls if call.key == key]
            world = self._replay_job({key: world[key]} if key in world else {}, mine, world)
        return world

    def _replay_job(self, state, calls, world):
        """The calls of one job, in the order of its lock; the others' worlds do not matter to them."""
        done = sorted((call for call in calls if call.place is not None), key=lambda call: call.place)
        states = [state]
        for call in done:
            try:
                after, result = reporting.call(states[-1], call.function, **call.arguments)
            except Refused as refused:
                raise AssertionError("%r was done, and is %s %s" % (call, refused.code, refused.messages))
            before = states[-1]
            states.append(after)
            if not isinstance(result, int):
                job = before[call.key] if call.function == "delete_job" else after[call.key]
                result = reporting.rows(job)[result[1:]]
            assert outcome(result, call.result) == result, call
        # A call that failed saw a state no older than what had ended before it began, no newer than what had
        # begun before it ended.
        begins = sorted((call.began, index) for index, call in enumerate(done, 1))
        latest, newest = [], 0
        for _, index in begins:
            newest = max(newest, index)
            latest.append(newest)
        ends = sorted((call.ended, index) for index, call in enumerate(done, 1) if not call.lost)
        earliest, oldest = [], 0
        for _, index in ends:
            oldest = max(oldest, index)
            earliest.append(oldest)
        for call in calls:
            if call.error is None:
                continue
            at = bisect.bisect_left(ends, (call.began,))
            low = earliest[at - 1] if at else 0
            at = bisect.bisect_right(begins, (call.ended, len(done)))
            high = latest[at - 1] if at else 0
            assert any(self._refuses(states[index], call) for index in range(low, high + 1)), \
                (call, call.error.diag.message_primary, "states %d to %d" % (low, high))
        return {**{key: job for key, job in world.items() if key not in state}, **states[-1]}

    @staticmethod
    def _refuses(world, call):
        try:
            reporting.call(world, call.function, **call.arguments)
        except Refused as refused:
            # What took a name may be gone before the message is written.
            if refused.code == call.error.pgcode == "JS003":
                return True
            with contextlib.suppress(AssertionError):
                explained(refused, call.error)
                return True
        return False

    def count(self):
        return [sum(1 for call in self.calls if test(call)) for test in (
            lambda call: call.place is not None, lambda call: call.error is not None,
            lambda call: call.lost and call.place is None, lambda call: call.lost and call.place is not None)]


class Watcher(threading.Thread):
    """Reads rows and documents while others write: no revision has two contents, nothing below is younger."""

    def __init__(self, cluster, database, program):
        super().__init__()
        self.cluster, self.database, self.program = cluster, database, program
        self.failures, self.seen, self.served, self.over = [], {}, 0, threading.Event()

    def run(self):
        try:
            with contextlib.closing(connect(self.cluster, self.database)) as connection, \
                    connection.cursor() as cursor:
                while not self.over.is_set():
                    self._rows(cursor)
                    for name in reporting_calls.JOBS:
                        self._document("w", name)
        except Exception as failure:  # shown by finish()
            self.failures.append(failure)

    def _rows(self, cursor):
        cursor.execute("""
            select j.revision, j::text || array(select s::text from jobstatus.steps s where (workspace, job_id, attempt)
                    = (j.workspace, j.id, j.attempt) order by position)::text
                || array(select t::text from jobstatus.tasks t where (workspace, job_id, attempt)
                    = (j.workspace, j.id, j.attempt) order by step_position, position)::text
                from jobstatus.jobs j""")
        for revision, content in cursor.fetchall():
            assert self.seen.setdefault(revision, content) == content, "revision %d has two contents" % revision

    def _document(self, workspace, name):
        answer = self.program.get(workspace, name)
        assert answer.status in (200, 404), answer
        if answer.status == 200:
            self.served += 1
            job = json.loads(answer.body, strict=False)
            for step in job["steps"]:
                below = [moment(one) for one in (step, *step["tasks"])]
                assert moment(job) >= moment(step) >= max(below), answer.body

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def finish(self):
        assert self.failures == [], self.failures
        assert len(self.seen) > 5 and self.served > 5, (len(self.seen), self.served)


def moment(row):
    """updated_at as a text that sorts."""
    stamp, _, fraction = row["updated_at"].rstrip("Z").partition(".")
    return stamp, fraction.ljust(6, "0")
