"""Makes each row of the table happen, and prints it with what was measured; what does not hold ends with 1."""

import argparse
import sys
import time
import traceback

import postgres
from conftest import scratch
from load import fill
from rows import ROWS

import database, process, faults, clients  # noqa: E401, F401, they register their rows


def run(title, times, values, function, cluster):
    began = time.monotonic()
    try:
        with scratch() as directory:
            if not cluster.running():
                cluster.start()
            measured = function(cluster, directory, times, **values)
    except Exception as error:
        traceback.print_exc()
        measured = "**failed**: %s" % str(error).splitlines()[0]
    print("| %s | %s |" % (title.format(times=times, **values), measured), flush=True)
    print("%.0f s" % (time.monotonic() - began), file=sys.stderr, flush=True)
    return not measured.startswith("**failed**")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="each row once, and shortly")
    parser.add_argument("only", nargs="*", help="rows by their functions' names")
    options = parser.parse_args()
    print("| what happens | what was measured |\n| --- | --- |")
    good = True
    with postgres.Cluster() as cluster:
        fill(cluster)
        for title, quick, full, values, function in ROWS:
            if not options.only or function.__name__ in options.only:
                good = run(title, quick if options.quick else full, values, function, cluster) and good
    sys.exit(not good)


main()
