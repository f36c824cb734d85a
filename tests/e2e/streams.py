"""Byte streams that no front sends: records that lie, repeat, break off, or come in an order that makes no sense."""

import random
import struct

from fastcgi import (ABORT, BEGIN, GET_VALUES, PARAMS, STDIN, as_bytes, begin, encode, job, pair, record, stream)

DATA = 8
LENGTHS = [0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF]
LONG_LENGTHS = [0, 1, 127, 128, 255, 256, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFFF, 0x1000000, 0x3FFFFFFF,
                0x7FFFFFFE, 0x7FFFFFFF]
OTHER = 7  # the id of requests for another job
IDS = [0, 1, 2, 255, 256, 0xFFFF]
KNOWN_VALUES = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]
MEBI = 1 << 20
HUGE = struct.pack("!I", 0xFFFFFFF0) * 2  # a name and a value
# What the gate refuses, or else libfcgi ends the process; small enough for a record's padding.
BOMBS = [record(GET_VALUES, pair("FCGI_MAX_CONNS", "") * 6, 0), record(GET_VALUES, HUGE + b"x", 0),
         record(PARAMS, HUGE + b"x"), record(99, b"", 0) * 4]


class Corpus:
    """Streams of a request for a job, some with one for another job; each is (its kind, its pieces)."""

    def __init__(self, workspace, name, other, seed):
        self.params, self.other = job(workspace, name), job(workspace, other)
        self.random = random.Random(seed)
        pairs = b"".join(pair(key, value) for key, value in self.params.items())
        self.records = [begin(True), record(PARAMS, pairs), record(PARAMS), record(STDIN, b"{}"), record(STDIN)]
        self.good = b"".join(self.records)

    def __iter__(self):
        for kind in (self.split, self.regrouped, self.ended, self.lying_records, self.lying_pairs, self.odd_records,
                     self.odd_values, self.odd_ids, self.odd_roles, self.out_of_order, self.aborted, self.two_jobs,
                     self.odd_variables, self.flipped, self.noise, self.noisy_records, self.stopped, self.hidden):
            for pieces in kind():
                yield kind.__name__, pieces

    def put(self, at, data):
        """The good stream with something before its record AT."""
        return [b"".join([*self.records[:at], data, *self.records[at:]])]

    def split(self):
        """In two pieces, at each byte: as good as whole."""
        for at in range(1, len(self.good)):
            yield [self.good[:at], self.good[at:]]

    def regrouped(self):
        """In other records, with padding: as good too."""
        pairs = self.records[1][8:]
        for at in range(1, len(pairs)):
            yield [self.records[0] + record(PARAMS, pairs[:at], padding=at % 256) +
                   record(PARAMS, pairs[at:], padding=255 - at % 256) + b"".join(self.records[2:])]

    def ended(self):
        for at in range(len(self.good)):
            yield [self.good[:at]]

    def lying_records(self):
        for at, good in enumerate(self.records):
            for length in [*LENGTHS, len(good) - 9, len(good) - 7]:
                for padding in (0, 1, 7, 255):
                    lie = good[:4] + struct.pack("!HB", max(0, length), padding) + good[7:]
                    yield [b"".join([*self.records[:at], lie, *self.records[at + 1:]])]

    def lying_pairs(self):
        pairs = [pair(key, value) for key, value in self.params.items()]
        for at, (key, value) in enumerate(self.params.items()):
            rest = as_bytes(key) + as_bytes(value)
            lies = [bytes([a, b]) for a in (0, 1, 127, len(key)) for b in (0, 1, 127)]
            for length in LONG_LENGTHS:
                long = struct.pack("!I", length | 0x80000000)
                lies += [long + b"\1", b"\1" + long, long + long, long]
            for lie in lies:
                content = b"".join([*pairs[:at], lie + rest, *pairs[at + 1:]])
                yield [self.records[0] + stream(PARAMS, content) + stream(STDIN, b"")]

    def odd_records(self):
        """Types and versions, at each place, of this request and of none."""
        for at in range(len(self.records) + 1):
            for kind in range(256):
                if kind != GET_VALUES:
                    yield self.put(at, record(kind, b"", request_id=kind % 2))
                    yield self.put(at, record(kind, b"x" * (kind % 64), request_id=kind // 2 % 2, padding=kind % 8))
            for version in (0, 2, 3, 127, 128, 255):
                yield self.put(at, record(STDIN, b"x", version=version))
                yield self.put(at, record(BEGIN, b"", version=version))

    def odd_values(self):
        """Questions for values: repeated, unknown, lying."""
        for at in (0, 1, 2, 4):
            for name in (*KNOWN_VALUES, "X", "", "FCGI_MAX_CONN", "FCGI_MAX_CONNS="):
                for times in (1, 2, 3, 4, 5, 8, 100, 2000):
                    content = pair(name, "") * times
                    yield self.put(at, record(GET_VALUES, content, 0))
                    yield self.put(at, record(GET_VALUES, content[:-1], 0))
                    yield self.put(at, record(GET_VALUES, content, 1))
                    yield self.put(at, record(GET_VALUES, pair(name, ""), 0) * times)
            for length in LONG_LENGTHS:
                yield self.put(at, record(GET_VALUES, struct.pack("!I", length | 0x80000000) + b"\0x", 0))

    def odd_ids(self):
        for first in IDS:
            for second in IDS:
                for third in IDS:
                    yield [begin(True, first) + stream(PARAMS, self.records[1][8:], second) + stream(STDIN, b"", third)]

    def odd_roles(self):
        for role in (0, 2, 3, 4, 255, 256, 0xFFFF):
            for flags in (0, 1, 2, 255):
                yield [record(BEGIN, struct.pack("!HB5x", role, flags)) + b"".join(self.records[1:])]
        for length in (0, 1, 7, 9, 16, 1000):
            yield [record(BEGIN, b"\0\1\1" + b"\0" * length) + b"".join(self.records[1:])]

    def out_of_order(self):
        for at in range(len(self.records) + 1):
            yield self.put(at, record(ABORT))
            yield self.put(at, record(ABORT, b"x"))
            yield self.put(at, record(ABORT, request_id=2))
            yield self.put(at, record(DATA, b"x"))
            yield self.put(at, self.records[1])
            yield self.put(at, self.good)
            yield [b"".join(self.records[:at] + self.records[at + 1:])]
            for _ in range(40):
                yield [b"".join(self.random.choices(self.records, k=self.random.randint(1, 12)))]

    def aborted(self):
        """After each byte of the variables."""
        pairs = self.records[1][8:]
        for at in range(1, len(pairs) + 1):
            for number in (1, 2):
                yield [self.records[0] + record(PARAMS, pairs[:at]) + record(ABORT, request_id=number) +
                       record(PARAMS, pairs[at:]) + b"".join(self.records[2:])]

    def two_jobs(self):
        """Another request, in this one and after it; and two paths, of which the first counts."""
        other = encode(self.other, b"", True, OTHER)
        for at in range(len(self.records) + 1):
            yield self.put(at, other)
        for at in range(1, len(self.good + other)):
            whole = self.good + other
            yield [whole[:at], whole[at:]]
        path = pair("PATH_INFO", self.other["PATH_INFO"])
        for first, last, number in ((path, b"", OTHER), (b"", path, 1)):
            yield [begin(True, number) + stream(PARAMS, first + self.records[1][8:] + last, number) +
                   stream(STDIN, b"", number)]

    def odd_variables(self):
        other = {"REQUEST_METHOD": "DELETE", "PATH_INFO": "/", "SCRIPT_NAME": "/x", "CONTENT_LENGTH": "-1", "": "",
                 "=": "="}
        pairs = [pair(key, value) for key, value in self.params.items()]
        for at in range(len(pairs)):
            yield [begin(True) + stream(PARAMS, b"".join(pairs[:at] + pairs[at + 1:])) + stream(STDIN, b"")]
            for key, value in other.items():
                content = b"".join([*pairs[:at], pair(key, value), *pairs[at:]])
                yield [begin(True) + stream(PARAMS, content) + stream(STDIN, b"")]
        for value in (b"", b"\0", b"\xff" * 10, b"=" * 100, b"x" * 70000):
            for key in self.params:
                yield [encode(dict(self.params, **{key: value}), b"", True)]

    def flipped(self):
        """Each bit of the good stream the other way round, and several of them."""
        for at in range(len(self.good)):
            for bit in range(8):
                yield [self.good[:at] + bytes([self.good[at] ^ 1 << bit]) + self.good[at + 1:]]
        for _ in range(500):
            data = bytearray(self.good)
            for _ in range(self.random.randint(2, 8)):
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            yield [bytes(data)]

    def noise(self):
        for _ in range(1000):
            yield [self.random.randbytes(self.random.choice([1, 8, 9, 100, 5000]))]

    def noisy_records(self):
        """Records of all types and any content behind a good beginning."""
        for _ in range(1500):
            records = [record(self.random.choice([*range(1, 13), 255]),
                              self.random.randbytes(self.random.choice([0, 1, 8, 50])),
                              self.random.choice([0, 1, 1, 1, 2]), padding=self.random.choice([0, 0, 5]))
                       for _ in range(self.random.randint(1, 10))]
            yield [begin(True) + self.random.choice([b"", self.records[1]]) + b"".join(records)]

    def stopped(self):
        """Bombs behind a header at which libfcgi stops, or is stopped: some in a piece of their own."""
        for bomb in BOMBS:
            for at in range(len(self.records) + 1):
                for kind in (ABORT, PARAMS, STDIN, DATA, GET_VALUES, 99):
                    for its_id in (1, 2):
                        yield self.put(at, record(kind, bomb, its_id))
                yield self.put(at, record(STDIN, version=2) + bomb)
                yield self.put(at, record(PARAMS, b"\1") + bomb)
                for refused in (record(99, bomb, 0), record(PARAMS, bomb, 0), record(GET_VALUES, bomb * 8, 0)):
                    yield [b"".join(self.records[:at]), refused[:8], refused[8:]]

    def hidden(self):
        """Bombs where they are no records: in padding, and behind what makes libfcgi leave out the next record."""
        for bomb in BOMBS:
            for at, good in enumerate(self.records):
                padded = good[:6] + bytes([len(bomb)]) + good[7:] + bomb
                yield [b"".join([*self.records[:at], padded, *self.records[at + 1:]])]
            for at in range(len(self.records) + 1):
                for kind in (ABORT, PARAMS, STDIN, DATA, GET_VALUES, 99):
                    for its_id in (1, 2):
                        yield self.put(at, record(kind, b"", its_id, padding=len(bomb))[:8] + bomb)
                        for cover in (b"", b"\x7f\x7f", b"\0\x7f"):
                            yield self.put(at, record(kind, b"", its_id) + record(PARAMS, cover) + bomb)


def large(params):
    """Streams of megabytes: parameters, one of them, many empty ones, a body, questions."""
    whole = encode(params, b"", True)[:-8]
    yield begin() + stream(PARAMS, pair("X", "x" * (16 * MEBI))) + stream(STDIN, b"")
    yield begin() + stream(PARAMS, b"\0\0" * (8 * MEBI)) + stream(STDIN, b"")
    yield begin() + stream(PARAMS, b"\1\0x" * (5 * MEBI)) + stream(STDIN, b"")
    yield whole + stream(STDIN, b"x" * (16 * MEBI))
    yield record(GET_VALUES, pair("X", ""), 0) * (MEBI // 4) + whole + stream(STDIN, b"")
    yield record(99, b"", 0) * MEBI + whole + stream(STDIN, b"")
    yield record(PARAMS, b"x" * 65535, 2) * 256 + whole + stream(STDIN, b"")
