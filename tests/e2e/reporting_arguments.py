"""Which arguments the reporting functions take, and JSON as they must see it: as text.

Details are kept as their members: pairs of a key and the text of its value, so that 40 digits, 1e400 and half
a surrogate pair stay what they are.
"""

import functools
import json
import re

TRANSITIONS = {
    "created": {"pending", "active", "cancelling", "cancelled", "pausing", "paused", "error"},
    "pending": {"active", "cancelling", "cancelled", "error", "pausing", "paused", "completed"},
    "active": {"completed", "error", "cancelling", "cancelled", "pausing", "paused"},
    "paused": {"resuming", "active", "cancelling"},
    "pausing": {"paused", "error"},
    "resuming": {"pending", "active", "error", "cancelling"},
    "cancelling": {"cancelled", "error"},
    "completed": set(), "error": set(), "cancelled": set(),
}
TERMINAL = {"completed", "error", "cancelled"}

JOB = ("workspace", "job")
FUNCTIONS = {
    "create_job": ("workspace", "name", "steps", "id"),
    "report_step": (*JOB, "step", "status", "status_details", "error_details"),
    "report_task": (*JOB, "step", "task", "status", "status_details", "error_details", "error_stack"),
    "report_tasks": (*JOB, "step", "tasks"),
    "report_job_details": (*JOB, "status_details"),
    **{verb + "_job": JOB for verb in ("complete", "cancel", "pause", "resume", "rerun", "delete")},
}
DEFAULTS = {"steps": [], "id": None, "status": None, "status_details": None, "error_details": None,
            "error_stack": None}


class Refused(Exception):
    """SQLSTATE, and what the message may say: one of several tuples of texts that must all be in it."""

    def __init__(self, code, *messages):
        super().__init__(code, messages)
        self.code, self.messages = code, messages


# JSON as text ------------------------------------------------------------------------------------------

_decoder = json.JSONDecoder(parse_int=str, parse_float=str)
_space = re.compile(r"[ \t\n\r]*")


def _skip(text, at):
    return _space.match(text, at).end()


def _items(text, keyed):
    """The texts of an array's elements, or an object's members as pairs."""
    at, found = _skip(text, _skip(text, 0) + 1), []
    while text[at] not in "]}":
        key = None
        if keyed:
            key, at = _decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _decoder.raw_decode(text, at)
        found.append((key, text[at:end]) if keyed else text[at:end])
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return tuple(found)


@functools.lru_cache(4096)
def members(text):
    """The members of an object: its keys as they read, its values as they are written."""
    return _items(text, True)


def is_object(text):
    return text.lstrip(" \t\n\r").startswith("{")


def merge(old, new):
    """New keys win and come last; of a key that is there twice the last counts. What meets nothing stays as given."""
    if old == ():
        return new
    given, last = dict(new), {key: index for index, (key, _) in enumerate(old)}
    kept = tuple((key, given[key] if key in given and last[key] == index else value)
                 for index, (key, value) in enumerate(old))
    return kept + tuple((key, value) for key, value in given.items() if key not in last)


def replace(old, new):
    return old if new is None or new == () else new


# Arguments ---------------------------------------------------------------------------------------------

def is_name(text):
    return 0 < len(text) <= 255 and text not in (".", "..") and not re.search("[/\0-\x1f\x7f-\x9f]", text)


def shown(value):
    return str(value)[:100]


def _fault_of_steps(steps):
    if steps is None:
        return "null"
    if any(isinstance(step, list) for step in steps):
        return ""
    seen = set()
    for step in steps:
        if step is None:
            return "null"
        if not is_name(step) or step in seen:
            return shown(step)
        seen.add(step)
    return None


def _fault(name, value):
    """What the message shows of a value that the argument cannot have, None for one that it can."""
    if name == "steps":
        return _fault_of_steps(value)
    if value is None:
        return None if name in DEFAULTS else "null"
    if name in ("workspace", "job", "name", "step", "task"):
        good = is_name(value)
    elif name == "id":
        good = 1 <= len(value) <= 255
    elif name == "status":
        good = value in TRANSITIONS
    elif name in ("status_details", "error_details"):
        good = is_object(value)
    else:
        good = True
    return None if good else shown(value)


def _task(text):
    """One element of `tasks` as report_task's arguments, or None and what is wrong with it."""
    if not is_object(text):
        return None, ()
    given = {}
    for key, value in members(text):
        if key not in ("name", "status", "status_details", "error_details", "error_stack") or key in given:
            return None, (key,) if key.isprintable() and key.isascii() else ()
        given[key] = None if value == "null" else value
    for key, value in given.items():
        if value is None or key.endswith("details"):
            continue
        if not value.startswith('"'):
            return None, (key,)
        given[key] = json.loads(value)
        if re.search("[\0\ud800-\udfff]", given[key]):
            return None, (key,)
    if given.get("name") is None:
        return None, ("name",)
    for key, value in given.items():
        if _fault("task" if key == "name" else key, value) is not None:
            return None, (key,) + ((shown(value),) if shown(value).isprintable() else ())
    return given, None


def _tasks(text):
    if text is None or not text.lstrip(" \t\n\r").startswith("["):
        raise Refused("JS005", ("tasks",))
    found, names = [], set()
    for index, element in enumerate(_items(text, False)):
        task, wrong = _task(element)
        place = "tasks[%d]" % index
        if task is None:  # its name may be an earlier one's, too
            raise Refused("JS005", (place, *wrong), *((place, name) for name in names))
        if task["name"] in names:
            raise Refused("JS005", (place, task["name"]))
        names.add(task["name"])
        found.append(task)
    return found


def judge(function, arguments):
    faults = []
    for name in FUNCTIONS[function]:
        if name == "tasks":
            continue
        wrong = _fault(name, arguments[name])
        if name == "status_details" and function == "report_job_details" and arguments[name] is None:
            wrong = "null"
        if wrong is not None:
            faults.append((name,) if wrong == "null" else (name, wrong))
    if function == "report_tasks":
        try:
            arguments["tasks"] = _tasks(arguments["tasks"])
        except Refused as refused:
            faults += refused.messages
    if faults:
        raise Refused("JS005", *faults)
