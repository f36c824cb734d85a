"""Compares the program with a real platform on one database, through its API, its client and a gateway.

    check.py VENV

Started by scripts/check-nemo.sh. Exit status 1 when anything differs."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time

import backends
import conftest
import expect
import fastcgi
import gateway
import jobs
import load
import postgres
from server import Platform

DATABASE = "nemo"
SQL = postgres.TOP / "sql"
WORKSPACES = "alpha", "b2.beta-@+_" + "x" * 52
POISONED = "poisoned"
COMPAT = {"plain": "none", "compat": "nemo-platform"}


class Program(backends.OwnSocket):
    """The program on the platform's database, as the documents tell."""

    def __init__(self, directory, cluster, compat):
        directory.mkdir()
        directory.chmod(0o755)
        super().__init__(directory, {"JOBSTATUS_DATABASE": cluster.conninfo("reader", DATABASE),
                                     "JOBSTATUS_SCHEMA": "jobstatus_nemo", "JOBSTATUS_COMPAT": compat})

    def get(self, workspace, name):
        answer = fastcgi.get(self.socket, workspace, name)
        return answer.status, json.loads(answer.body)


def schema(cluster, *options):
    """The definitions of the database as pg_dump has them; newer ones put a word of chance around."""
    text = subprocess.run(["pg_dump", "--schema-only", *options, cluster.conninfo(dbname=DATABASE)], check=True,
                          capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def theirs(platform, workspace, name):
    answer = expect.ask(platform.url + gateway.status_path(workspace, name))
    return answer.status_code, answer.json()


@contextlib.contextmanager
def told():
    """A command that fails is told with what it said."""
    try:
        yield
    except subprocess.CalledProcessError as failure:
        print(failure.stderr or "", file=sys.stderr)
        raise


class Check:
    def __init__(self, stack, venv):
        self.stack, self.checks = stack, expect.Checks()
        self.cluster = postgres.Cluster(tcp=True)
        stack.callback(self.cluster.remove)
        self.cluster.start()
        self.cluster.createdb(DATABASE)
        self.directory = stack.enter_context(conftest.scratch())
        self.platform = Platform(venv, self.directory,
                                 "postgresql://postgres@127.0.0.1:%d/%s" % (self.cluster.port, DATABASE))
        stack.callback(self.platform.stop)
        self.platform.start()
        self.connection = stack.enter_context(contextlib.closing(self.cluster.connect(dbname=DATABASE)))

    def execute(self, statement, values=None):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

    def make(self):
        self.makers = jobs.make(self.platform, WORKSPACES)
        self.many = jobs.many_tasks(self.makers[1], self.execute, expect.CUT + 1)
        self.poisoned = jobs.poison(self.platform, POISONED, self.execute)
        print("%d writes through the API" % self.platform.writes)

    def install(self):
        self.before = schema(self.cluster)
        self.tables = schema(self.cluster, "--schema=public")
        for _ in range(2):  # again it is harmless
            self.cluster.psql_file(SQL / "nemo-platform.sql", dbname=DATABASE)
        self.checks.equal("the platform's tables beside the views", sorted(self.tables),
                          sorted(schema(self.cluster, "--schema=public")))
        self.cluster.psql("create role reader login in role jobstatus_nemo_reader", dbname=DATABASE)
        self.programs = {name: Program(self.directory / name, self.cluster, compat) for name, compat in COMPAT.items()}
        for program in self.programs.values():
            self.stack.callback(program.stop)
            program.start()

    def compare(self):
        """Every job of the two workspaces, with the switch and without."""
        found = self.execute("select workspace, name from entities where entity_type = 'platform_job' "
                             "and workspace in %s order by created_at", (WORKSPACES,))
        statuses = set()
        for workspace, name in found:
            status, document = theirs(self.platform, workspace, name)
            self.checks.equal("the platform's answer to %s/%s" % (workspace, name), 200, status)
            statuses.add(document["status"])
            self.document(workspace, name, document)
        self.checks.equal("statuses of the jobs", sorted(jobs.STATUSES), sorted(statuses))
        for workspace, name in ((WORKSPACES[0], "no-such-job"), ("no-such-place", "is-active"),
                                (WORKSPACES[0], "IS-ACTIVE"), (WORKSPACES[0].upper(), "is-active")):
            self.checks.equal("%s/%s with the switch" % (workspace, name), list(theirs(self.platform, workspace, name)),
                              list(self.programs["compat"].get(workspace, name)))
            self.checks.equal("%s/%s" % (workspace, name), [404, {"detail": "Job not found"}],
                              list(self.programs["plain"].get(workspace, name)))
        print("%d jobs, %d statuses" % (len(found), len(statuses)))

    def document(self, workspace, name, document):
        what = "%s/%s" % (workspace, name)
        compat, with_switch = self.programs["compat"].get(workspace, name)
        plain, without = self.programs["plain"].get(workspace, name)
        self.checks.equal("%s: statuses of the answers" % what, [200, 200], [compat, plain])
        if name == self.many.name:
            tasks = [answer["steps"][0]["tasks"] for answer in (document, with_switch, without)]
            self.checks.equal("%s: tasks" % what, [expect.CUT, expect.CUT + 1, expect.CUT + 1], list(map(len, tasks)))
            document["steps"][0]["tasks"].append(tasks[1][-1])  # the oldest, which the platform leaves out
            self.checks.equal("%s: the oldest task" % what, "task-0", tasks[1][-1]["name"])
        self.checks.equal("%s with the switch" % what, document, with_switch)
        self.checks.equal("%s in the contract's form" % what, expect.contract(document), without)

    def compare_poisoned(self):
        for name, document in self.poisoned.items():
            self.document(POISONED, name, document)
            self.checks.equal("the platform's own answer to %s/%s" % (POISONED, name), 500,
                              theirs(self.platform, POISONED, name)[0])
        # A workspace that is marked for deletion is still answered.
        self.platform.call("DELETE", "entities", "v2", "workspaces", WORKSPACES[1])
        for name in "odd-1", "again-error":
            self.document(WORKSPACES[1], name, theirs(self.platform, WORKSPACES[1], name)[1])

    def gateway(self, name, program, back=False):
        front = gateway.Gateway(self.directory / ("gateway-" + name), program.socket, self.platform, back)
        self.stack.callback(front.stop)
        return front.start()

    def through_gateway(self):
        self.gateways = {}
        for mode, program in self.programs.items():
            front = self.gateways[mode] = self.gateway(mode, program)
            gateway.check_routes(self.checks, front, self.platform, WORKSPACES[0], "is-active")
            gateway.Client(self.platform, front).check(self.checks, self.makers[0], mode)

    def measure(self, seconds):
        maker = jobs.Maker(self.platform, "measured")
        made = load.job(maker)
        self.document(maker.workspace, made.name, theirs(self.platform, maker.workspace, made.name)[1])
        path = gateway.status_path(maker.workspace, made.name)
        back = self.gateway("back", self.programs["plain"], back=True)
        for line in load.compare(self.execute, maker, made, back.url + path, self.gateways["plain"].url + path,
                                 seconds):
            print(line, flush=True)

    def remove(self):
        """The way of an upgrade: away, and there again; and away for good."""
        plain = self.programs["plain"]
        self.cluster.psql_file(SQL / "nemo-platform-remove.sql", dbname=DATABASE)
        self.checks.equal("the database without the views", self.before, schema(self.cluster))
        self.checks.equal("the status without the views", 503, plain.get(WORKSPACES[0], "is-active")[0])
        self.checks.equal("the platform without the views", 200, theirs(self.platform, WORKSPACES[0], "is-active")[0])
        self.makers[0].create("after").way("active completed")
        self.cluster.psql_file(SQL / "nemo-platform.sql", dbname=DATABASE)
        self.cluster.psql("grant jobstatus_nemo_reader to reader")  # which the role's removal took from it
        conftest.wait_for(lambda: plain.get(WORKSPACES[0], "after")[0] == 200, "the program to answer again")
        self.document(WORKSPACES[0], "after", theirs(self.platform, WORKSPACES[0], "after")[1])
        self.cluster.psql_file(SQL / "nemo-platform-remove.sql", dbname=DATABASE)
        self.checks.equal("the database after all", self.before, schema(self.cluster))


def main():
    # Leave by way of the stack, whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()

    def say(what):
        print("== %s (after %d s)" % (what, time.monotonic() - began), flush=True)

    with contextlib.ExitStack() as stack:
        stack.enter_context(told())
        say("the platform")
        check = Check(stack, pathlib.Path(sys.argv[1]))
        say("jobs")
        check.make()
        check.install()
        say("every job, with --compat=nemo-platform and without")
        check.compare()
        say("documents that the platform cannot read any more")
        check.compare_poisoned()
        say("the gateway, and the platform's client through it")
        check.through_gateway()
        say("load: %d clients, one job of 3 steps of 3 tasks" % load.CLIENTS)
        check.measure((20, 10))
        say("removal")
        check.remove()
        say("end")
        checks = check.checks
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
