"""gRPC's own client and server, with the gateway between them, in clear and over TLS: calls of all four
kinds, metadata and trailers, deadlines, denials and broken upstreams, in the words that gRPC has for them.
"""

import concurrent.futures
import pathlib
import tempfile
import threading
import time

import grpc
from court import PATIENCE, Serve, check, self_signed, sit

KEY = "payroll-0123456789abcdef0123456789abcdef"
CONFIG = """\
version: 1
listeners:
  apis: {{ address: 127.0.0.1:0, protocols: [h2c] }}
  secure:
    address: 127.0.0.1:0
    tls: {{ certificate: own.pem, key: own.key, client_ca: client.pem }}
admin: {{ address: 127.0.0.1:0 }}
routes:
  - id: calls
    listener: apis
    match: {{ path: "/calc.Calc/**" }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ url: "http://127.0.0.1:{clear}", protocol: h2c }}
  - id: nobody
    listener: apis
    match: {{ path: "/gone.Gone/**" }}
    callers: public
    upstream: {{ url: "http://127.0.0.1:1", protocol: h2c }}
  - id: secure-calls
    listener: secure
    match: {{ path: "/calc.Calc/**" }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream:
      url: "https://localhost:{secure}"
      protocol: h2
      ca_file: upstream.pem
      client_certificate: {{ certificate: ours.pem, key: ours.key }}
"""
AS_PAYROLL = (("x-api-key", KEY), ("x-meta", "m"))


class Calc(grpc.GenericRpcHandler):
    """Bytes in, bytes out."""

    def __init__(self):
        self.metadata, self.cancelled = {}, threading.Event()

    def service(self, details):
        self.metadata = dict(details.invocation_metadata)
        methods = {
            "/calc.Calc/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/calc.Calc/Down": grpc.unary_stream_rpc_method_handler(self.down),
            "/calc.Calc/Up": grpc.stream_unary_rpc_method_handler(self.up),
            "/calc.Calc/Both": grpc.stream_stream_rpc_method_handler(self.both),
            "/calc.Calc/Refused": grpc.unary_unary_rpc_method_handler(self.refused),
            "/calc.Calc/Slow": grpc.unary_unary_rpc_method_handler(self.slow),
        }
        return methods.get(details.method)

    def unary(self, request, context):
        context.send_initial_metadata((("x-begin", "b"),))
        context.set_trailing_metadata((("x-end", "e"), ("x-bytes-bin", b"\0\xff")))
        return request[::-1]

    def down(self, request, _):
        for number in range(int(request)):
            yield b"%d" % number

    def up(self, requests, _):
        return b"%d" % sum(map(int, requests))

    def both(self, requests, _):
        for request in requests:
            yield request.upper()

    def refused(self, _, context):
        context.set_trailing_metadata((("x-why", "w"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not \u00fcber now")

    def slow(self, _, context):
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(PATIENCE)
        return b"late"


class Wire:
    """The gateway in front of a gRPC server."""

    def __enter__(self):
        self.calc = Calc()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(20))
        self.server.add_generic_rpc_handlers((self.calc,))
        self._directory = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._directory.name)
        for name in ("own", "client", "upstream", "ours"):
            self_signed(base, name)
        self._file = lambda name: (base / name).read_bytes()
        (base / "payroll.key").write_text(KEY)
        # It wants our certificate.
        pair = [(self._file("upstream.key"), self._file("upstream.pem"))]
        proven = grpc.ssl_server_credentials(pair, self._file("ours.pem"), True)
        ports = {
            "clear": self.server.add_insecure_port("127.0.0.1:0"),
            "secure": self.server.add_secure_port("localhost:0", proven),
        }
        self.server.start()
        self._gateway = Serve(base, CONFIG.format(**ports))
        clear, self._secure = (self._gateway.ports[it] for it in ("apis", "secure"))
        self.channel = grpc.insecure_channel(f"127.0.0.1:{clear}")
        self.secure = self.over_tls("client")
        self.channels = (self.channel, self.secure)
        return self

    def __exit__(self, *_):
        for channel in self.channels:
            channel.close()
        self._gateway.end()
        self.server.stop(None)
        self._directory.cleanup()

    def over_tls(self, shown=None):
        """A channel whose caller shows this certificate, or none."""
        own = [self._file(f"{shown}.key"), self._file(f"{shown}.pem")] if shown else []
        credentials = grpc.ssl_channel_credentials(self._file("own.pem"), *own)
        return grpc.secure_channel(f"localhost:{self._secure}", credentials)

    def output(self):
        return self._gateway.output()


def failure(call):
    """How this call fails."""
    try:
        call()
    except grpc.RpcError as why:
        return why
    raise AssertionError("it has an answer")


@check
def unary_with_metadata_both_ways(wire):
    for channel in wire.channels:
        call = channel.unary_unary("/calc.Calc/Unary")
        answer, told = call.with_call(b"abc", metadata=AS_PAYROLL, timeout=PATIENCE)
        assert answer == b"cba", answer
        assert dict(told.initial_metadata())["x-begin"] == "b"
        trailers = dict(told.trailing_metadata())
        assert trailers["x-end"] == "e" and trailers["x-bytes-bin"] == b"\0\xff", trailers
        assert wire.calc.metadata["x-meta"] == "m"
        assert "x-api-key" not in wire.calc.metadata, wire.calc.metadata


@check
def large_messages(wire):
    for channel in wire.channels:
        call = channel.unary_unary("/calc.Calc/Unary")
        message = bytes(range(256)) * 12_000
        assert call(message, metadata=AS_PAYROLL, timeout=PATIENCE) == message[::-1]


@check
def server_streams(wire):
    for channel in wire.channels:
        call = channel.unary_stream("/calc.Calc/Down")
        answers = list(call(b"1000", metadata=AS_PAYROLL, timeout=PATIENCE))
        assert answers == [b"%d" % number for number in range(1000)]


@check
def client_streams(wire):
    for channel in wire.channels:
        call = channel.stream_unary("/calc.Calc/Up")
        numbers = (b"%d" % number for number in range(1000))
        assert call(numbers, metadata=AS_PAYROLL, timeout=PATIENCE) == b"499500"


@check
def both_stream_in_turns(wire):
    """Each message is sent when the answer to the one before is here."""
    for channel in wire.channels:
        turns = threading.Semaphore(1)

        def say():
            for word in (b"one", b"two", b"three"):
                assert turns.acquire(timeout=PATIENCE)
                yield word

        call = channel.stream_stream("/calc.Calc/Both")
        heard = []
        for answer in call(say(), metadata=AS_PAYROLL, timeout=PATIENCE):
            heard.append(answer)
            turns.release()
        assert heard == [b"ONE", b"TWO", b"THREE"], heard


@check
def a_hundred_calls_at_a_time(wire):
    for channel in wire.channels:
        call = channel.unary_unary("/calc.Calc/Unary")
        calls = [call.future(b"%d" % n, metadata=AS_PAYROLL, timeout=PATIENCE) for n in range(100)]
        assert [it.result() for it in calls] == [(b"%d" % n)[::-1] for n in range(100)]


@check
def a_status_and_its_trailers(wire):
    for channel in wire.channels:
        call = channel.unary_unary("/calc.Calc/Refused")
        why = failure(lambda: call(b"", metadata=AS_PAYROLL, timeout=PATIENCE))
        assert why.code() is grpc.StatusCode.FAILED_PRECONDITION, why
        assert why.details() == "not \u00fcber now" and dict(why.trailing_metadata())["x-why"] == "w"
        call = channel.unary_unary("/calc.Calc/Unknown")
        why = failure(lambda: call(b"", metadata=AS_PAYROLL, timeout=PATIENCE))
        assert why.code() is grpc.StatusCode.UNIMPLEMENTED, why


@check
def a_deadline_ends_the_call_upstream_too(wire):
    for channel in wire.channels:
        wire.calc.cancelled.clear()
        call = channel.unary_unary("/calc.Calc/Slow")
        try:
            call(b"", metadata=AS_PAYROLL, timeout=0.5)
            raise AssertionError("it has an answer")
        except grpc.RpcError as why:
            assert why.code() is grpc.StatusCode.DEADLINE_EXCEEDED, why
        assert wire.calc.cancelled.wait(PATIENCE)


@check
def a_call_that_is_cancelled_is_so_upstream(wire):
    for channel in wire.channels:
        wire.calc.cancelled.clear()
        call = channel.unary_unary("/calc.Calc/Slow").future(b"", metadata=AS_PAYROLL)
        time.sleep(0.3)
        call.cancel()
        assert wire.calc.cancelled.wait(PATIENCE)


@check
def denials_are_statuses_with_our_reason(wire):
    for method, metadata, code, reason in [
        ("/calc.Calc/Unary", (), grpc.StatusCode.UNAUTHENTICATED, "no_credential"),
        ("/other.Other/Unary", AS_PAYROLL, grpc.StatusCode.UNIMPLEMENTED, "no_route"),
        ("/gone.Gone/Unary", (), grpc.StatusCode.UNAVAILABLE, "upstream_unreachable"),
    ]:
        call = wire.channel.unary_unary(method)
        why = failure(lambda: call(b"", metadata=metadata, timeout=PATIENCE))
        assert why.code() is code, (method, why)
        assert why.details().startswith(reason), (method, why.details())


@check
def over_tls_nobody_calls_without_a_certificate_that_is_known(wire):
    for shown in (None, "ours"):
        with wire.over_tls(shown) as channel:
            call = channel.unary_unary("/calc.Calc/Unary")
            why = failure(lambda: call(b"abc", metadata=AS_PAYROLL, timeout=5))
            assert why.code() is grpc.StatusCode.UNAVAILABLE, (shown, why)
    call = wire.secure.unary_unary("/calc.Calc/Unary")
    assert call(b"abc", metadata=AS_PAYROLL, timeout=PATIENCE) == b"cba"


@check
def an_upstream_that_dies_is_unavailable(wire):
    call = wire.channel.unary_stream("/calc.Calc/Down")
    assert list(call(b"3", metadata=AS_PAYROLL, timeout=PATIENCE)) == [b"0", b"1", b"2"]
    wire.server.stop(None).wait(PATIENCE)
    call = wire.channel.unary_unary("/calc.Calc/Unary")
    why = failure(lambda: call(b"", metadata=AS_PAYROLL, timeout=PATIENCE))
    assert why.code() is grpc.StatusCode.UNAVAILABLE, why


if __name__ == "__main__":
    sit(Wire)
