"""A model of the reporting functions in plain Python: what a call answers and what it leaves behind.

It knows no database. A world is a dict of (workspace, name) to Job; a call makes another world of it or is
refused, and never changes the one it got.
"""

import typing

from reporting_arguments import (DEFAULTS, FUNCTIONS, TERMINAL, TRANSITIONS, Refused, judge, members, merge,
                                 replace, shown)


class Task(typing.NamedTuple):
    position: int
    name: str
    status: str
    status_details: tuple = ()
    error_details: tuple = ()
    error_stack: typing.Optional[str] = None


class Step(typing.NamedTuple):
    attempt: int
    position: int
    name: str
    status: str
    declared: bool = True
    status_details: tuple = ()
    error_details: tuple = ()
    tasks: tuple = ()


class Job(typing.NamedTuple):
    id: typing.Optional[str]  # None: one that the function made
    attempt: int
    status: str
    status_details: tuple = ()
    error_details: tuple = ()
    steps: tuple = ()  # of all attempts, in the order of attempt and position

    def current(self):
        return [step for step in self.steps if step.attempt == self.attempt]

    def step(self, name):
        return next((step for step in self.current() if step.name == name), None)

    def with_step(self, step):
        """The job with a step in its place."""
        places = {(other.attempt, other.position): other for other in self.steps}
        places[step.attempt, step.position] = step
        return self._replace(steps=tuple(places[place] for place in sorted(places)))


# Rules -------------------------------------------------------------------------------------------------

def _illegal(*pairs, also=()):
    return Refused("JS004", *((*pair, *also) for pair in pairs))


def _change(row, status, also=()):
    """A step or task in another status, by the table."""
    if status is None or status == row.status:
        return row
    if status not in TRANSITIONS[row.status]:
        raise _illegal((row.status, status), also=also)
    return row._replace(status=status)


def _job_becomes(job, status, **more):
    """The job in another status, by the table; when it ends, what did not begin is cancelled."""
    if status == job.status:
        return job
    if status not in TRANSITIONS[job.status]:
        raise _illegal((job.status, status))
    return _end(job._replace(status=status, **more))


def _end(job):
    if job.status not in TERMINAL:
        return job
    return job._replace(steps=tuple(
        step._replace(status="cancelled") if step.attempt == job.attempt and step.status == "created" else step
        for step in job.steps))


def _details(row, status_details, error_details):
    return row._replace(
        status_details=merge(row.status_details, members(status_details or "{}")),
        error_details=replace(row.error_details, members(error_details or "{}")))


def _derive(job, step):
    """The job after a step of it has come or changed its status."""
    current = job.current()
    if step.status == "pending":
        return _job_becomes(job, "pending") if step.position == current[0].position else job
    if step.status == "completed":
        declared = [other.position for other in current if other.declared]
        if declared and step.position == declared[-1] and all(other.status == "completed" for other in current):
            return _job_becomes(job, "completed")
        return job
    if step.status == "created":
        return job
    more = {"error_details": step.error_details} if step.status == "error" else {}
    return _job_becomes(job, step.status, **more)


def create_job(world, workspace, name, steps, id):
    if (workspace, name) in world:
        raise Refused("JS003", (shown(name),))
    if id is not None and any(key[0] == workspace and job.id == id for key, job in world.items()):
        raise Refused("JS003", (shown(id),))
    job = Job(id, 0, "created", steps=tuple(
        Step(0, position, step, "created") for position, step in enumerate(steps)))
    return {**world, (workspace, name): job}, ("jobs",)


def report_step(job, step, status, status_details, error_details):
    old = job.step(step)
    if old is None:
        position = max((other.position for other in job.current()), default=-1) + 1
        new = _details(Step(job.attempt, position, step, status or "created", False), status_details, error_details)
        if job.status in TERMINAL:
            raise _illegal((job.status, new.status), (new.status, job.status))
    else:
        if job.status in TERMINAL and status not in (None, old.status):
            raise _illegal((old.status, status, job.status), (old.status, status))
        new = _details(_change(old, status), status_details, error_details)
    job = job.with_step(new)
    if old is None or new.status != old.status:
        job = _derive(job, new)
    return job, ("steps", job.attempt, new.position)


def _report_task(job, step, task, status=None, status_details=None, error_details=None, error_stack=None, also=()):
    old = next((other for other in step.tasks if other.name == task), None)
    if old is None:
        position = max((other.position for other in step.tasks), default=-1) + 1
        new = _details(Task(position, task, status or "pending"), status_details, error_details)
        if job.status in TERMINAL:
            raise _illegal((job.status, new.status), also=also)
    else:
        if job.status in TERMINAL and status not in (None, old.status):
            raise _illegal((old.status, status, job.status), (old.status, status), also=also)
        new = _details(_change(old, status, also), status_details, error_details)
    new = new._replace(error_stack=error_stack or new.error_stack)
    tasks = [other for other in step.tasks if other.position != new.position] + [new]
    step = step._replace(tasks=tuple(sorted(tasks)))
    job = job.with_step(step)._replace(
        status_details=merge(job.status_details, members(status_details or "{}")))
    return job, step, new


def _known(job, step):
    found = job.step(step)
    if found is None:
        raise Refused("JS002", (shown(step),))
    return found


def report_task(job, step, task, status, status_details, error_details, error_stack):
    job, step, new = _report_task(job, _known(job, step), task, status, status_details, error_details, error_stack)
    return job, ("tasks", job.attempt, step.position, new.position)


def report_tasks(job, step, tasks):
    step = _known(job, step)
    for index, task in enumerate(tasks):
        given = dict(task)
        job, step, _ = _report_task(job, step, given.pop("name"), **given, also=("tasks[%d]" % index,))
    return job, len(tasks)


def report_job_details(job, status_details):
    return job._replace(status_details=merge(job.status_details, members(status_details))), ("jobs",)


def complete_job(job):
    if job.status == "completed":
        return job, ("jobs",)
    wrong = [(step.name, step.status) for step in job.current() if step.status != "completed"]
    if wrong:
        raise Refused("JS004", *wrong, (job.status, "completed"))
    return _job_becomes(job, "completed"), ("jobs",)


def _newest_running(job):
    return next((step for step in reversed(job.current()) if step.status not in TERMINAL | {"created"}), None)


def _together(job, step, status):
    """The step and the job in another status; a message may name either of them."""
    wrong = [(row.status, status) for row in (step, job)
             if row.status != status and status not in TRANSITIONS[row.status]]
    if wrong:
        raise _illegal(*wrong)
    return _job_becomes(job.with_step(_change(step, status)), status)


def cancel_job(job):
    if job.status == "cancelled":
        return job, ("jobs",)
    if job.status in TERMINAL:
        raise _illegal((job.status, "cancel"))
    step = _newest_running(job)
    if step is None:
        return _job_becomes(job, "cancelled"), ("jobs",)
    return _together(job, step, "cancelling"), ("jobs",)


def pause_job(job):
    step = _newest_running(job) or next((step for step in job.current() if step.status == "created"), None)
    if step is None or job.status in TERMINAL:
        raise _illegal((job.status, "paus"))
    return _together(job, step, "pausing"), ("jobs",)


def resume_job(job):
    if job.status == "resuming":
        return job, ("jobs",)
    if job.status != "paused":
        raise _illegal((job.status, "resum"))
    step = next((step for step in reversed(job.current()) if step.status == "paused"), None)
    if step is not None:
        job = job.with_step(_change(step, "resuming"))
    return _job_becomes(job, "resuming"), ("jobs",)


def rerun_job(job):
    if job.status not in TERMINAL:
        raise _illegal((job.status, "created"))
    again = tuple(Step(job.attempt + 1, step.position, step.name, "created", step.declared)
                  for step in job.current())
    return Job(job.id, job.attempt + 1, "created", steps=job.steps + again), ("jobs",)


def call(world, function, **arguments):
    """The world after a call and where the row is that it returns: table and keys below the job, or a number."""
    arguments = {**{name: DEFAULTS[name] for name in FUNCTIONS[function] if name in DEFAULTS}, **arguments}
    judge(function, arguments)
    if function == "create_job":
        return create_job(world, **arguments)
    key = arguments.pop("workspace"), arguments.pop("job")
    if key not in world:
        raise Refused("JS001", (shown(key[1]),))
    if function == "delete_job":
        return {other: job for other, job in world.items() if other != key}, ("jobs",)
    job, result = globals()[function](world[key], **arguments)
    return {**world, key: job}, result


# What follows from two worlds ---------------------------------------------------------------------------

def rows(job):
    """The rows of a job by their place: (), (attempt, step) or (attempt, step, task), without what is below."""
    found = {(): job._replace(steps=())}
    for step in job.steps:
        found[step.attempt, step.position] = step._replace(tasks=())
        for task in step.tasks:
            found[step.attempt, step.position, task.position] = task
    return found


def transitions(old, new):
    """What happened to a job, sorted: (attempt, step, task, from, to)."""
    before, found = rows(old) if old else {}, []
    for place, row in rows(new).items():
        was = before.get(place)
        if was is None or was.status != row.status or place == () and was.attempt != row.attempt:
            attempt, step, task = (place or (row.attempt,)) + (None,) * (3 - len(place or (0,)))
            found.append((attempt, step, task, was and was.status, row.status))
    return sorted(found, key=str)
