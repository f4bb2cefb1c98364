"""curl, httpx and websockets through `bearergate serve` to servers that are not ours either: does the
relay speak HTTP/1.1 as others read it? What goes up and comes down is compared byte for byte.
"""

import asyncio
import concurrent.futures
import contextlib
import gzip
import hashlib
import http.client
import http.server
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import h11
import httpx
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.exceptions
from court import PATIENCE, Serve, Serving, check, eventually, sit

LARGE = 48 * 1024 * 1024
PIECE = bytes(range(256)) * 256
ROUTES = ("old", "strict", "short", "socket")
ROUTE = """
  - id: {name}
    listener: apis
    match: {{ path: /{name}/** }}
    callers: public
    upstream: {{ url: "http://127.0.0.1:{port}", strip_prefix: /{name} }}
"""


class Old(http.server.BaseHTTPRequestHandler):
    """Python's own server: HTTP/1.0, which ends its connection with each answer."""

    def do_GET(self):
        body = gzip.compress(PIECE, mtime=0)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        if "sized" in self.path:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Strict:
    """h11 on the server's side. It ends the connection at what it does not take for HTTP."""

    def __init__(self, patience):
        self._patience = patience
        self._door = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._door.getsockname()[1]
        self.seen, self.errors = {}, []
        self.go_on = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self._door.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        line = h11.Connection(h11.SERVER)
        with peer, contextlib.suppress(OSError):
            try:
                while line.our_state is h11.IDLE:
                    if not self._answer(peer, line):
                        return
                    if line.our_state is h11.MUST_CLOSE:
                        return
                    line.start_next_cycle()
            except h11.RemoteProtocolError as why:
                self.errors.append(str(why))

    def _next(self, peer, line):
        while (event := line.next_event()) is h11.NEED_DATA:
            if line.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                peer.sendall(line.send(go_on))
            line.receive_data(peer.recv(65536))
        return event

    def _answer(self, peer, line):
        peer.settimeout(self._patience)
        request = self._next(peer, line)
        if not isinstance(request, h11.Request):
            return False
        peer.settimeout(PATIENCE)
        digest, length = hashlib.sha256(), 0
        while isinstance(event := self._next(peer, line), h11.Data):
            digest.update(event.data)
            length += len(event.data)
        target = request.target.decode()
        self.seen[target] = self.seen.get(target, 0) + 1

        def send(event):
            peer.sendall(line.send(event) or b"")

        if "hints" in target:
            hint = [("Link", "</style.css>; rel=preload")]
            send(h11.InformationalResponse(status_code=103, headers=hint))
            time.sleep(0.05)
        size = int((re.search(r"size=(\d+)", target) or [0, 0])[1])
        said = f"{target} {length} {digest.hexdigest()}".encode()
        headers = [("X-Seen", said)]
        if "sized" in target:
            headers.append(("Content-Length", str(size)))
        if "close" in target:
            headers.append(("Connection", "close"))
        send(h11.Response(status_code=200, headers=headers))
        if request.method != b"HEAD":
            if "events" in target:
                send(h11.Data(data=b"data: 1\n\n"))
                self.go_on.wait(PATIENCE)
                send(h11.Data(data=b"data: 2\n\n"))
            for start in range(0, size, len(PIECE)):
                send(h11.Data(data=PIECE[: size - start]))
        send(h11.EndOfMessage())
        return True


class Room:
    """The servers, and a gateway in front of them."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        self.strict, self.short = Strict(PATIENCE), Strict(0.1)
        ports = [Serving(Old).server_port, self.strict.port, self.short.port, self._web_sockets()]
        routes = "".join(ROUTE.format(name=name, port=port) for name, port in zip(ROUTES, ports))
        self._gateway = Serve(
            base,
            "version: 1\nlisteners: { apis: { address: 127.0.0.1:0 } }\n"
            f"admin: {{ address: 127.0.0.1:0 }}\nroutes:{routes}",
        )
        self.url = self._gateway.ready().url("apis")
        self.host = self.url.removeprefix("http://")
        return self

    def _web_sockets(self):
        started, loop = threading.Event(), asyncio.new_event_loop()

        async def echo(peer):
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                async for message in peer:
                    await peer.send(message)

        async def serve():
            door = await websockets.asyncio.server.serve(
                echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=None
            )
            self._port = door.sockets[0].getsockname()[1]
            started.set()
            await door.serve_forever()

        threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True).start()
        assert started.wait(PATIENCE)
        return self._port

    def __exit__(self, *_):
        self._gateway.end()
        self._folder.cleanup()

    def output(self):
        return self._gateway.output()

    def memory(self):
        """Of the gateway at its peak, in bytes."""
        status = pathlib.Path(f"/proc/{self._gateway.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    def metrics(self):
        with urllib.request.urlopen(self._gateway.url("admin") + "/metrics", timeout=PATIENCE) as answer:
            return answer.read().decode()


def curl(*arguments, given=None):
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]
    done = subprocess.run([*command, *arguments], input=given, capture_output=True, timeout=90)
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return done.stdout


def large(size):
    return (PIECE * (size // len(PIECE) + 1))[:size]


def seen(target, body):
    return f"{target} {len(body)} {hashlib.sha256(body).hexdigest()}"


@check
def curl_gets_what_the_server_sent_in_every_version_and_framing(room):
    for version in ("--http1.0", "--http1.1"):
        for path in ("/old/x", "/old/sized", "/strict/x?size=70000", "/strict/sized?size=70000"):
            got = curl(version, f"{room.url}{path}")
            wanted = gzip.compress(PIECE, mtime=0) if path.startswith("/old") else large(70000)
            assert got == wanted, (version, path, len(got))
            head = curl(version, "--head", f"{room.url}{path}").decode()
            assert head.split()[1] == "200", head


@check
def curl_uses_one_connection_for_many_requests(room):
    urls = [f"{room.url}/{name}" for name in ("strict/sized?size=9", "old/sized", "strict/x?size=3")]
    out = [part for _ in urls for part in ("--output", "/dev/null")]
    used = curl("--write-out", "%{num_connects} %{http_code}\n", *out, *urls).decode().split("\n")
    assert used[:3] == ["1 200", "0 200", "0 200"], used


@check
def curl_sends_a_body_with_and_without_expect(room):
    body = large(3_000_000)
    for more in ([], ["-H", "Transfer-Encoding: chunked"]):
        for expect in ("Expect: 100-continue", "Expect:"):
            target = f"/up?{len(more)}{len(expect)}"
            began = time.monotonic()
            sent = curl("-i", *more, "-H", expect, "-T", "-", f"{room.url}/strict{target}", given=body)
            assert seen(target, body).encode() in sent, sent
            # `curl` would send it after a second without an answer as well.
            assert time.monotonic() - began < 1 or b"100 Continue" in sent, sent


@check
def interim_answers_reach_who_reads_them(room):
    head = curl("-i", f"{room.url}/strict/hints?sized&size=2").decode()
    assert re.findall(r"^HTTP/1.1 (\d+)", head, re.MULTILINE) == ["103", "200"], head
    assert "rel=preload" in head.split("\r\n\r\n")[0], head
    head = curl("-i", "--http1.0", f"{room.url}/strict/hints?sized&size=2").decode()
    assert re.findall(r"^HTTP/1.\d (\d+)", head, re.MULTILINE) == ["200"], head


@check
def httpx_streams_both_ways_and_nothing_is_held(room):
    before = room.memory()

    def pieces():
        yield from (PIECE for _ in range(LARGE // len(PIECE)))

    target = f"/down?size={LARGE}"
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        with client.stream("POST", f"{room.url}/strict{target}", content=pieces()) as answer:
            got, length = hashlib.sha256(), 0
            for piece in answer.iter_raw():
                got.update(piece)
                length += len(piece)
    wanted = hashlib.sha256()
    for piece in pieces():
        wanted.update(piece)
    assert length == LARGE and got.digest() == wanted.digest(), length
    assert answer.headers["x-seen"] == f"{target} {LARGE} {wanted.hexdigest()}", answer.headers
    assert room.memory() - before < LARGE // 3, room.memory() - before


@check
def events_are_passed_on_as_they_come(room):
    with httpx.stream("GET", f"{room.url}/strict/events", timeout=PATIENCE) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: 1"
        room.strict.go_on.set()
        assert [line for line in lines if line] == ["data: 2"]


@check
def a_server_that_closes_soon_is_asked_again_and_nothing_is_posted_twice(room):
    """Connections are used at the moment when the server gives them up."""
    failed = []

    def ask(who):
        line = http.client.HTTPConnection(room.host, timeout=PATIENCE)
        for turn in range(12):
            for method in ("GET", "PUT", "POST"):
                target = f"/{method}/{who}/{turn}"
                line.request(method, f"/short{target}", body=None if method == "GET" else b"once")
                answer = line.getresponse()
                answer.read()
                # What is not repeated may fail, when it was sent and nothing came back.
                if answer.status != 200 and (method != "POST" or answer.status != 502):
                    failed.append((target, answer.status))
                time.sleep(0.097 + 0.001 * (who % 6))

    with concurrent.futures.ThreadPoolExecutor(12) as callers:
        list(callers.map(ask, range(12)))
    assert not failed, failed
    twice = {t: n for t, n in room.short.seen.items() if t.startswith("/POST") and n > 1}
    assert not twice, twice


@check
def many_callers_get_their_own_answers(room):
    async def ask(client, who):
        body = f"{who} ".encode() * (1 + who * 37 % 9000)
        target = f"/own/{who}?size={who * 131 % 60000}" + ("&sized" if who % 2 else "&close")
        answer = await client.post(f"{room.url}/strict{target}", content=body)
        assert answer.headers["x-seen"] == seen(target, body), (target, answer.headers)
        assert answer.content == large(who * 131 % 60000), target

    async def all_of_them():
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            await asyncio.gather(*(ask(client, who) for who in range(200)))

    asyncio.run(all_of_them())


@check
def bodies_arrive_whole_however_their_bytes_come(room):
    """Pipelined, as undici sends them, and with a head in two pieces, as a network cuts it."""
    asked, sent = [], b""
    for size in (0, 100, 5000, 7000, 9000, 20_000, 70_000, 300_000):
        asked.append((f"/cut/{size}?sized&size=3", large(size)))
        head = f"PUT /strict{asked[-1][0]} HTTP/1.1\r\nHost: a\r\nX-Long: {'x' * 2500}\r\n"
        sent += f"{head}Content-Length: {size}\r\n\r\n".encode() + large(size)
    address = room.host.split(":")
    with socket.create_connection(address, PATIENCE) as line, line.makefile("rb") as answers:
        sender = threading.Thread(target=line.sendall, args=(sent,))
        sender.start()
        for target, body in asked:
            head = b"".join(iter(answers.readline, b"\r\n"))
            assert seen(target, body).encode() in head, (target, head)
            assert answers.read(3) == PIECE[:3]
        sender.join()
    for target, body in asked:
        with socket.create_connection(address, PATIENCE) as line, line.makefile("rb") as answers:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = f"PUT /strict{target} HTTP/1.1\r\nHost: a\r\nX-Long: {'x' * 2500}\r\n"
            message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
            line.sendall(message[:1448])
            time.sleep(0.05)
            line.sendall(message[1448:])
            head = b"".join(iter(answers.readline, b"\r\n"))
            assert seen(target, body).encode() in head, (target, head)


@check
def web_sockets_carry_messages_of_every_size(room):
    async def talk():
        url = f"ws://{room.host}/socket/"
        connect = websockets.asyncio.client.connect
        async with connect(url, subprotocols=["chat"], max_size=None, proxy=None) as line:
            assert line.subprotocol == "chat"
            for message in ("", "hello", os.urandom(1), os.urandom(70_000), large(3_000_000)):
                await line.send(message)
                assert await line.recv() == message
            await line.close(4321, "enough")
            assert line.close_code == 4321, line.close_code

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


# Last: what all of it left behind.
@check
def strict_servers_had_no_complaint_and_nothing_is_in_flight(room):
    assert not room.strict.errors and not room.short.errors, room.strict.errors + room.short.errors
    idle = "bearergate_requests_in_flight 0\n"
    eventually(lambda: idle in room.metrics(), "requests stay in flight")
    assert "panicked" not in room.output()


if __name__ == "__main__":
    sit(Room)
