"""Who may read, as Apache's samples tell the program who asks: by name and password, and by a proxy's header."""

import base64
import hashlib

import pytest

import fronts
from samples import sample
from test_authorize import PRIVATE, rights  # noqa: F401

PASSWORDS = "/etc/apache2/jobstatus.htpasswd"
PROXY = "192.0.2.10"
PATH = fronts.path_of("access-2", "n0")
HIDDEN = fronts.path_of("access-1", "n0")
APACHES = ["apache fcgid", "apache proxy", "apache cgi"]


def basic(kind):
    """The kind of Apache that asks for a password, which is the name backwards."""
    class Basic(kind):
        modules = (*kind.modules, "authn_core", "authn_file", "auth_basic", "authz_user")

        def __init__(self, directory, **keywords):
            super().__init__(directory, **keywords)
            passwords = self.directory / "passwords"
            passwords.write_text("".join("%s:{SHA}%s\n" % (name, base64.b64encode(hashlib.sha1(
                name[::-1].encode()).digest()).decode()) for name in ("alice", "bob", "carol")))
            self.sample += sample("apache/jobstatus-basic.conf", {PASSWORDS: passwords})
    return Basic


def behind(address):
    """The kind of Apache that believes the header of a proxy at ADDRESS."""
    def make(kind):
        class Behind(kind):
            modules = (*kind.modules, "setenvif")

            def __init__(self, directory, **keywords):
                super().__init__(directory, **keywords)
                self.sample += sample("apache/jobstatus-header.conf", {PROXY: address})
        return Behind
    return make


@pytest.fixture
def start(run_site, rights):  # noqa: F811
    def start(name, make, variable):
        return run_site(name, front=make(fronts.SITES[name][0]), options={"JOBSTATUS_AUTHORIZE": variable}).front
    return start


def by_password(name, password=None):
    return {"Authorization": "Basic " + base64.b64encode(
        ("%s:%s" % (name, name[::-1] if password is None else password)).encode()).decode()}


@pytest.mark.parametrize("name", APACHES)
def test_basic_authentication(start, name):
    front = start(name, basic, "REMOTE_USER")
    for _ in range(2):
        for principal in ("alice", "bob"):
            status, headers, body = front.request("GET", PATH, headers=by_password(principal))
            assert status == 200 and headers["Cache-Control"] == PRIVATE and b'"name":"n0"' in body
    absent = front.request("GET", fronts.path_of("access-1", "none"), headers=by_password("alice"))[2]
    for principal, path in (("carol", PATH), ("bob", HIDDEN)):
        status, _, body = front.request("GET", path, headers=by_password(principal))
        assert (status, body) == (404, absent)
    claims = {"Remote-User": "alice", "Remote_User": "alice", "REMOTE_USER": "alice"}
    assert front.request("GET", PATH, headers=dict(by_password("carol"), **claims))[0] == 404
    for headers in ({}, claims, by_password("alice", "wrong"), by_password("nobody")):
        status, answer, _ = front.request("GET", PATH, headers=headers)
        assert status == 401 and answer["WWW-Authenticate"] == 'Basic realm="jobstatus"'


@pytest.mark.parametrize("name", APACHES)
def test_a_header_of_the_proxy(start, name):
    front = start(name, behind("127.0.0.1"), "JOBSTATUS_PRINCIPAL")
    assert front.request("GET", PATH, headers={"X-Remote-User": "bob"})[0] == 200
    assert front.request("GET", HIDDEN, headers={"X-Remote-User": "bob"})[0] == 404
    assert front.request("GET", PATH, headers={"X-Remote-User": "carol"})[0] == 404
    # Two of them make a name that nobody has.
    assert front.request("GET", PATH, headers={"X-Remote-User": "carol", "x-remote-user": "bob"})[0] == 404
    for headers in ({}, {"X-Remote-User": ""}, {"X_Remote_User": "bob"}, {"Jobstatus-Principal": "bob"},
                    {"JOBSTATUS_PRINCIPAL": "bob"}, {"Remote-User": "bob"}):
        status, answer, body = front.request("GET", PATH, headers=headers)
        assert (status, body) == (401, b'{"detail":"Unauthorized"}'), headers
        assert answer["WWW-Authenticate"] == 'Basic realm="jobstatus"'


@pytest.mark.parametrize("name", APACHES)
def test_a_header_of_somebody_else(start, name):
    front = start(name, behind(PROXY), "JOBSTATUS_PRINCIPAL")
    for spelling in ("X-Remote-User", "x-remote-user", "X_Remote_User"):
        assert front.request("GET", PATH, headers={spelling: "alice"})[0] == 401
