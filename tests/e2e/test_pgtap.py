"""The reporting functions and the history as tests/pgtap specifies them, each file run by pg_prove."""

import os
import re
import subprocess

import pytest

import postgres
from conftest import install

pytestmark = pytest.mark.any_build

FILES = sorted((postgres.TOP / "tests" / "pgtap").glob("*.sql"))
DATABASE = "pgtap"


@pytest.fixture(scope="module")
def database(cluster):
    install(cluster, DATABASE, demo=False)
    cluster.psql("create extension pgtap", dbname=DATABASE)


def prove(cluster, path):
    """What pg_prove says of a file, and whether all its tests have run and passed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    run = subprocess.run(["pg_prove", "--norc", "--verbose", "--nocolor", "-h", cluster.socket_dir,
                          "-p", str(cluster.port), "-U", "postgres", "-d", DATABASE, str(path)], env=env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         encoding="utf-8", timeout=120)
    passed = (run.returncode == 0 and re.search(r"^Result: PASS$", run.stdout, re.M)
              and re.search(r"^Files=1, Tests=[1-9]", run.stdout, re.M)
              and not re.search(r"^(not )?ok\b.*# *(skip|todo)", run.stdout, re.M | re.I))
    return run.stdout, bool(passed)


def test_there_are_files():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(database, cluster, path):
    output, passed = prove(cluster, path)
    assert passed, output


@pytest.mark.parametrize("body,passes", [
    ("select plan(1); select pass(); select * from finish();", True),
    ("select plan(1); select fail(); select * from finish();", False),
    ("select plan(2); select pass(); select * from finish();", False),
    ("select plan(1); select pass(); select pass(); select * from finish();", False),
    ("select pass();", False),
    ("select plan(1); select pass(); select 1/0;", False),
    ("select 1;", False),
    ("select no_plan(); select * from finish();", False),
    ("select plan(1); select skip(1);", False),
    ("select * from skip_all();", False),
    ("select plan(1); select todo_start(); select fail(); select * from finish();", False),
    ("", False),
])
def test_what_passes(database, cluster, directory, body, passes):
    path = directory / "test.sql"
    path.write_text("begin;\n%s\nrollback;\n" % body)
    output, passed = prove(cluster, path)
    assert passed == passes, output
