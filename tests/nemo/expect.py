"""What the program must answer, computed from the platform's own answer to the same job."""

import copy
import json

import requests

CUT = 1000  # the platform shows no more tasks of a step than these


def canonical(value):
    """Text that is equal for equal JSON values: 1 is not 1.0 nor true, and the order of keys does not count."""
    return json.dumps(value, sort_keys=True)


def _time(text):
    """The platform gives six digits of a second, or none, and no offset."""
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def _finish(item):
    item["created_at"], item["updated_at"] = _time(item["created_at"]), _time(item["updated_at"])


def contract(document):
    """The document in the contract's form."""
    document = copy.deepcopy(document)
    document["error_details"] = document["error_details"] or {}
    latest = [document["updated_at"]]
    for step in document["steps"]:
        step["tasks"].sort(key=lambda task: (task["created_at"], task["id"]))
        step["updated_at"] = max([step["updated_at"]] + [task["updated_at"] for task in step["tasks"]])
        latest.append(step["updated_at"])
        for task in step["tasks"]:
            task["error_stack"] = task["error_stack"] or ""
            _finish(task)
        _finish(step)
    document["updated_at"] = max(latest)
    _finish(document)
    return document


def place(expected, actual, where="document"):
    """Where two values differ first."""
    if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
        for key in expected:
            if canonical(expected[key]) != canonical(actual[key]):
                return place(expected[key], actual[key], "%s.%s" % (where, key))
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (want, have) in enumerate(zip(expected, actual)):
            if canonical(want) != canonical(have):
                return place(want, have, "%s[%d]" % (where, number))
    return "%s: expected %.300s, got %.300s" % (where, canonical(expected), canonical(actual))


class Checks:
    """Counts what was found as it should be, and prints what was not."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s" % what, flush=True)

    def equal(self, what, expected, actual):
        same = canonical(expected) == canonical(actual)
        self.that(same, what if same else "%s: %s" % (what, place(expected, actual)))


def ask(url, method="GET", **headers):
    """One request on a connection of its own: after a 500 the platform closes it."""
    return requests.request(method, url, headers=dict(headers, Connection="close"), timeout=60, allow_redirects=False,
                            proxies={"http": None})
