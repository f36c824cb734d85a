"""Jobs made through the platform's own API: every status by the ways it allows, controls, attempts, odd values.

A job's way is a list of words: a status, given to the current step; a control, asked of the job; or `rerun`.
"""

import json
import random

STATUSES = {  # how a job of one step gets there
    "created": "",
    "pending": "pending",
    "active": "pending active",
    "completed": "pending active completed",
    "error": "active error",
    "cancelling": "active cancel",
    "cancelled": "active cancel cancelled",
    "pausing": "pending active pause",
    "paused": "active pause paused",
    "resuming": "active pause paused resume",
}
CONTROLS = "cancel", "pause", "resume"
TERMINAL = "completed", "error", "cancelled"

# Objects as JSON text: a number's text says more than Python's value.
ODD = (
    '{"progress": "45%", "percentage_done": 12.5, "epoch": 3, "max_steps": null}',
    '{"n": %s, "least": -9223372036854775809, "neg": -0.0, "big": 1e300, "small": 5e-324, "one": 1.0, "two": 2,'
    ' "t": true, "f": false, "z": null}' % ("1234567890" * 4),
    '{"deep": %s1%s, "objects": %s{}%s}' % ("[" * 60, "]" * 60, '{"a": ' * 60, "}" * 60),
    '{"text": "\\u00e9\\u6f22\\u5b57\\ud83d\\ude42\\u2028\\"\\\\/\\b\\f\\n\\r\\t\\u007f\\u001f\\uffff", "": "empty",'
    ' "a.b": 1, "$.a": 2, "a b": 3, "A": 4, "a": 5, "\\u00e4": 6, "a\\"b": 7}',
    '{"no": "\\\\u0000", "nor": "\\\\ud800", "\\\\u0000": "\\\\\\\\u0000"}',
    '{"status": "inner", "status_details": {"status": "deeper"}, "error_details": null, "error_stack": ["x"]}',
    '{"long": "%s", "many": %s}' % ("x" * 50000, json.dumps(list(range(2000)))),
    '{"empty": {}, "none": [], "nulls": [null, {"null": null}]}',
)
STACK = 'Traceback (most recent call last):\n  File "a.py", line 1\n\tx = "\\u0000"\nValueError: \u6f22 \U0001f642\n'
# The platform accepts these, and from then on answers no status of the workspace.
NUL = '{"a": "x\\u0000y", "\\u0000": {"\\u0000\\u0000": ["\\u0000"]}, "text": "\\\\u0000"}'
# It refuses these itself; another program that writes to its tables need not.
LONE = '{"a": "x\\ud800", "\\udc00": ["\\udc00\\ud800"], "text": "\\\\ud800"}'

LONGEST = "n2-.@+_" + "x" * 44  # 63 characters as "job-fileset-" and this name


def update(status, **members):
    """The body of an update, from members that are JSON text."""
    return "{%s}" % ", ".join('"%s": %s' % pair for pair in dict(members, status=json.dumps(status)).items())


class Maker:
    def __init__(self, platform, workspace):
        self.platform, self.workspace = platform, workspace
        platform.call("POST", "entities", "v2", "workspaces", body={"name": workspace}, expect=(201, 409))

    def call(self, method, *segments, **keywords):
        return self.platform.call(method, "jobs", "v2", "workspaces", self.workspace, "jobs", *segments, **keywords)

    def create(self, name, steps=("step-one",), **more):
        steps = [{"name": step, "executor": {"provider": "subprocess", "command": ["true"]}} for step in steps]
        return Job(self, self.call("POST", body=dict(more, name=name, source="check", spec=more.get("spec", {}),
                                                     platform_spec={"steps": steps})).json())


class Job:
    def __init__(self, maker, created):
        self.maker, self.name, self.id = maker, created["name"], created["id"]
        self.steps = [step["name"] for step in created["platform_spec"]["steps"]]
        self.at = 0

    @property
    def step(self):
        return self.steps[self.at]

    def call(self, method, *segments, **keywords):
        return self.maker.call(method, self.name, *segments, **keywords)

    def way(self, words, **details):
        for word in words.split():
            if word in CONTROLS:
                self.call("POST", word, expect=(200, 409))  # a control that does not fit is part of it
            elif word == "rerun":
                self.rerun()
            else:
                self.status(word, **details)
        return self

    def status(self, status, **details):
        answer = self.call("PATCH", "steps", self.step, "status", body=update(status, **details))
        if status == "completed" and self.at + 1 < len(self.steps):
            self.at += 1
        return answer.json()

    def task(self, name, status, **details):
        return self.call("PUT", "steps", self.step, "tasks", name, body=update(status, **details)).json()

    def entities(self, method, *segments, **keywords):
        return self.maker.platform.call(method, "entities", "v2", "workspaces", self.maker.workspace, "entities",
                                        *segments, **keywords).json()

    def rerun(self):
        """Another attempt. The package has a route for it and leaves it out: these are the writes that it would do."""
        row = self.entities("GET", "platform_job", self.name)
        old = self.maker.platform.call("GET", "entities", "v2", "entities", row["data"]["current_attempt_id"]).json()
        data = dict(old["data"], seq=old["data"]["seq"] + 1, status="created", status_details={}, error_details=None)
        new = self.entities("POST", "platform_job_attempt",
                            body={"name": "att-%s-%d" % (row["id"][-8:].lower(), data["seq"]), "parent": row["id"],
                                  "data": data})
        self.entities("PUT", "platform_job", self.name, body={"data": dict(row["data"], current_attempt_id=new["id"])})
        self.at = 0
        self.entities("POST", "platform_job_step", body={
            "name": self.step, "parent": new["id"],
            "data": {"attempt_id": new["id"], "config": {"_step_spec_name": self.step}, "status": "created",
                     "status_details": {}, "error_details": None}})


def make(platform, workspaces):
    """All jobs of the comparison, about 90."""
    first, second = (Maker(platform, workspace) for workspace in workspaces)
    for status, way in STATUSES.items():
        first.create("is-" + status).way(way)
        for control in CONTROLS:
            first.create("%s-%s" % (control, status)).way(way).way(control)
    for status, way in STATUSES.items():  # with several steps, tasks and details
        job = second.create("full-" + status, ("fetch", "train", "test")).way("active")
        for name, details in zip("abc", ODD):
            job.task("task-" + name, "active", status_details=details)
        job.task("task-a", "completed", status_details='{"percentage_done": 100}')
        job.task("task-b", "error", error_details=ODD[1], error_stack=json.dumps(STACK))
        job.way("completed").task("only", "pending")
        job.way(way, status_details=ODD[0], error_details='{"message": "no more room", "code": null}')
    for status in TERMINAL:  # several attempts
        job = second.create("again-" + status, ("fetch", "train"))
        job.way("active completed").task("first", "completed", status_details='{"attempt": 0}')
        job.way(STATUSES[status], error_details='{"attempt": 0}').way("rerun")
        job.way("active", status_details='{"attempt": 1}').task("second", "active")
        if status == "error":
            job.way("error rerun active completed").task("third", "active", status_details='{"attempt": 2}')
    for number, details in enumerate(ODD):
        job = second.create("odd-%d" % number, spec=json.loads(details))
        job.way("active", status_details=details)
        job.task("odd", "error", status_details=ODD[number - 1], error_details=details, error_stack=json.dumps(details))
        job.call("PATCH", "status-details", body=details)
        job.way("error", error_details=details)
    job = second.create("empty", spec={"status": "x"})  # what is empty is as if it were absent
    job.status("active", status_details="{}", error_details="null")
    job.task("empty", "active", status_details="null", error_details="{}", error_stack='""')
    for name in "j0", LONGEST, "is-created":
        first_or = second if name == "is-created" else first
        job = first_or.create(name, ("s0", "s" * 63))
        job.way("active completed")
        for task in "t0", "t2-.@+_x", "t" * 63:
            job.task(task, "active")
    wander(second, 12)
    return first, second


def wander(maker, count):
    """Jobs that go any way the platform allows, the same in every run."""
    choose = random.Random(5)
    for number in range(count):
        job = maker.create("any-%d" % number, ["step-%d" % step for step in range(choose.randint(1, 5))])
        for _ in range(choose.randint(2, 9)):
            act = choose.choice(("step", "step", "task", "task", "task", "control"))
            details = choose.choice(ODD)
            if act == "control":
                job.way(choose.choice(CONTROLS))
            elif act == "task":
                job.task(choose.choice("abcd") * 2, choose.choice(list(STATUSES)), status_details=details,
                         error_details=choose.choice(ODD + ("null",)))
            else:
                body = update(choose.choice(("active", "completed", "paused", "error")), status_details=details)
                answer = job.call("PATCH", "steps", job.step, "status", body=body, expect=(200, 409))
                if answer.status_code == 200 and answer.json()["status"] == "completed":
                    job.at = min(job.at + 1, len(job.steps) - 1)


def many_tasks(maker, execute, count):
    """A job of COUNT tasks: one made through the API, and copies of its row, each later than the one before."""
    job = maker.create("many-tasks").way("active")
    job.task("task-0", "active", status_details=ODD[0])
    execute("""
        insert into entities (id, workspace, entity_type, name, parent, project, data, created_at, created_by,
                              updated_at, updated_by, db_version)
            select 'platform-job-task-copy' || i, workspace, entity_type, 'task-' || i, parent, project, data,
                   created_at + i * interval '1 ms', created_by, updated_at, updated_by, db_version
            from entities, generate_series(1, %s) i
            where workspace = %s and entity_type = 'platform_job_task' and name = 'task-0'
                and parent in (select id from entities where name = 'step-one' and parent in (
                    select id from entities where parent = %s))""", (count - 1, maker.workspace, job.id))
    return job


def poison(platform, workspace, execute):
    """Jobs with what PostgreSQL's json operators refuse, and the platform's own answer to each as it would be.

    That is taken from its status before, and from what it answered to the writes after: it gives none any more."""
    maker = Maker(platform, workspace)
    expected = {}
    for name in "plain", "details", "stack", "step", "job", "lone":
        job = maker.create(name).way("active", status_details=ODD[0])
        job.task("before", "active", status_details='{"x": 1}', error_details='{"y": 2}')
        expected[name] = [job, job.call("GET", "status").json()]

    def task_of(name, **details):
        job, document = expected[name]
        written = job.task("poisoned", "active", **details)
        members = list(document["steps"][0]["tasks"][0])
        document["steps"][0]["tasks"].insert(0, {member: written[member] for member in members})
    task_of("details", error_details=NUL)
    task_of("stack", error_stack=json.dumps("a\0b\n\\u0000"))
    job, document = expected["step"]
    written = job.status("active", error_details=NUL)
    document["steps"][0].update({member: written[member] for member in ("error_details", "updated_at")})
    job, document = expected["job"]
    job.call("PATCH", "status-details", body=NUL)
    document["status_details"].update(json.loads(NUL))
    # The job's own row, and with it the attempt's.
    job = maker.create("spec", spec=json.loads(NUL))
    rows = execute("select s.id, s.created_at, s.updated_at, j.created_at, j.updated_at from entities j "
                   "join entities a on a.parent = j.id join entities s on s.parent = a.id where j.id = %s", (job.id,))
    step, *times = rows[0]
    times = [time.isoformat() for time in times]
    expected["spec"] = [job, dict(
        id=job.id, name="spec", status="created", status_details={}, error_details=None, created_at=times[2],
        updated_at=times[3], steps=[dict(id=step, name="step-one", status="created", status_details={},
                                         error_details={}, tasks=[], created_at=times[0], updated_at=times[1])])]
    # What no JSON of the API can say.
    job, document = expected["lone"]
    execute("update entities set data = replace(data::text, '{\"x\": 1}', %s)::json where id = %s",
            (LONE, document["steps"][0]["tasks"][0]["id"]))
    document["steps"][0]["tasks"][0]["status_details"] = json.loads(LONE)
    return {name: document for name, (_, document) in expected.items()}
