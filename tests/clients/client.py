"""The contract's call in Python with requests: GET with the JSON body {}."""

import sys
from urllib.parse import quote

import requests

base, workspace, name = sys.argv[1:]
url = "%s/apis/jobs/v2/workspaces/%s/jobs/%s/status" % (base, quote(workspace, safe=""), quote(name, safe=""))

response = requests.get(url, json={}, headers={"Content-Type": "application/json"})
if response.status_code != 200:
    sys.exit("%d %s: %s" % (response.status_code, response.reason, response.text))
sys.stdout.buffer.write(response.content)
