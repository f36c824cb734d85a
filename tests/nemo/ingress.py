"""Reads the ingress sample into the classes of Kubernetes' own client, which have what its API has: run in the venv.

    ingress.py FILE

A member that is missing or that no class knows is an error. No cluster has seen the sample: what ingress-nginx makes
of the path is tried as the regular expression that it says it writes, `~* "^PATH"`."""

import re
import sys

import yaml
from kubernetes.client import V1Ingress

PATHS = {
    "/apis/jobs/v2/workspaces/w/jobs/n/status": True,
    "/apis/jobs/v2/workspaces/a.b@c/jobs/x+y/status": True,
    "/apis/jobs/v2/workspaces/w/jobs/n/status/": False,
    "/apis/jobs/v2/workspaces/w/jobs/n/status-details": False,
    "/apis/jobs/v2/workspaces/w/jobs/n": False,
    "/apis/jobs/v2/workspaces/w/jobs/n/steps/s/status": False,
    "/apis/jobs/v2/workspaces//jobs/n/status": False,
    "/x/apis/jobs/v2/workspaces/w/jobs/n/status": False,
}


with open(sys.argv[1], encoding="utf-8") as file:
    written = yaml.safe_load(file)
if V1Ingress.from_dict(written).model_dump(by_alias=True, exclude_none=True) != written:
    sys.exit("%s: there is something that a networking.k8s.io/v1 Ingress does not have" % sys.argv[1])
paths = [path["path"] for rule in written["spec"]["rules"] for path in rule["http"]["paths"]]
for path, ours in PATHS.items():
    first = next(number for number, pattern in enumerate(sorted(paths, key=len, reverse=True))
                 if re.search("^" + pattern, path, re.IGNORECASE))
    if (first == 0) != ours:
        sys.exit("%s: %s goes to the wrong service" % (sys.argv[1], path))
