"""websockets and wsproto, two libraries that know nothing of each other, on either side of the gateway: do
WebSockets over TLS carry what they should, and end as they should? Each client speaks to each server, one of
which is itself behind TLS.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import ssl
import tempfile
import threading
import time

import jwt
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.exceptions
import wsproto
from court import PATIENCE, Answering, Serve, Serving, check, eventually, self_signed, sit
from cryptography.hazmat.primitives.asymmetric import rsa
from wsproto import events
from wsproto.extensions import PerMessageDeflate

KEY = "payroll-0123456789abcdef0123456789abcdef"
TENANT, API = "0d3e7d5b-3b6c-4c7a-9d44-7a4b9e7d1c02", "6f7f5c0e-92d3-4a1f-8a3e-1d8a2c7b9e10"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
CLIENT = "c1f2b8a4-5d3e-4f6a-8b7c-9d0e1f2a3b4c"
CONFIG = """
version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0, tls: {{ certificate: own.pem, key: own.key }} }} }}
admin: {{ address: 127.0.0.1:0 }}
shutdown: {{ delay: 0s, grace: 10s }}
issuers:
  own: {{ leeway: 0s, entra: {{ tenant: {tenant}, authority: "http://127.0.0.1:{issuer}" }} }}
routes:
  - id: clear
    listener: apis
    match: {{ path: /clear }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ url: "http://127.0.0.1:{clear}" }}
  - id: secure
    listener: apis
    match: {{ path: /secure }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ url: "https://localhost:{secure}", ca_file: upstream.pem }}
  - id: lasting
    listener: apis
    match: {{ path: /lasting }}
    callers: [bearer: {{ issuer: own, audiences: [{api}], roles: [Talk] }}]
    upstream: {{ url: "http://127.0.0.1:{clear}" }}
    end_with_token: true
"""


class Issuer(Answering):
    """As much of Entra as a gateway needs."""

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def do_GET(self):
        base = f"http://127.0.0.1:{self.server.server_port}/{TENANT}"
        # Wherever it is asked, it speaks for the cloud.
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        keys = {"keys": [public | {"kid": "1", "use": "sig", "issuer": ISSUER}]}
        document = {"issuer": ISSUER, "jwks_uri": f"{base}/discovery/v2.0/keys"}
        self.say(document if "openid-configuration" in self.path else keys)


class Clear:
    """An echo by websockets."""

    def __init__(self):
        self.closed, started, loop = [], threading.Event(), asyncio.new_event_loop()

        async def echo(peer):
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                async for message in peer:
                    if message == "leave":
                        await peer.close(4002, "as you wish")
                    await peer.send(message)
            self.closed.append((peer.close_code, peer.close_reason))

        async def serve():
            door = await websockets.asyncio.server.serve(
                echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=None
            )
            self.port = door.sockets[0].getsockname()[1]
            started.set()
            await door.serve_forever()

        threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True).start()
        assert started.wait(PATIENCE)


class Line:
    """One end of a connection by wsproto."""

    def __init__(self, stream, kind):
        self.stream, self._state, self._events = stream, wsproto.WSConnection(kind), []

    def send(self, event):
        self.stream.sendall(self._state.send(event))

    def next(self):
        while not self._events:
            self._state.receive_data(self.stream.recv(65536) or None)
            self._events.extend(self._state.events())
        return self._events.pop(0)

    def message(self):
        """The next whole message, or how it was closed; pings are answered, and counted."""
        parts = []
        while True:
            event = self.next()
            if isinstance(event, events.Ping):
                self.send(event.response())
            elif isinstance(event, events.CloseConnection):
                if self._state.state is wsproto.ConnectionState.REMOTE_CLOSING:
                    self.send(event.response())
                return event
            elif isinstance(event, events.Message):
                parts.append(event.data)
                if event.message_finished:
                    return parts[0][:0].join(parts)


class Secure:
    """An echo by wsproto, behind TLS."""

    def __init__(self, folder):
        self.closed, self.fragments = [], 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "upstream.pem", folder / "upstream.key")
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self._door.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), self._context.wrap_socket(peer, server_side=True) as peer:
            peer.settimeout(PATIENCE)
            line = Line(peer, wsproto.ConnectionType.SERVER)
            wish = line.next()
            chosen = "chat" if "chat" in wish.subprotocols else None
            line.send(events.AcceptConnection(subprotocol=chosen, extensions=[PerMessageDeflate()]))
            while not isinstance(message := line.message(), events.CloseConnection):
                if message == "leave":
                    line.send(events.CloseConnection(code=4002, reason="as you wish"))
                else:
                    line.send(events.Message(data=message))
            self.closed.append((int(message.code), message.reason or ""))


class ByWebsockets:
    """A client by websockets, on a loop of its own: its client of threads reads and writes one TLS connection
    at a time from two of them, which Python's ssl loses bytes over."""

    _loop = asyncio.new_event_loop()

    def __init__(self, room, path, *headers, compressed=True):
        connecting = websockets.asyncio.client.connect(
            f"wss://localhost:{room.port}{path}",
            ssl=room.context(),
            additional_headers=headers,
            subprotocols=["chat"],
            compression="deflate" if compressed else None,
            max_size=None,
            proxy=None,
        )
        self._line = self._do(connecting.__aenter__())
        self.subprotocol = self._line.subprotocol
        self.extensions = [type(it).__name__ for it in self._line.protocol.extensions]

    def _do(self, what):
        return self._loop.run_until_complete(asyncio.wait_for(what, PATIENCE))

    def send(self, message):
        self._do(self._line.send(message))

    def send_in_pieces(self, pieces):
        self._do(self._line.send(pieces))

    def ping(self):
        async def answered():
            await (await self._line.ping())

        self._do(answered())

    def receive(self):
        return self._do(self._line.recv())

    def close(self, code, reason):
        self._do(self._line.close(code, reason))

    def closing(self):
        try:
            return f"a message: {self.receive()}"
        except websockets.exceptions.ConnectionClosed as why:
            return (why.rcvd.code, why.rcvd.reason) if why.rcvd else None


class ByWsproto:
    """A client by wsproto."""

    def __init__(self, room, path, *headers, compressed=True):
        raw = socket.create_connection(("127.0.0.1", room.port), PATIENCE)
        stream = room.context().wrap_socket(raw, server_hostname="localhost")
        self._line = Line(stream, wsproto.ConnectionType.CLIENT)
        wish = events.Request(
            host="localhost",
            target=path,
            subprotocols=["chat"],
            extensions=[PerMessageDeflate()] if compressed else [],
            extra_headers=[(name.encode(), value.encode()) for name, value in headers],
        )
        self._line.send(wish)
        answer = self._line.next()
        if isinstance(answer, events.RejectConnection):
            raise PermissionError(answer.status_code)
        self.subprotocol = answer.subprotocol
        self.extensions = [type(it).__name__ for it in answer.extensions]

    def send(self, message):
        self._line.send(events.Message(data=message))

    def send_in_pieces(self, pieces):
        for piece in pieces:
            self._line.send(events.Message(data=piece, message_finished=False))
            # Between the pieces of a message there may be others (RFC 6455, section 5.4).
            self._line.send(events.Ping(payload=b"between"))
        self._line.send(events.Message(data=pieces[0][:0], message_finished=True))

    def ping(self):
        self._line.send(events.Ping(payload=b"there?"))
        pong = self._line.next()
        assert isinstance(pong, events.Pong) and pong.payload == b"there?", pong

    def receive(self):
        return self._line.message()

    def close(self, code, reason):
        self._line.send(events.CloseConnection(code=code, reason=reason))
        self._line.message()
        self._line.stream.close()

    def closing(self):
        event = self._line.message()
        return (int(event.code), event.reason or "") if hasattr(event, "code") else event


class Room:
    """A gateway that speaks TLS, two servers, and an issuer."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        self_signed(base)
        self_signed(base, "upstream")
        (base / "payroll.key").write_text(KEY)
        self._ca = base / "own.pem"
        self.servers = {"/clear": Clear(), "/secure": Secure(base)}
        ports = {name.strip("/"): server.port for name, server in self.servers.items()}
        config = CONFIG.format(tenant=TENANT, api=API, issuer=Serving(Issuer).server_port, **ports)
        self.gateway = Serve(base, config)
        self.port = self.gateway.ports["apis"]
        eventually(lambda: '"message":"ready"' in self.gateway.output(), "it has its keys")
        return self

    def __exit__(self, *_):
        if self.gateway.process.poll() is None:
            self.gateway.end()
        self._folder.cleanup()

    def output(self):
        return self.gateway.output()

    def context(self):
        context = ssl.create_default_context(cafile=str(self._ca))
        context.set_alpn_protocols(["http/1.1"])
        return context

    def each(self, **wishes):
        """Every client at every server."""
        for client in (ByWebsockets, ByWsproto):
            for path, server in self.servers.items():
                line = client(self, path, ("X-Api-Key", KEY), **wishes)
                yield line, server, f"{client.__name__} {path}"

    def token(self, seconds):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": API, "tid": TENANT, "ver": "2.0", "azp": CLIENT}
        claims |= {"azpacr": "1", "idtyp": "app", "oid": CLIENT, "sub": CLIENT, "roles": ["Talk"]}
        claims |= {"iat": now, "nbf": now, "exp": now + seconds}
        return jwt.encode(claims, Issuer.key, "RS256", {"kid": "1"})


@check
def messages_of_every_size_go_both_ways(room):
    for line, _, pair in room.each():
        assert line.subprotocol == "chat", pair
        assert "PerMessageDeflate" in line.extensions, (pair, line.extensions)
        for message in ("", "hello", "z" * 3_000_000, os.urandom(1), os.urandom(70_000)):
            line.send(message)
            assert line.receive() == message, (pair, len(message))
        line.ping()
        line.close(1000, "")


@check
def a_message_in_pieces_arrives_whole_with_pings_between_them(room):
    # wsproto cannot read what is both compressed and interrupted.
    for line, _, pair in room.each(compressed=False):
        pieces = ["one ", "two ", "three"]
        line.send_in_pieces(pieces)
        heard = line.receive()
        assert heard == "one two three", (pair, heard)
        line.close(1000, "")


@check
def goodbyes_reach_the_other_side_with_their_words(room):
    for line, server, pair in room.each():
        before = len(server.closed)
        line.close(4321, "enough")
        eventually(lambda: len(server.closed) > before, f"{pair}: it is closed")
        assert server.closed[-1] == (4321, "enough"), (pair, server.closed)
    for line, _, pair in room.each():
        line.send("leave")
        assert line.closing() == (4002, "as you wish"), pair


@check
def who_may_not_gets_an_answer_and_no_tunnel(room):
    for path in room.servers:
        for headers in ((), (("X-Api-Key", KEY + "x"),)):
            for client in (ByWebsockets, ByWsproto):
                try:
                    client(room, path, *headers)
                except PermissionError as why:
                    assert why.args == (401,), (path, why)
                except websockets.exceptions.InvalidStatus as why:
                    assert why.response.status_code == 401, (path, why)
                else:
                    raise AssertionError(f"let in: {client.__name__} {path} {headers}")


@check
def a_token_that_ends_takes_its_web_socket_along(room):
    for client in (ByWebsockets, ByWsproto):
        line = client(room, "/lasting", ("Authorization", f"Bearer {room.token(4)}"))
        line.send("still here")
        assert line.receive() == "still here"
        assert line.closing() == (1008, "token_expired"), client.__name__
        eventually(lambda: room.servers["/clear"].closed[-1][0] == 1008, "the server is told too")


# Last: it ends the gateway.
@check
def who_is_connected_when_the_gateway_leaves_is_told(room):
    lines = list(room.each())
    for line, _, pair in lines:
        line.send("hello")
        assert line.receive() == "hello", pair
    room.gateway.process.terminate()
    for line, _, pair in lines:
        assert line.closing() == (1001, "going away"), pair
    room.gateway.end()
    for server in room.servers.values():
        assert [code for code, _ in server.closed[-2:]] == [1001, 1001], server.closed


if __name__ == "__main__":
    sit(Room)
