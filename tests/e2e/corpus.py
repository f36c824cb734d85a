"""Request lines and what is right to answer, whichever web server is in front.

A case says what the HTTP table promises once the front has decoded the path, merged `//` and resolved dot
segments. REFUSALS are the classes of requests that a front answers by itself.
"""

WORKSPACE = "w"
BASE = b"/apis/jobs/v2/workspaces/w/jobs/"
STAMP = "2024-06-01T08:00:00Z"

# Names of jobs in the workspace; each must be found behind every front.
NAMES = ["x", "a b", " ", " a ", "a+b", "100%", "%41", "%2541", "a%2Fb", "%00", "%zz", "a;b", "a;b=c,d", "a&b=c",
         "a?b", "a#b", "\U0001f600", "\U0001f600" * 255, "x" * 255, "\u0645\u0631\u062d\u0628\u0627",
         "\u05e9\u05dc\u05d5\u05dd", "\u202eabc", "\u2028", "\u00a0", "\u00fc", "u\u0308", "...", "..a", "a..", ".a",
         "a.", "~", "'\"", "<>", "\\", "|^`{}[]", "!$*(),:@", "status", "jobs", "\ufffd", "\ufffe", "\U0010ffff",
         "-_.", "=", "\u4f60\u597d", "\u00df"]

PATTERN = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
FAULTS = {
    "long": {"type": "string_too_long", "msg": "String should have at most 255 characters",
             "ctx": {"max_length": 255}},
    "control": {"type": "string_pattern_mismatch", "msg": "String should match pattern '%s'" % PATTERN,
                "ctx": {"pattern": PATTERN}},
    "unicode": {"type": "string_unicode",
                "msg": "Input should be a valid string, unable to parse raw data as a unicode string"},
}


def document(name):
    """The document of a job of NAMES."""
    return {"id": "id:" + name[:40], "name": name, "status": "active", "status_details": {}, "error_details": {},
            "steps": [], "created_at": STAMP, "updated_at": STAMP}


def found(name):
    return 200, document(name)


def bad(kind, value, parameter="name"):
    fault = FAULTS[kind]
    entry = {"type": fault["type"], "loc": ["path", parameter], "msg": fault["msg"], "input": value}
    return 422, {"detail": [dict(entry, ctx=fault["ctx"]) if "ctx" in fault else entry]}


def both(workspace, name):
    return 422, {"detail": workspace[1]["detail"] + name[1]["detail"]}


UNKNOWN = 404, {"detail": "Job not found"}
OTHER = 404, {"detail": "Not Found"}
NOT_ALLOWED = 405, {"detail": "Method Not Allowed"}
OPTIONS = 204, None


# Requests that a front answers by itself, and with what; "apache" stands for all of its samples. Whoever is not
# named here passes the request on, and the answer is the program's.
EVERYONE = ("lighttpd", "nginx", "apache")
REFUSALS = {
    # kind of request: ({front: status}, why)
    "NUL": ({"lighttpd": 400, "nginx": 400, "apache": 404},
            "a NUL byte would end the path of any program that takes it for a string"),
    "control": ({"lighttpd": 400},
                "url-ctrls-reject: without it lighttpd puts another character in the place of these, NUL included"),
    "bare control": (dict.fromkeys(EVERYONE, 400), "RFC 9112: no part of a request line"),
    "bare space": ({"nginx": 400, "apache": 400}, "RFC 9112: it ends the target; lighttpd goes by the last one"),
    "malformed escape": ({"nginx": 400, "apache": 400}, "RFC 3986; lighttpd takes such a percent sign as it is"),
    "fragment": ({"apache": 400}, "RFC 9112: no part of a target; the others leave it out"),
    "above the root": ({"nginx": 400, "apache": 400}, "RFC 3986 has no such path; lighttpd stays at the root"),
    "another host": ({"lighttpd": 400}, "an absolute target of another host than the header names"),
    "no host": ({"lighttpd": 400, "nginx": 400}, "an absolute target without a host"),
    "another scheme": ({"lighttpd": 400, "apache": 400}, "an absolute target of another scheme than http"),
    "unknown method": ({"lighttpd": 501}, "lighttpd knows a list of methods"),
    "odd method": ({"lighttpd": 501, "nginx": 400}, "nginx takes upper-case letters, _ and - alone"),
    "malformed method": ({"lighttpd": 501, "nginx": 400, "apache": 400}, "RFC 9110: not a token"),
    "TRACE": ({"nginx": 405, "apache": 405}, "nginx never serves it; TraceEnable off"),
    "CONNECT": ({"nginx": 405, "apache": 400}, "RFC 9112: its target is a host and a port"),
    "no length": ({"lighttpd": 411}, "a POST without Content-Length"),
    "malformed message": (dict.fromkeys(EVERYONE, 400), "RFC 9112: no Host, two, or a length that is none"),
    "long line": ({"nginx": 414, "apache": 414}, "a request line over 8 kB, longer than any of a legal name"),
    "long header": ({"nginx": 400, "apache": 400}, "a header over 8 kB"),
    "long path": ({"apache proxy": 403}, "a path over 4 kB, which Apache takes for a file's; legal names have 2 kB"),
    "large body": ({"nginx": 413, "apache cgi": 413}, "a body over 1 MiB"),
    "outside": (dict.fromkeys(EVERYONE, 404), "not below /apis/jobs/v2/, so not the program's"),
}


def refusal(kind, front):
    """The status with which a front refuses this kind of request, or None."""
    statuses = REFUSALS[kind][0] if kind else {}
    return statuses.get(front, statuses.get(front.split()[0]))


def table():
    """REFUSALS as README shows them."""
    yield "| request | lighttpd | nginx | Apache | why |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, (statuses, why) in REFUSALS.items():
        columns = [", ".join("%d%s" % (status, front[len(server):] and " (%s)" % front[len(server) + 1:])
                             for front, status in statuses.items() if front.startswith(server)) for server in EVERYONE]
        yield "| %s | %s | %s |" % (kind, " | ".join(columns), why)


# How names may be written in a path: (bytes of the segment, name).
SPELLINGS = [
    (b"%78", "x"), (b"a%20b", "a b"), (b"%20", " "), (b"%20a%20", " a "), (b"a+b", "a+b"), (b"a%2Bb", "a+b"),
    (b"a%2bb", "a+b"), (b"100%25", "100%"), (b"%2541", "%41"), (b"%252541", "%2541"), (b"a%252Fb", "a%2Fb"),
    (b"%2500", "%00"), (b"%25zz", "%zz"), (b"a;b", "a;b"), (b"a%3Bb", "a;b"), (b"a%3bb", "a;b"),
    (b"a;b=c,d", "a;b=c,d"), (b"a%3bb%3dc%2cd", "a;b=c,d"), (b"a&b=c", "a&b=c"), (b"a%26b%3Dc", "a&b=c"),
    (b"a%3Fb", "a?b"), (b"a%3fb", "a?b"), (b"a%23b", "a#b"), (b"%F0%9F%98%80", "\U0001f600"),
    (b"%f0%9f%98%80", "\U0001f600"), (b"%f0%9F%98%80", "\U0001f600"), (b"\xf0\x9f\x98\x80", "\U0001f600"),
    (b"\xf0%9F\x98%80", "\U0001f600"), (b"%F0%9F%98%80" * 255, "\U0001f600" * 255), (b"x" * 255, "x" * 255),
    (b"%78" * 255, "x" * 255), (b"%D9%85%D8%B1%D8%AD%D8%A8%D8%A7", "\u0645\u0631\u062d\u0628\u0627"),
    ("\u05e9\u05dc\u05d5\u05dd".encode(), "\u05e9\u05dc\u05d5\u05dd"), (b"%E2%80%AEabc", "\u202eabc"),
    (b"%E2%80%A8", "\u2028"), (b"%C2%A0", "\u00a0"), (b"%C3%BC", "\u00fc"), (b"\xc3\xbc", "\u00fc"),
    (b"u%CC%88", "u\u0308"), (b"...", "..."), (b"%2E%2E%2E", "..."), (b"%2e..", "..."), (b"..a", "..a"),
    (b"%2e%2ea", "..a"), (b"a..", "a.."), (b".a", ".a"), (b"a%2E", "a."), (b"~", "~"), (b"%7E", "~"), (b"%7e", "~"),
    (b"%27%22", "'\""), (b"'\"", "'\""), (b"%3C%3E", "<>"), (b"<>", "<>"), (b"%5C", "\\"), (b"\\", "\\"),
    (b"|^`{}[]", "|^`{}[]"), (b"%7C%5E%60%7B%7D%5B%5D", "|^`{}[]"), (b"!$*(),:@", "!$*(),:@"),
    (b"%21%24%2A%28%29%2C%3A%40", "!$*(),:@"), (b"status", "status"), (b"jobs", "jobs"),
    (b"%EF%BF%BD", "\ufffd"), (b"%EF%BF%BE", "\ufffe"), (b"%F4%8F%BF%BF", "\U0010ffff"), (b"-_.", "-_."),
    (b"%2D%5F%2E", "-_."), (b"=", "="), (b"%E4%BD%A0%E5%A5%BD", "\u4f60\u597d"), (b"%C3%9F", "\u00df"),
]

FOUND_X = [b"/x", b"./x", b"x/.", b"y/../x", b"%2e/x", b"y/%2E%2e/x", b"%2Fx", b"x%2F", b"%2fx%2f", b"y%2F..%2Fx",
           b"//x", b"x//"]
UNKNOWN_NAMES = [b"X", b"none", b"a%2520b", b"a%25252Fb", b"x%20", b"x;y", b"x+", b"....", b"%25", b"%C3%9C",
                 b"%E2%80%8Bx", b"x%EF%BB%BF"]
# A slash, however it is written, makes another path.
OTHER_NAMES = [b"a%2Fb", b"a%2fb", b"a%2Fb%2Fc", b".", b"..", b"%2E", b"%2e%2E", b"x/y", b"", b"x%2f..%2f..",
               b"%2F..%2F"]
CONTROLS = [(b"%01", "\x01"), (b"a%09b", "a\tb"), (b"%0A", "\n"), (b"x%0d%0aX-A:%20b", "x\r\nX-A: b"),
            (b"%1F", "\x1f"), (b"%7F", "\x7f")]
# lighttpd looks for single bytes, and lets these through.
CONTROLS_IN_UTF8 = [(b"%C2%80", "\x80"), (b"%c2%85", "\x85"), (b"%C2%9F", "\x9f")]
INVALID = [(b"%FF", "\ufffd"), (b"a%fez", "a\ufffdz"), (b"%80", "\ufffd"), (b"%C0%AF", "\ufffd" * 2),
           (b"%c0%80", "\ufffd" * 2), (b"%E0%80%AF", "\ufffd" * 3), (b"%F0%80%80%AF", "\ufffd" * 4),
           (b"%C1%81", "\ufffd" * 2), (b"%ED%A0%80", "\ufffd" * 3), (b"%ED%A0%BD%ED%B8%80", "\ufffd" * 6),
           (b"%F4%90%80%80", "\ufffd" * 4), (b"%E2%82", "\ufffd" * 2), (b"%F0%9F%98", "\ufffd" * 3),
           (b"\xff", "\ufffd"), (b"\xc0\xae", "\ufffd" * 2), (b"\xe9t\xe9", "\ufffdt\ufffd"),
           (b"%F5%80%80%80", "\ufffd" * 4), (b"%C3%28", "\ufffd("), (b"%E9", "\ufffd")]
LONG = [(b"x" * 256, "x" * 256), (b"%78" * 256, "x" * 256), (b"x" * 4000, "x" * 4000),
        (b"%F0%9F%98%80" * 256, "\U0001f600" * 256)]

X = BASE + b"x/status"
QUERIES = [b"?", b"?x=1", b"?x=%zz", b"?a?b", b"?x=/../..", b"?--database%3Dx", b"?--version", b"?+", b"?\xff",
           b"?" + b"q" * 4000, b"?%", b"??", b"?x=%2F", b"?x=a+b%20c"]
OTHER_PATHS = [X + tail for tail in (b"/", b"//", b"%2F", b"/.", b"/..", b"/x", b";x", b"%20", b"%3F", b"/x/..", b"es",
                                     b".json", b"+")] + [
    b"/apis/jobs/v2/" + tail for tail in (
        b"", b"workspaces", b"workspaces/w/jobs/x", b"workspaces/w/job/x/status", b"workspaces//jobs/x/status",
        b"workspaces/w/jobs/x/STATUS", b"workspaces/w/jobs/x/statu", b"%77/", b"workspaces/w/jobs/x/")]
SAME_PATHS = [
    BASE + b"x/%73tatus", b"/%61pis/jobs/v2/workspaces/w/jobs/x/status", b"/apis/jobs/%762/workspaces/w/jobs/x/status",
    b"/apis%2Fjobs/v2/workspaces/w/jobs/x/status", b"/apis/jobs/v2/workspaces%2fw%2fjobs%2Fx%2Fstatus",
    b"//apis/jobs/v2/workspaces/w/jobs/x/status", b"/apis//jobs/v2/workspaces/w/jobs/x/status",
    b"/./apis/jobs/v2/workspaces/w/jobs/x/status", b"/x/../apis/jobs/v2/workspaces/w/jobs/x/status",
    b"/apis/jobs/v2/../v2/workspaces/w/jobs/x/status", b"/apis/jobs/v2/workspaces/v/../w/jobs/x/status",
    b"http://localhost" + X, b"HTTP://localhost" + X, b"http://localhost" + X + b"?x=1", b"https://localhost" + X]
HEADERS = [b"X-Long: " + b"h" * 8000, b"\r\n".join(b"X-%d: " % i + b"h" * 1000 for i in range(8)),
           b"\r\n".join(b"X-%d: h" % i for i in range(90)), b"Authorization: Bearer " + b"t" * 4000,
           b"Authorization: Basic eDp5", b'If-None-Match: "x"', b'If-Match: "x"',
           b"If-Modified-Since: Sat, 01 Jan 2033 00:00:00 GMT", b"If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
           b"Range: bytes=0-4", b"Range: bytes=9999-", b"Accept: text/html", b"Accept-Encoding: gzip",
           b"Proxy: http://x/", b"X-HTTP-Method-Override: DELETE", b"X_Under: y", b"X: \xff", b"X-Empty:",
           b"Content-Type: application/json", b"SCRIPT-NAME: /x", b"Path-Info: /x"]


def request(target, method=b"GET", headers=b"", body=b"", host=b"Host: localhost", version=b"HTTP/1.1"):
    lines = [method + b" " + target + b" " + version, host, b"Connection: close", headers]
    return b"\r\n".join(line for line in lines if line) + b"\r\n\r\n" + body


def with_length(method, body):
    return request(X, method, b"Content-Length: %d" % len(body), body)


def chunked(method, body):
    return request(X, method, b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def of_name(segment, method=b"GET"):
    return request(BASE + segment + b"/status", method)


def of_workspace(workspace, name=b"x"):
    return request(b"/apis/jobs/v2/workspaces/" + workspace + b"/jobs/" + name + b"/status")


def cases():
    """Yields (kind of REFUSALS or None, what is right, the request)."""
    x = found("x")
    for raw, name in SPELLINGS:
        yield None, found(name), of_name(raw)
    for right, raws in ((x, FOUND_X), (UNKNOWN, UNKNOWN_NAMES), (OTHER, OTHER_NAMES)):
        for raw in raws:
            yield None, right, of_name(raw)
    for kind, fault, pairs in (("control", "control", CONTROLS), (None, "control", CONTROLS_IN_UTF8),
                               (None, "unicode", INVALID), (None, "long", LONG)):
        for raw, value in pairs:
            yield kind, bad(fault, value), of_name(raw)
            yield kind, bad(fault, value, "workspace"), of_workspace(raw)
    yield None, both(bad("unicode", "\ufffd", "workspace"), bad("long", "x" * 256)), of_workspace(b"%ff", b"x" * 256)
    yield None, UNKNOWN, of_workspace(b"none")
    yield None, UNKNOWN, of_workspace(b"%F0%9F%98%80" * 255, b"%F0%9F%98%80" * 255)
    long = both(bad("long", "x" * 4000, "workspace"), bad("long", "x" * 4000))
    yield "long path", long, of_workspace(b"x" * 4000, b"x" * 4000)
    yield "long line", bad("long", "x" * 4000), of_name(b"%78" * 4000)

    for raw in (b"%00", b"x%00", b"%00x", b"x%00y"):
        yield "NUL", None, of_name(raw)
    yield "NUL", None, request(X + b"%00")
    for raw in (b"\x00", b"\x01", b"\x0b", b"\x7f", b"x\ty"):
        yield "bare control", None, of_name(raw)
    for raw, right in ((b"a b", found("a b")), (b" ", found(" ")), (b"a b c", UNKNOWN)):
        yield "bare space", right, of_name(raw)
    for raw, right in ((b"%zz", found("%zz")), (b"%", UNKNOWN), (b"x%", UNKNOWN), (b"%2", UNKNOWN), (b"%%", UNKNOWN),
                       (b"%u0041", UNKNOWN), (b"%-1", UNKNOWN)):
        yield "malformed escape", right, of_name(raw)
    yield "fragment", OTHER, of_name(b"a#b")
    yield "fragment", x, request(X + b"#x")
    yield "fragment", x, request(X + b"?x#y")

    for target in OTHER_PATHS:
        yield None, OTHER, request(target)
    for target in SAME_PATHS:
        yield None, x, request(target)
    for target in (b"/../apis/jobs/v2", b"/%2e%2e/apis/jobs/v2", b"/apis/jobs/v2/../../../../apis/jobs/v2"):
        yield "above the root", x, request(target + b"/workspaces/w/jobs/x/status")
    for target in (b"/apis/jobs/v2", b"/apis/jobs/v20/workspaces/w/jobs/x/status", b"/nowhere",
                   b"/APIS/jobs/v2/workspaces/w/jobs/x/status", b"/apis/jobs/v1/workspaces/w/jobs/x/status"):
        yield "outside", None, request(target)
    yield "another host", x, request(b"http://example.org" + X)
    yield "no host", x, request(b"http://" + X)
    yield "another scheme", x, request(b"ftp://localhost" + X)
    for query in QUERIES:
        yield None, x, request(X + query)
        yield None, UNKNOWN, request(BASE + b"none/status" + query)
    yield "control", x, request(X + b"?%00")
    yield "control", x, request(X + b"?x=%0a")

    for method in (b"PUT", b"DELETE", b"PATCH", b"PROPFIND", b"MKCOL", b"LOCK"):
        yield None, NOT_ALLOWED, with_length(method, b"")
        yield None, NOT_ALLOWED, with_length(method, b"{}")
        yield None, OTHER, request(X + b"/", method)
    for kind, methods in (("unknown method", (b"GETT", b"GE", b"BREW", b"PURGE", b"M-SEARCH", b"X" * 50)),
                          ("odd method", (b"get", b"Get", b"gET", b"head", b"options", b"post", b"G1")),
                          ("malformed method", (b"G\xc3", b"G@T")), ("TRACE", (b"TRACE",)), ("CONNECT", (b"CONNECT",)),
                          ("no length", (b"POST",))):
        for method in methods:
            yield kind, NOT_ALLOWED, request(X, method)
            yield kind, OTHER, request(X + b"/", method)
            yield kind, NOT_ALLOWED, of_name(b"none", method)
    for segment in (b"x", b"none", b"x" * 256, b"%ff"):
        yield None, OPTIONS, of_name(segment, b"OPTIONS")
    yield None, OTHER, request(X + b"/", b"OPTIONS")
    for segment, right in ((b"x", x), (b"none", UNKNOWN), (b"x" * 256, bad("long", "x" * 256)), (b"a%2fb", OTHER)):
        yield None, right, of_name(segment, b"HEAD")

    for body in (b"", b"{}", b"x" * 100000, b"x" * 1048576):
        for method, right in ((b"GET", x), (b"POST", NOT_ALLOWED), (b"HEAD", x)):
            yield None, right, with_length(method, body)
    for body in (b"{}", b"x" * 100000, b"x" * 1000000):
        yield None, x, chunked(b"GET", body)
        yield None, NOT_ALLOWED, chunked(b"PUT", body)
    yield None, x, request(X, headers=b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    yield "large body", x, with_length(b"GET", b"x" * 1048577)
    yield "large body", NOT_ALLOWED, with_length(b"POST", b"x" * 3000000)
    for headers in (b"Content-Length: -1", b"Content-Length: x", b"Content-Length: 1\r\nContent-Length: 2",
                    b"Bad Name: x", b": x", b"Host: example.org"):
        yield "malformed message", None, request(X, headers=headers)
    yield "malformed message", None, request(X, host=b"")
    for headers in HEADERS:
        yield None, x, request(X, headers=headers)
    yield None, (304, None), request(X, headers=b"If-None-Match: *")
    yield "long header", x, request(X, headers=b"X-Long: " + b"h" * 9000)
    yield None, x, request(X, version=b"HTTP/1.0")
    yield None, x, request(X, host=b"", version=b"HTTP/1.0")


CASES = list(cases())
