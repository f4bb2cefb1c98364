"""h11 behind the running gateway: is what it sends on read as one request for each that it took, with
the same method, path and body? An upstream that counts differently is how requests are smuggled.
The checks of framing.py come first.
"""

import contextlib
import pathlib
import re
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

import framing
import h11
from court import PATIENCE, binary, check, sit

CONFIG = """\
version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}
admin: {{ address: 127.0.0.1:0 }}
routes:
  - id: all
    listener: apis
    match: {{ path: "/**" }}
    callers: public
    upstream: {{ url: "http://127.0.0.1:{port}" }}
"""
LISTENING = re.compile(r'"listening","listener":"apis","address":"127\.0\.0\.1:(\d+)"')
MUTANTS = 400


class Relay:
    """A gateway that is open to all, and an upstream that reads by h11 and remembers."""

    def __enter__(self):
        self.seen, self.broken = [], []
        relay = self

        class Upstream(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(ConnectionError):
                    relay.read(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._directory = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._directory.name)
        (base / "gateway.yaml").write_text(CONFIG.format(port=self._server.server_address[1]))
        self._log = base / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary(), "serve", "--config", base / "gateway.yaml"], stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE
        while not (found := LISTENING.search(self.output())):
            assert self._process.poll() is None and time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        self.port = int(found[1])
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    def output(self):
        return self._log.read_text(errors="replace")

    def read(self, connection):
        """One connection of the gateway's, request after request."""
        reader = h11.Connection(h11.SERVER)
        head, body = None, b""
        while True:
            try:
                event = reader.next_event()
            except h11.RemoteProtocolError as why:
                self.broken.append(why)
                return
            if event is h11.NEED_DATA:
                reader.receive_data(connection.recv(65536))
            elif isinstance(event, h11.Request):
                head, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.seen.append((head.method, head.target, body))
                answer = h11.Response(status_code=200, headers=[("Content-Length", "0")])
                connection.sendall(reader.send(answer) + reader.send(h11.EndOfMessage()))
                if reader.our_state is h11.MUST_CLOSE:
                    return
                reader.start_next_cycle()
            else:
                return

    def send(self, request):
        """Sends one connection's bytes; the statuses that come back."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as caller:
            caller.settimeout(PATIENCE)
            answers = b""
            with contextlib.suppress(ConnectionError):
                caller.sendall(request)
                caller.shutdown(socket.SHUT_WR)
                while came := caller.recv(65536):
                    answers += came
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


def with_plain_path(connections):
    """The framing is asked about here, not the paths."""
    for start in framing.START:
        connections = [it.replace(start, b"POST /a HTTP/1." + start[-1:]) for it in connections]
    return connections


@check
def each_request_arrives_once_and_whole(relay):
    for request in with_plain_path(list(framing.good())[::3]):
        relay.seen.clear()
        statuses = [status for status in relay.send(request) if status >= 200]
        assert statuses == [200], (request, statuses, relay.broken)
        method, target, _, _ = framing.plainly(request)
        _, body, _ = framing.by_h11(request)
        assert relay.seen == [(method, target, body)], (request, relay.seen)
    assert not relay.broken, relay.broken


@check
def no_oddity_makes_more_requests_of_one(relay):
    connections = with_plain_path(list(framing.mutants())[:MUTANTS])
    courses = framing.walked(connections)
    arrived = 0
    for connection, course in zip(connections, courses, strict=True):
        relay.seen.clear()
        relay.send(connection)
        assert len(relay.seen) <= len(course["ends"]), (connection, course, relay.seen)
        arrived += len(relay.seen)
    assert not relay.broken, relay.broken
    print(f"        {arrived} requests arrived from {MUTANTS} odd connections")
    assert arrived > MUTANTS / 20, arrived


if __name__ == "__main__":
    sit(Relay)
