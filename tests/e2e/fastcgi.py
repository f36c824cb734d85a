"""A raw FastCGI client over a Unix socket: the front reduced to its bytes.

It sends what no web server would (odd methods, bytes that are not UTF-8, half a record) and shows
what no web server shows (the exact headers, whether the connection is kept).
"""

import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER = 1
KEEP = 1

ROUTE = "/apis/jobs/v2/workspaces/%s/jobs/%s/status"


class Cut(Exception):
    """The peer closed before the end of the answer."""

    def __init__(self, stdout=b""):
        super().__init__("connection closed after %d bytes of an answer" % len(stdout))
        self.stdout = stdout


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def record(kind, content=b"", request_id=1, version=1, padding=0):
    header = struct.pack("!BBHHBB", version, kind, request_id, len(content), padding, 0)
    return header + content + b"\0" * padding


def stream(kind, data, request_id=1):
    """DATA in records, with the empty one that ends the stream."""
    records = [record(kind, data[i:i + 65535], request_id) for i in range(0, len(data), 65535)]
    return b"".join(records) + record(kind, b"", request_id)


def pair(name, value):
    name, value = as_bytes(name), as_bytes(value)
    lengths = b"".join(
        bytes([len(x)]) if len(x) < 128 else struct.pack("!I", len(x) | 0x80000000)
        for x in (name, value))
    return lengths + name + value


def begin(keep=False, request_id=1, role=RESPONDER):
    return record(BEGIN, struct.pack("!HB5x", role, KEEP if keep else 0), request_id)


def encode(params, stdin=b"", keep=False, request_id=1):
    """A whole request as bytes."""
    pairs = b"".join(pair(name, value) for name, value in params.items())
    return begin(keep, request_id) + stream(PARAMS, pairs, request_id) + \
        stream(STDIN, stdin, request_id)


def job(workspace, name, method="GET", **more):
    """The CGI variables of a request for a job, as lighttpd would send them."""
    path = b"/apis/jobs/v2/workspaces/" + as_bytes(workspace) + b"/jobs/" + as_bytes(name) + \
        b"/status"
    return variables(path, method, **more)


def variables(path, method="GET", **more):
    params = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
              "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
              "SERVER_NAME": "localhost", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1"}
    params.update(more)
    return params


class Answer:
    """Status, headers as a list of pairs in their order, body, and what went to stderr."""

    def __init__(self, stdout, stderr=b""):
        head, mark, self.body = stdout.partition(b"\r\n\r\n")
        assert mark, "no header block in %r" % stdout[:200]
        self.stdout, self.stderr = stdout, stderr
        self.headers = []
        self.status, self.reason = 200, "OK"
        for line in head.decode("ascii").split("\r\n"):
            name, colon, value = line.partition(": ")
            assert colon, "odd header line %r" % line
            if name.lower() == "status":
                code, _, self.reason = value.partition(" ")
                self.status = int(code)
            else:
                self.headers.append((name, value))

    def header(self, name):
        """The value of a header that occurs at most once, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, "%s occurs %d times" % (name, len(values))
        return values[0] if values else None

    def __repr__(self):
        return "<%d %s %s %r>" % (self.status, self.reason, self.headers, self.body[:300])


class Connection:
    """One connection to the program."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, params, stdin=b"", keep=True):
        self.send(encode(params, stdin, keep))
        return self.receive()

    def _take(self, length):
        """LENGTH bytes, or None when the peer has closed."""
        if len(self.buffer) < length:
            pieces, have = [self.buffer], len(self.buffer)
            while have < length:
                try:
                    piece = self.socket.recv(max(65536, length - have))
                except (ConnectionResetError, BrokenPipeError):
                    piece = b""
                if not piece:
                    self.buffer = b"".join(pieces)
                    return None
                pieces.append(piece)
                have += len(piece)
            self.buffer = b"".join(pieces)
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def receive_record(self):
        """One record as (kind, request id, content), or None when the peer has closed."""
        header = self._take(8)
        if header is None:
            return None
        version, kind, request_id, length, padding = struct.unpack("!BBHHBx", header)
        assert version == 1
        content = self._take(length + padding)
        return None if content is None else (kind, request_id, content[:length])

    def receive(self, request_id=1):
        """The answer to one request; Cut if the peer closes first."""
        stdout, stderr = [], []
        while True:
            got = self.receive_record()
            if got is None:
                raise Cut(b"".join(stdout))
            kind, its_id, content = got
            assert its_id == request_id, "a record of request %d" % its_id
            if kind == STDOUT:
                stdout.append(content)
            elif kind == STDERR:
                stderr.append(content)
            elif kind == END:
                app_status, protocol_status = struct.unpack("!IB3x", content)
                assert (app_status, protocol_status) == (0, 0)
                return Answer(b"".join(stdout), b"".join(stderr))

    def closed(self, timeout=30):
        """Waits for the peer to close; False if it sends something or stays."""
        self.socket.settimeout(timeout)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True
        except socket.timeout:
            return False


def ask(path, params, stdin=b"", timeout=60):
    """One request on a connection of its own."""
    with Connection(path, timeout) as connection:
        return connection.ask(params, stdin, keep=False)


def get(path, workspace, name, **more):
    return ask(path, job(workspace, name, **more))
