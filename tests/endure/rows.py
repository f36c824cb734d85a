"""The rows of the table: each what happens, how often, and the function that makes it happen."""

import itertools

ROWS = []


def row(title, quick=1, full=1, **choices):
    """The function returns what was measured, or asserts; it is called for each of the CHOICES, QUICK or FULL times."""
    def register(function):
        for values in itertools.product(*choices.values()):
            ROWS.append((title, quick, full, dict(zip(choices, values)), function))
        return function
    return register
