"""What the built programs bring along against those who find a fault in them."""

import re
import subprocess

import pytest

import postgres
from conftest import sanitized

PROGRAMS = {"jobstatus.fcgi": postgres.program, "jobstatus-report": postgres.report}


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, str(path)], capture_output=True, text=True, check=True).stdout


@pytest.mark.native
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_file(name):
    path = PROGRAMS[name]()
    header, segments = readelf(path, "--file-header"), readelf(path, "--program-headers")
    dynamic, symbols = readelf(path, "--dynamic"), readelf(path, "--dyn-syms")
    assert re.search(r"Type:\s+DYN", header) and re.search(r"FLAGS_1\b.*\bPIE\b", dynamic)
    # All of the relocations are made read-only, before the program begins.
    assert "GNU_RELRO" in segments and re.search(r"FLAGS_1\b.*\bNOW\b", dynamic)
    stack, = re.findall(r"GNU_STACK\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x", segments)
    assert stack == "RW"
    # Nothing can be both written and run, and code is loaded from the system's own directories.
    assert not re.search(r"^\s+LOAD\s+(?:0x\w+\s+){5}RWE", segments, re.M)
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert " __stack_chk_fail" in symbols
    # Sanitizers, which have checks of their own, are built without those of libc.
    fortified = set(re.findall(r" (__(?!stack)\w+_chk)\b", symbols))
    assert sanitized() or fortified
