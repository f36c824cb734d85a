"""What it was measured on, and where the figures go."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

import fronts
import postgres

RESULTS = pathlib.Path(__file__).resolve().parent / "results"


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    yield "%s, %d cores (%s), Linux %s" % (datetime.date.today(), os.cpu_count(),
                                          model.group(1) if model else platform.machine(), platform.release())
    yield "; ".join([version(os.path.join(postgres.binaries(), "postgres"), "--version"),
                     version(fronts.find("nginx"), "-v"), version("gcc", "--version"), version("wrk", "-v")])


def write(name, lines, raw):
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / (name + ".md")).write_text("\n".join(lines) + "\n")
    (RESULTS / (name + ".json")).write_text(json.dumps(raw, indent=1) + "\n")
    print("\n".join(lines))


def read_arguments(program, jobs=100000):
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=jobs)
    return parser.parse_args()
