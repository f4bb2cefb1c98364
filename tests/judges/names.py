"""A name server of dnslib's, and the system's own resolver asking it: where does the gateway go when the answers
change, fail, are empty, late, or many? In a network and a view of the file system of its own, where
/etc/resolv.conf names 127.0.0.1.
"""

import contextlib
import fcntl
import http.client
import http.server
import os
import pathlib
import re
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time

import h2.config
import h2.connection
import h2.events
from court import PATIENCE, binary, check, eventually, sit
from dnslib import QTYPE, RCODE, RR, A, DNSRecord

APART = "BEARERGATE_JUDGE_APART"
PORT = 8080
NAMES = {
    # The route's and the name's first label, and what answers it first.
    "calm": ["127.0.1.1"],
    "moved": ["127.0.2.1"],
    "lost": ["127.0.3.1"],
    "shared": ["127.0.4.1"],
    "kept": ["127.0.5.1"],
    "absent": "NXDOMAIN",
    "late": 2.5,
    "silent": "SILENT",
    "many": [f"127.0.6.{number}" for number in range(1, 51)],
}
ROUTE = """
  - id: {name}
    listener: apis
    match: {{ path: "/{name}/**" }}
    callers: public
    upstream: {{ url: "http://{name}.judge.test:8080"{more} }}
"""


class Zone:
    """What names have now, and how often they were asked for. Answers over 512 bytes go by TCP, as everywhere."""

    def __init__(self):
        self.names, self.asked = dict(NAMES), {}
        zone = self

        class Datagrams(socketserver.BaseRequestHandler):
            def handle(self):
                data, door = self.request
                if reply := zone.reply(data):
                    if len(reply.pack()) > 512:
                        reply.rr, reply.header.tc = [], 1
                    door.sendto(reply.pack(), self.client_address)

        class Streams(socketserver.StreamRequestHandler):
            def handle(self):
                # Two questions on one connection: for IPv4, and for IPv6.
                while length := self.rfile.read(2):
                    data = self.rfile.read(struct.unpack("!H", length)[0])
                    if reply := zone.reply(data):
                        packed = reply.pack()
                        self.wfile.write(struct.pack("!H", len(packed)) + packed)

        for server, handler in (
            (socketserver.ThreadingUDPServer, Datagrams),
            (socketserver.ThreadingTCPServer, Streams),
        ):
            server.daemon_threads = True
            door = server(("127.0.0.1", 53), handler)
            threading.Thread(target=door.serve_forever, daemon=True).start()

    def reply(self, data):
        question = DNSRecord.parse(data)
        name = str(question.q.qname).split(".")[0]
        if question.q.qtype == QTYPE.A:
            self.asked[name] = self.asked.get(name, 0) + 1
        says = self.names.get(name, "NXDOMAIN")
        if says == "SILENT":
            return None
        if isinstance(says, float):
            time.sleep(says)
            says = ["127.0.7.1"]
        reply = question.reply()
        if isinstance(says, str):
            reply.header.rcode = getattr(RCODE, says)
        elif question.q.qtype == QTYPE.A:
            for address in says:
                reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A(address), ttl=1))
        return reply


class Place(http.server.BaseHTTPRequestHandler):
    """Says where it is."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.endswith("/together"):
            self.server.together.wait(PATIENCE)
        body = self.server.server_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def setup(self):
        super().setup()
        self.server.open.add(self.connection)

    def finish(self):
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass


class Places:
    """Servers by their addresses; `together` is passed by fifty requests at a time alone."""

    def __init__(self):
        self.all, self.together = {}, threading.Barrier(len(NAMES["many"]))

    def open(self, address, kind=None):
        server = http.server.ThreadingHTTPServer((address, PORT), Place, bind_and_activate=False)
        if kind:
            server.RequestHandlerClass = kind
        server.allow_reuse_address = True
        server.server_bind()
        server.server_activate()
        server.daemon_threads, server.open, server.together = True, set(), self.together
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.all[address] = server

    def close(self, address):
        server = self.all.pop(address)
        server.shutdown()
        server.server_close()
        for connection in list(server.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Shared(socketserver.BaseRequestHandler):
    """The same by HTTP/2, as python-h2 speaks it."""

    def handle(self):
        line = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        line.initiate_connection()
        self.server.open.add(self.request)
        with contextlib.suppress(OSError):
            self.request.sendall(line.data_to_send())
            while data := self.request.recv(65536):
                for event in line.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        body = self.server.server_address[0].encode()
                        line.send_headers(event.stream_id, [(":status", "200")])
                        line.send_data(event.stream_id, body, end_stream=True)
                self.request.sendall(line.data_to_send())
        self.server.open.discard(self.request)


class Room:
    def __enter__(self):
        self.zone, self.places = Zone(), Places()
        for name, says in NAMES.items():
            for address in says if isinstance(says, list) else ["127.0.7.1"]:
                if address not in self.places.all:
                    self.places.open(address, Shared if name == "shared" else None)
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        more = {"shared": ", protocol: h2c"}
        routes = "".join(ROUTE.format(name=name, more=more.get(name, "")) for name in NAMES)
        (base / "gateway.yaml").write_text(
            "version: 1\nlisteners: { apis: { address: 127.0.0.1:8000 } }\n"
            f"admin: {{ address: 127.0.0.1:9000 }}\nroutes:{routes}"
        )
        self._log = base / "output.log"
        with self._log.open("wb") as log:
            command = [binary(), "serve", "--config", base / "gateway.yaml"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while "admin listening" not in self.output():
            assert self._process.poll() is None and time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._folder.cleanup()

    def output(self):
        return self._log.read_text(errors="replace")

    def get(self, path):
        """Status and body."""
        line = http.client.HTTPConnection("127.0.0.1", 8000, timeout=PATIENCE)
        with contextlib.closing(line):
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read().decode()

    def addresses(self, name):
        line = http.client.HTTPConnection("127.0.0.1", 9000, timeout=PATIENCE)
        with contextlib.closing(line):
            line.request("GET", "/metrics", headers={"Host": "localhost"})
            text = line.getresponse().read().decode()
        origin = re.escape(f"http://{name}.judge.test:8080")
        found = re.search(
            rf'^bearergate_endpoint_addresses{{endpoint="{origin}"}} (\d+)$', text, re.MULTILINE
        )
        return found and int(found[1])


@check
def one_that_is_answered_late_is_waited_for_and_nobody_else_waits(room):
    began = time.monotonic()
    late = threading.Thread(target=lambda: setattr(room, "late", room.get("/late/x")))
    late.start()
    for name in ("calm", "moved", "lost", "shared", "kept"):
        assert room.get(f"/{name}/x") == (200, NAMES[name][0]), name
    assert late.is_alive() or time.monotonic() - began > 2, "others waited for it"
    late.join()
    assert room.late == (200, "127.0.7.1"), room.late


@check
def all_of_fifty_addresses_have_their_turn(room):
    eventually(lambda: room.addresses("many") == 50, f"fifty addresses, not {room.addresses('many')}")
    seen = []
    callers = [
        threading.Thread(target=lambda: seen.append(room.get("/many/together"))) for _ in range(50)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(seen) == sorted((200, address) for address in NAMES["many"]), seen


@check
def one_that_is_not_there_is_502_until_it_is(room):
    status, body = room.get("/absent/x")
    assert status == 502 and "upstream_unreachable" in body, (status, body)
    assert room.addresses("absent") == 0
    room.zone.names["absent"] = ["127.0.1.1"]
    eventually(lambda: room.get("/absent/x") == (200, "127.0.1.1"), "it is there")


@check
def one_that_nobody_answers_for_is_502_and_disturbs_nobody(room):
    status, body = room.get("/silent/x")
    assert status == 502 and "upstream_unreachable" in body, (status, body)
    assert room.get("/calm/x") == (200, "127.0.1.1")


@check
def what_has_moved_is_found_before_its_time(room):
    before = room.zone.asked["calm"]
    room.places.open("127.0.2.2")
    room.zone.names["moved"] = ["127.0.2.2"]
    room.places.close("127.0.2.1")
    eventually(lambda: room.get("/moved/x") == (200, "127.0.2.2"), "it is found where it is")
    # Both were asked for at the same time before.
    assert room.zone.asked["calm"] == before, "it was found no sooner than by itself"


@check
def failures_keep_the_last_good_address_and_lost_ones_are_left(room):
    for name, address, kind in (("lost", "127.0.3.2", None), ("shared", "127.0.4.2", Shared)):
        room.places.open(address, kind)
        room.zone.names[name] = [address]
    asked = dict(room.zone.asked)
    served = dict.fromkeys(("EMPTY", "SERVFAIL", "NXDOMAIN", "SILENT"), 0)
    for says in served:
        room.zone.names["kept"] = [] if says == "EMPTY" else says
        before = room.zone.asked["kept"]

        def again(says=says, before=before):
            assert room.get("/kept/x") == (200, "127.0.5.1"), says
            served[says] += 1
            return room.zone.asked["kept"] > before

        # What was answered last is asked for again after half a minute, and what failed sooner.
        eventually(again, f"it is asked for again after {says}")
    assert all(served.values()) and room.addresses("kept") == 1, served
    for name, old, new in (("lost", "127.0.3.1", "127.0.3.2"), ("shared", "127.0.4.1", "127.0.4.2")):
        eventually(lambda: room.zone.asked[name] > asked[name], f"{name} is asked for")
        # The old place still answers whoever comes; nobody does.
        eventually(lambda: room.get(f"/{name}/x") == (200, new), f"{name} is left")
        for _ in range(5):
            assert room.get(f"/{name}/x") == (200, new), name
        eventually(lambda: not room.places.all[old].open, f"the connection to {name} is closed")


def apart():
    """Goes on in a network and a view of the file system of its own; without, it ends here."""
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *own, "--mount", "--net"]
    if why := refused(command):
        print(f"skipped: a network and a view of the file system of its own are not to be had: {why}")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    os.execvpe(command[0], [*command, sys.executable, __file__], {**os.environ, APART: "1"})


def refused(command):
    """Why this command cannot make namespaces; nothing where it can."""
    if not shutil.which(command[0]):
        return f"there is no `{command[0]}` (Debian: util-linux)"
    tried = subprocess.run([*command, "true"], capture_output=True, text=True)
    return f"`{' '.join(command)}`: {tried.stderr.strip()}" if tried.returncode else None


def furnish(folder):
    """Loopback, a resolver that asks it alone, and no second way to names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        up_and_running = 0x1 | 0x40
        fcntl.ioctl(door, 0x8914, struct.pack("16sh", b"lo", up_and_running))
    for name, text in (
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)


if __name__ == "__main__":
    if APART not in os.environ:
        apart()
    with tempfile.TemporaryDirectory() as folder:
        furnish(pathlib.Path(folder))
        sit(Room)
