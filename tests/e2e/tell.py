#!/usr/bin/python3
"""In the place of the program, as FastCGI on descriptor 0 or as plain CGI: tells the variables it was given."""

import json
import os
import socket
import struct
import sys

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = range(1, 7)


def answer(variables):
    body = json.dumps(variables)
    head = "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return (head + body).encode()


def pairs(data):
    """The names and values of a PARAMS stream."""
    found, at = {}, 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            size = 4 if data[at] & 0x80 else 1
            lengths.append(int.from_bytes(data[at:at + size], "big") & 0x7FFFFFFF)
            at += size
        name, value = data[at:at + lengths[0]], data[at + lengths[0]:at + sum(lengths)]
        found[name.decode("latin-1")] = value.decode("latin-1")
        at += sum(lengths)
    return found


def serve(stream):
    params = b""
    while True:
        header = stream.read(8)
        if len(header) < 8:
            return
        _, kind, number, length, padding = struct.unpack("!BBHHBx", header)
        content = stream.read(length + padding)[:length]
        if kind == PARAMS:
            params += content
        elif kind == STDIN and not content:
            data = answer(pairs(params))
            stream.write(struct.pack("!BBHHBx", 1, STDOUT, number, len(data), 0) + data +
                         struct.pack("!BBHHBxIB3x", 1, END, number, 8, 0, 0, 0))
            stream.flush()
            return


if "REQUEST_METHOD" in os.environ:
    sys.stdout.buffer.write(answer(dict(os.environ)))
else:
    listener = socket.socket(fileno=0)
    listener.setblocking(True)
    while True:
        with listener.accept()[0] as connection, connection.makefile("rwb") as both:
            serve(both)
