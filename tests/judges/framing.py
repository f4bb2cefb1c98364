"""h11 and llhttp: does whoever stands behind the gateway read the same requests as the gateway, in
whatever its framing lets pass? BEARERGATE_FRAMING is the path of the example `framing`. These checks
run with those of relay.py, which puts the same requests through the gateway.
"""

import contextlib
import itertools
import json
import os
import random
import subprocess

import h11
import httptools
from court import check

START = [
    b"GET / HTTP/1.1",
    b"POST /a/b?c=d&e HTTP/1.1",
    b"DELETE //a/..;/%2e%zz?\\^`{|}'/?[] HTTP/1.1",
    b"M-SEARCH http://a.example/b HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET / HTTP/1.0",
]
FIELDS = [
    b"",
    b"A: b\r\nA: c\r\nB:\r\n",
    b"A:b\tc \t\r\nX_y!#$%&'*+-.^`|~9:  d: e  \r\n",
    b"A: \xc3\xa9\x80\xff\r\n",
    b"Content_Type: a\r\nX-Content-Length: 7\r\nTE: trailers, chunked\r\n",
    b"Expect: 100-continue\r\nConnection: keep-alive\r\n",
]
LENGTH = b"Content-Length: %d\r\n\r\n%s"
CODING = b"Transfer-Encoding: chunked\r\n\r\n"
BODIES = [
    b"\r\n",
    LENGTH % (0, b""),
    LENGTH % (5, b"hello"),
    b"content-LENGTH:\t000000012 \r\n\r\nGET / HTTP/1",
    CODING + b"0\r\n\r\n",
    CODING + b"5\r\nhello\r\n0\r\n\r\n",
    CODING + b"A;a=b\r\n0\r\n\r\n45678\r\n00001\r\nx\r\n0;c\r\n\r\n",
    b"transfer-ENCODING:\tChunked\r\n\r\n2\r\n\r\n\r\n0\r\nX-Sum: a\r\n\r\n",
]
# What one of two parsers might take for something else, to be put anywhere.
ODD = [
    b"\r", b"\n", b"\0", b" ", b"\t", b"\x0b", b"\x7f", b"\xa0", b":", b",", b";", b"0", b"+", b"#", b"\r\n", b"\r\n ", b"\n\n",
    b"\r\nContent-Length: 3\r\n", b"\r\nTransfer-Encoding: chunked\r\n", b"\r\nTransfer-Encoding : chunked\r\n",
    b"\r\ncontent_length: 3\r\n", b"0\r\n\r\n", b"chunked, ", b"HTTP/1.1 ",
]  # fmt: skip
# By chance, but the same each time.
MUTANTS = 6000
DICE = random.Random("RFC 9112")


def good():
    """Requests that keep every rule; HTTP/1.0 has no coding."""
    for start, fields, body in itertools.product(START, FIELDS, BODIES):
        if not (start.endswith(b"1.0") and b"hunked\r\n\r\n" in body):
            yield b"%s\r\nHost: a\r\n%s%s" % (start, fields, body)


def mutants():
    rightful = list(good())
    for _ in range(MUTANTS):
        request = DICE.choice(rightful)
        for _ in range(DICE.choice((1, 1, 1, 2))):
            place = DICE.randrange(len(request) + 1)
            cut = DICE.choice((0, 0, 1, 2))
            request = request[:place] + DICE.choice(ODD) + request[place + cut :]
        yield request + DICE.choice(rightful)


def walked(connections):
    """For each connection: where its requests end, and what is wrong."""
    lines = "".join(f"{connection.hex()}\n" for connection in connections)
    done = subprocess.run(
        [os.environ["BEARERGATE_FRAMING"]], input=lines, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def field(name, value):
    """As h11 gives it: names in lower case, and the coding's too."""
    name, value = name.lower(), value.strip(b" \t")
    return name, value.lower() if name == b"transfer-encoding" else value


def plainly(request):
    """The simplest reader there is: it must do for what has passed."""
    head, _, _ = request.lstrip(b"\r\n").partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    method, target, version = start.split(b" ")
    return method, target, version, [field(*line.split(b":", 1)) for line in lines]


def by_h11(request):
    """What h11 reads, and how many bytes it leaves."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    connection.receive_data(request)
    head, body = connection.next_event(), b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage), event
    read = (head.method, head.target, b"HTTP/" + head.http_version, list(head.headers))
    return read, body, len(connection.trailing_data[0])


class Llhttp:
    """What llhttp reads of a whole connection."""

    def __init__(self):
        self.requests = []

    def on_message_begin(self):
        self.target, self.fields, self.body = b"", [], b""

    def on_url(self, target):
        self.target += target

    def on_header(self, name, value):
        self.fields.append(field(name, value))

    def on_headers_complete(self):
        # Trailers come the same way.
        self.head = list(self.fields)

    def on_body(self, data):
        self.body += data

    def on_message_complete(self):
        version = b"HTTP/" + self.parser.get_http_version().encode()
        method = self.parser.get_method()
        self.requests.append(((method, self.target, version, self.head), self.body))

    def read(self, connection):
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(connection)
        return self.requests


def requests(connection, ends):
    return [connection[start:end] for start, end in itertools.pairwise([0, *ends])]


def agreed(connection, ends):
    """Whether both read what has passed; they must, but for what they do not take at all."""
    expected = []
    for request in requests(connection, ends):
        plain = plainly(request)
        # h11 skips no empty lines; it takes no obs-text in a target.
        read, body, left = by_h11(request.lstrip(b"\r\n"))
        assert (read, left) == (plain, 0), (request, read, plain, left)
        expected.append((plain, body))
    seen = Llhttp().read(b"".join(requests(connection, ends)))
    assert seen == expected, (connection, seen, expected)


@check
def what_keeps_the_rules_passes_and_is_read_alike(_):
    connections = [first + second for first, second in itertools.pairwise(good())]
    assert len(connections) > 250, len(connections)
    for connection, course in zip(connections, walked(connections), strict=True):
        assert course["refused"] is None, (connection, course)
        assert len(course["ends"]) == 2 and course["ends"][1] == len(connection), course
        if b"HTTP/1.0\r\n" in connection.partition(b"\r\n")[0] + b"\r\n":
            course["ends"] = course["ends"][:1]
        agreed(connection, course["ends"])


@check
def what_passes_in_spite_of_an_oddity_is_read_alike(_):
    connections = list(mutants())
    passed = taken = 0
    for connection, course in zip(connections, walked(connections), strict=True):
        # Neither goes on behind a request that ends the connection.
        ends = [end for end in course["ends"][:1] if end]
        if not ends:
            continue
        passed += 1
        with contextlib.suppress(h11.RemoteProtocolError, httptools.HttpParserError):
            agreed(connection, ends)
            taken += 1
    print(f"        {passed} of {len(connections)} passed, {taken} of them read by both")
    assert 0 < passed < len(connections) and taken > passed * 0.5
