"""Texts that mean something to whoever takes them for more than a text, and requests for jobs of these names."""

import corpus

# Each kind of quote, plain, escaped, in other scripts and encoded.
QUOTES = ["'", '"', "`", "''", '""', "\\'", '\\"', "\\\\'", "$$", "$q$", "E'", "U&'", "B'", "N'", "')", '")', "'))",
          "'}", '"}', "'::text", "´", "‘", "’", "“", "＇", "＂", "ʼ", "′", "¿'", "縗'", "\u200b'", "\ufeff'", "'\u0301",
          "%27", "%2527", "%u0027", "%ef%bc%87", "\\u0027", "\\x27", "&#39;"]
ATTACKS = ["%s or %s1%s=%s1", "n%s; drop table jobstatus.jobs; --", "n%s union select 1, null, null, %sx%s --"]

LITERALS = ["{}", "{,}", "{a,b}", '{"a","b"}', "{NULL}", "NULL", "null", '"NULL"', '","', '"', '\\"', "{{a},{b}}",
            "}", "{", "[0:1]={a,b}", ",", "a,b", '","x","', "{\\", "\\", "\\\\", "\\0", "\\000", "\\N", "\\.",
            "\\x6e", "(a,b)", "(,)", "array['n']", "row(1)", "unnest('{n}')"]
PARAMETERS = ["$1", "$2", "$3", "$0", "$1::text", "$99999999999", ":1", ":n", "?", "??", "%s", "%1$s", "%(n)s",
              "%n%n%n%n", "%d", "%.1000d", "%", "%%", "%1", "%2", "%9", "@", "@.jobs", "@@version", "${n}", "$(id)",
              "`id`", "&&id", "~root"]
COMMENTS = ["--", "n--", "n --", "#", "n;--", ";", ";;", "n; select 1", "-- -", "$$;$$", "$q$n$q$", "$_$", "n' --"]
EXPRESSIONS = ["n::text", "'n'::regclass", "1::integer", "cast('n' as text)", "pg_sleep(10)", "'||pg_sleep(10)||'",
               "'||current_user||'", "current_user", "pg_read_file('PG_VERSION')",
               "nextval('jobstatus.revision_seq')", "set_config('role','postgres',false)",
               "pg_terminate_backend(pg_backend_pid())", "'; set role postgres; --",
               "'; copy jobstatus.jobs to program 'id'; --", "'; listen n; --", "'; begin; --", "'; rollback; --",
               "default", "true", "-1", "0", "1e400", "NaN", "select", "jobstatus", "pg_catalog"]
PATTERNS = ["_", "%n%", "n%", "*", ".*", "[a-z]", "^", "n|m", "..."]
# Each another name than the first, though they look like it.
ALIKE = ["n", "N", " n", "n ", "n\u00a0", "n\u200b", "\ufeffn", "ｎ", "n\u0301", "\u202en", "n\u2028",
         "n\U000e0041"]
ENCODED = ["%00", "n%00", "%0a", "%0d%0aX-Injected:%201", "%2e%2e", "%c0%a7", "+", "&", "=", "a=b&c=d", "?a=b", "#a",
           "\\n", "\\r\\nX-Injected: 1", "嘊嘍X-Injected: 1", "X-Injected: 1", "Status: 200 OK", "\\u0000",
           '","status":"completed', '{"detail":"n"}', "<script>alert(1)", "<!--", "]]>"]
LONG = [c * (255 // len(c)) for c in (
    "'", '"', "\\", "{", ",", ";", "%s", "$1", "--", "\\'", "''", "\U0001f600", "{}")] + ["x" * 254 + c for c in "'\"\\"]
# Whole segments of a path, and so names of jobs, workspaces and principals.
TEXTS = list(dict.fromkeys([attack.replace("%s", quote) for quote in QUOTES for attack in ATTACKS] + QUOTES + LITERALS +
                           PARAMETERS + COMMENTS + EXPRESSIONS + PATTERNS + ALIKE + ENCODED + LONG))
# Segments that are more than one; a principal may be one.
SLASHED = ["/**/", "n'/**/or/**/1=1", "*/ or 1=1 /*", "/*!50000 select*/", "'/'", "a/b", "../../etc/passwd"]
# What may be in no name.
CONTROLS = ["x\r\nX-Injected: 1", "\r\nX-Injected: 1\r\n\r\n<body>", "n'\n--", "n' or\t1=1", "n\\\n", "\x1b[2J", "'\x0b",
            "{\n}", "x" * 254 + "\n"] + [chr(c) for c in (*range(1, 32), 127, 128, 133, 155, 159)]

# Ends of a line, and what they might begin.
SPLITS = ["\r\nX-Injected: 1\r\n\r\n<body>", "x\r\nX-Injected: 1", "\nX-Injected: 1\n\n<body>", "x\rX-Injected: 1",
          "\r\n\r\n", "\n", "\r\nStatus: 500 x\r\nContent-Length: 0\r\n\r\n", '"\r\nX-Injected: 1',
          "\njobstatus: error: X-Injected", "\r\x1b[2K\x1b[1AX-Injected", "\x07\x08\x7fX-Injected",
          "\x0b\x0cX-Injected", "%s%n%999d\nX-Injected: 1", "\x85X-Injected: 1", "\u2028X-Injected: 1",
          "嘊嘍X-Injected: 1", "%0d%0aX-Injected:%201", "\\r\\nX-Injected: 1", "\n" * 255]

# Workspaces and names.
KEYS = [("benign", "benign"), *(key for text in TEXTS for key in (("w", text), (text, "job"), (text, text)))]
DOCUMENTS = {key: (200, {"id": str(number), "name": key[1], "status": "completed", "status_details": {},
                         "error_details": {}, "steps": [], "created_at": corpus.STAMP, "updated_at": corpus.STAMP})
             for number, key in enumerate(KEYS)}


def requests():
    """Yields what is asked for and what is right to answer; after each job one of nearly its name."""
    for key, right in DOCUMENTS.items():
        yield key, right
        near = key[0], key[1] + " "
        if near not in DOCUMENTS and len(near[1]) <= 255:
            yield near, corpus.UNKNOWN
    for i, text in enumerate(TEXTS):
        for key in (("none", text), (text, "none"), (text, TEXTS[i - 1])):
            yield key, corpus.UNKNOWN
    for text in CONTROLS:
        name, workspace = corpus.bad("control", text), corpus.bad("control", text, "workspace")
        yield from {("w", text): name, (text, "job"): workspace, (text, text): corpus.both(workspace, name)}.items()
    for text in SLASHED:
        yield from {("w", text): corpus.OTHER, (text, "job"): corpus.OTHER}.items()
