"""Random calls of the reporting functions, and statements of the owner: few names, so that calls collide."""

import json

import generate
import reporting
from reporting_arguments import TERMINAL, TRANSITIONS, members

WORKSPACES = ("w", "arbeitsgruppe-ü")
JOBS = ("a", "b'\\")
STEPS = ("s0", "s1", "s2", "%s")
TASKS = ("t0", "t1", "t2", "{}")
STATUSES = tuple(TRANSITIONS)

KEYS = ('"a"', '"\\u0061"', '"b"', '"B"', '""', '"\\u0000"', '"\\ud800"', '"a\\u0000"', '"\\u005cu0000"',
        '"\\\\u0061"', '"\\"}"')
VALUES = ("1", "2", "1.0", "-0.0", "-0", "1e400", "-1E-400", "7" * 40, "0." + "3" * 40, "null", "true", '""', '"a"',
          '"\\u0061"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\\\u0000"', '"\U0001f600"', "[1, 2]", "[1,2]",
          "[]", "{}", '{"a":{"b":null}}', '{ "a" :\t1 , "a": 2 }', '{"\\u0000":"\\u0000"}', "[" * 60 + "]" * 60,
          '"\x7f\x80\u2028"', '"},{"')
NO_OBJECTS = ("[]", "null", "1", "true", '"{}"', ' [{"a": 1}]')
BAD_NAMES = ("", ".", "..", "/", "a/b", "a\n", "\x7f", "\x9fb", "x" * 256, "\U0001f600" * 256, None)
BAD_STATUSES = ("", "Active", "running", "active ", "x" * 300)
# Elements of `tasks` that are wrong by themselves.
BAD_TASKS = ("1", "null", "[]", '"t0"', "{}", '{"name":null}', '{"name":1}', '{"name":["t0"]}', '{"name":"t0","x":1}',
             '{"name":"t0","Name":"t0"}', '{"name":"t0","\\u006eame":"t1"}',
             '{"name":"t0","status":null,"status":null}',
             '{"name":"t0","\\u0000":1}', '{"name":"t0","\\ud800":1}', '{"name":"t\\u0000"}', '{"name":"t\\ud800"}',
             '{"name":"\\udc00\\ud83d"}', '{"name":"t0","status":"\\u0000"}', '{"name":"t0","status":1}',
             '{"name":"t0","status":""}', '{"name":"t0","status":"Active"}', '{"name":"t0","status_details":[]}',
             '{"name":"t0","status_details":"{}"}', '{"name":"t0","error_details":1}',
             '{"name":"t0","error_stack":{}}', '{"name":"t0","error_stack":"\\ud800"}',
             '{"name":"t0","error_stack":"\\u0000"}', '{"status":"active"}', '{"name":""}', '{"name":".."}',
             '{"name":"a/b"}', '{"name":"\\n"}', '{"name":"%s"}' % ("x" * 256))


def details(rng):
    """The text of an object, or NULL."""
    kind = rng.random()
    if kind < 0.35:
        return None
    if kind < 0.42:
        return rng.choice(("{}", " { } "))
    if kind < 0.46:
        return generate._object(rng, 2)
    space = rng.choice(("", "", " ", "\n\t"))
    return "{" + space + (space + "," + space).join(
        rng.choice(KEYS) + space + ":" + space + rng.choice(VALUES)
        for _ in range(rng.choice((1, 1, 1, 2, 3)))) + space + "}"


def status(rng, old):
    """A status that a report gives: mostly a legal one that ends nothing."""
    kind = rng.random()
    if kind < 0.15:
        return None
    if kind < 0.3:
        return rng.choice(STATUSES)
    legal = ["created", "pending", "active", "completed"] if old is None else \
        [one for one in STATUSES if one in TRANSITIONS[old] and (kind > 0.85 or one not in ("error", "cancelled"))]
    return rng.choice(legal or STATUSES)


def stack(rng):
    return rng.choice((None, None, "", "Traceback\n  …\n", "x" * 9, "\\u0000\t\x01"))


def _spelled(rng, name):
    """A key or name as a JSON string, now and then in another spelling."""
    text = json.dumps(name)
    return '"\\u%04x%s' % (ord(name[0]), text[2:]) if rng.random() < 0.15 and text[1] == name[0] else text


def tasks(rng, step):
    """The array that report_tasks takes."""
    known = {task.name: task.status for task in step.tasks} if step else {}
    elements = []
    names = rng.sample(TASKS, rng.choice((0, 1, 1, 2, 3, 4)))
    if names and rng.random() < 0.05:
        names.append(rng.choice(names))
    for name in names:
        given = [("name", _spelled(rng, name))]
        for key, value in (("status", status(rng, known.get(name))), ("error_stack", stack(rng))):
            if value is not None:
                given.append((key, _spelled(rng, value) if value else '""'))
        for key in ("status_details", "error_details"):
            value = details(rng)
            if value is not None:
                given.append((key, value))
        if rng.random() < 0.1:
            given += [(key, "null") for key in ("status", "status_details") if key not in dict(given)]
        rng.shuffle(given)
        elements.append("{" + rng.choice((",", " ,\n")).join(
            _spelled(rng, key) + ":" + value for key, value in given) + "}")
    if rng.random() < 0.08:
        elements.insert(rng.randint(0, len(elements)), rng.choice(BAD_TASKS))
    return rng.choice(("[%s]", " [ %s\n] ")) % ", ".join(elements)


_WEIGHTS = {"create_job": 4, "report_step": 32, "report_task": 24, "report_tasks": 8, "report_job_details": 5,
            "complete_job": 3, "cancel_job": 3, "pause_job": 4, "resume_job": 5, "rerun_job": 6, "delete_job": 2}


def call(rng, world, workspaces=WORKSPACES, bad=0.05):
    """A function and its arguments, chosen with the present WORLD in mind."""
    function, = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    key = rng.choice(workspaces), rng.choice(JOBS)
    if key not in world and rng.random() < 0.8:
        function = "create_job"
    job = world.get(key)
    if job and job.status in TERMINAL and rng.random() < 0.15:
        function = "rerun_job"
    arguments = {"workspace": key[0], "name" if function == "create_job" else "job": key[1]}
    if function == "create_job":
        if rng.random() < 0.75:
            arguments["steps"] = rng.sample(STEPS, rng.randint(0, 3))
        if rng.random() < 0.2:
            arguments["id"] = rng.choice(("one", "two", "/\n" + "i" * 253))
    if function in ("report_step", "report_task", "report_tasks"):
        arguments["step"] = rng.choice(STEPS)
        step = job and job.step(arguments["step"])
        old = step
        if function == "report_tasks":
            arguments["tasks"] = tasks(rng, step)
        else:
            if function == "report_task":
                arguments["task"] = rng.choice(TASKS)
                old = step and next((task for task in step.tasks if task.name == arguments["task"]), None)
                arguments["error_stack"] = stack(rng)
            arguments.update(status=status(rng, old.status if old else None), status_details=details(rng),
                             error_details=details(rng))
    elif function == "report_job_details":
        arguments["status_details"] = details(rng) or "{}"
    if rng.random() < bad:
        _spoil(rng, function, arguments)
    arguments = {name: value for name, value in arguments.items()
                 if value is not None or name not in reporting.DEFAULTS or rng.random() < 0.5}
    return function, arguments


def _spoil(rng, function, arguments):
    """Another value for one argument, which it cannot have."""
    name = rng.choice(reporting.FUNCTIONS[function])
    arguments[name] = rng.choice({
        "steps": (["a", "b", "a"], ["a", None], [""], ["a/b"], ["x" * 256], [["a", "b"], ["c", "d"]]),
        "id": ("", "i" * 256), "status": BAD_STATUSES, "tasks": ("{}", "null", '"[]"', None),
        "status_details": NO_OBJECTS, "error_details": NO_OBJECTS, "error_stack": ("",),
    }.get(name, BAD_NAMES))


def plain(rng, world):
    """A statement of the owner's, its values and the world that it makes; None if there is nothing to do it to."""
    if not world:
        return None
    key = rng.choice(sorted(world))
    job = world[key]
    at = "workspace = %s and job_id = (select id from jobstatus.jobs where workspace = %s and name = %s)"
    where = (key[0], *key)

    def becomes(other):
        return {**world, key: other}
    kind = rng.randrange(6)
    steps = job.current()
    if kind == 0:
        new = rng.choice(STATUSES)
        return "update jobstatus.jobs set status = %s where (workspace, name) = (%s, %s)", (new, *key), \
            becomes(job._replace(status=new))
    if kind == 1:
        text = '{"a":1,"b":2,"a":3}'
        return "update jobstatus.jobs set status_details = %s, error_details = %s where (workspace, name) = (%s, %s)", \
            (text, text, *key), becomes(job._replace(status_details=members(text), error_details=members(text)))
    if kind == 2:
        name = rng.choice(STEPS)
        if job.step(name):
            return None
        step = reporting.Step(job.attempt, max((step.position for step in steps), default=0) + 2, name, "created")
        return "insert into jobstatus.steps (workspace, job_id, attempt, position, id, name, status)" \
            " select workspace, id, attempt, %s, 'step-' || %s, %s, 'created' from jobstatus.jobs" \
            " where (workspace, name) = (%s, %s)", \
            (step.position, name, name, *key), becomes(job.with_step(step))
    if not steps:
        return None
    step = rng.choice(steps)
    here = " and attempt = %s and position = %s"
    if kind == 3:
        return "delete from jobstatus.steps where " + at + here, (*where, step.attempt, step.position), \
            becomes(job._replace(steps=tuple(other for other in job.steps if other != step)))
    if kind == 4:
        new = rng.choice(STATUSES)
        return "update jobstatus.steps set status = %s where " + at + here, \
            (new, *where, step.attempt, step.position), becomes(job.with_step(step._replace(status=new)))
    if not step.tasks:
        return None
    task = rng.choice(step.tasks)
    here = " and attempt = %s and step_position = %s and position = %s"
    place = (*where, step.attempt, step.position, task.position)
    others = [other for other in step.tasks if other != task]
    if rng.random() < 0.5:
        return "delete from jobstatus.tasks where " + at + here, place, \
            becomes(job.with_step(step._replace(tasks=tuple(others))))
    new = rng.choice(STATUSES)
    return "update jobstatus.tasks set status = %s where " + at + here, (new, *place), \
        becomes(job.with_step(step._replace(tasks=tuple(sorted([*others, task._replace(status=new)])))))
