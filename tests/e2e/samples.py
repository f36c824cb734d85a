"""The installed samples, made from their sources as make does, with a test's paths."""

import os
import pathlib
import shutil

import postgres

TOP = pathlib.Path(__file__).resolve().parents[2]
# What a sample says, and is put in its place here.
PROGRAMDIR = "@programdir@"
SOCKET = "/run/jobstatus/jobstatus.sock"
DATABASE = "dbname=jobstatus"
LOCKS = "/var/lock/apache2"


def replaced(text, replace):
    """The text with all replacements made; each must have something to replace."""
    for old, new in replace.items():
        assert old in text, "the sample has no %r" % old
        text = text.replace(old, str(new))
    return text


def sample(name, replace):
    """An installed sample, made from its source as make does, with a test's paths."""
    return replaced((TOP / (name + ".in")).read_text(), replace)


def install(directory, program=None):
    """The program, or another, where the user of a web server reaches it: in a directory of its own."""
    place = pathlib.Path(directory) / "libexec" / "jobstatus.fcgi"
    place.parent.mkdir(exist_ok=True)
    shutil.copy2(program or postgres.program(), place)
    os.chmod(place, 0o755)
    return place


def clean():
    """The environment without anything that would configure the program or libpq."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("JOBSTATUS_", "PG"))}


def find(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin") or name
