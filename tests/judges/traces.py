"""OpenTelemetry's own SDK on both sides of the gateway, and its messages for the collector in between: is
what they see one trace, from the caller by the gateway to the upstream, with what was decided and no token?
"""

import contextlib
import http.client
import http.server
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

from court import PATIENCE, binary, check, eventually, sit
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

KEY = "payroll-0123456789abcdef0123456789abcdef"
COLLECTORS_KEY = "collector-0123456789abcdef0123456789ab"
PROPAGATOR = TraceContextTextMapPropagator()
TRACER = TracerProvider().get_tracer("judge")
GATE = """
version: 1
listeners: {{ apis: {{ address: "127.0.0.1:{apis}" }} }}
admin: {{ address: "127.0.0.1:{admin}" }}
traces:
  endpoint: "http://127.0.0.1:{other}/v1/traces"
  service: edge
  attributes: {{ deployment.environment.name: test }}
  headers: {{ x-collector-key: {{ file: collector.key }} }}
routes:
  - id: orders
    listener: apis
    match: {{ path: "/orders/{{order}}" }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ url: "http://127.0.0.1:{other}" }}
"""


class Other(http.server.BaseHTTPRequestHandler):
    """The upstream, which takes part in traces, and the collector."""

    protocol_version = "HTTP/1.1"
    spans, posts, upstream = [], [], []
    stands_still = threading.Event()

    def do_GET(self):
        context = PROPAGATOR.extract({name.lower(): value for name, value in self.headers.items()})
        with TRACER.start_as_current_span("upstream", context=context) as span:
            self.upstream.append(span)
        self.say(b"ok")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.headers["content-type"] == "application/x-protobuf"
        self.posts.append((self.headers["x-collector-key"], body))
        while self.stands_still.is_set():
            time.sleep(0.05)
        message = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend((resource.resource, span) for span in scope.spans)
        answer = trace_service_pb2.ExportTraceServiceResponse()
        self.say(answer.SerializeToString())

    def say(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Room:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with contextlib.ExitStack() as doors:
            taken = [doors.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "ab"]
            self.apis, self.admin = (door.getsockname()[1] for door in taken)
        (base / "payroll.key").write_text(KEY)
        (base / "collector.key").write_text(COLLECTORS_KEY)
        text = GATE.format(apis=self.apis, admin=self.admin, other=other.server_port)
        (base / "gate.yaml").write_text(text)
        self._log = base / "output.log"
        with self._log.open("wb") as log:
            command = [binary(), "serve", "--config", base / "gate.yaml"]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        eventually(self._is_ready, "the gateway is not ready")
        return self

    def _is_ready(self):
        assert self._process.poll() is None, self.output()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=5).status == 200
        return False

    def ask(self, path, headers):
        line = http.client.HTTPConnection("127.0.0.1", self.apis, timeout=PATIENCE)
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        answer.read()
        return answer.status

    def metric(self, name):
        page = urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=PATIENCE)
        lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def output(self):
        return self._log.read_text(errors="replace")

    def __exit__(self, *_):
        Other.stands_still.clear()
        self._process.terminate()
        code = self._process.wait(timeout=PATIENCE)
        assert code == 0, f"serve ended with {code}:\n{self.output()}"
        self._folder.cleanup()


def of_trace(trace):
    return [(who, span) for who, span in list(Other.spans) if int.from_bytes(span.trace_id, "big") == trace]


def told(pairs):
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}


@check
def one_trace_leads_from_the_caller_to_the_upstream(room):
    headers = {"X-Api-Key": KEY, "tracestate": "vendor=1"}
    with TRACER.start_as_current_span("caller") as caller:
        PROPAGATOR.inject(headers)
        assert room.ask("/orders/7?token=eyJhidden", headers) == 200
    trace = caller.get_span_context().trace_id
    eventually(lambda: len(of_trace(trace)) == 2, "two spans of it come")
    (resource, _), _ = of_trace(trace)
    asked, asking = sorted((span for _, span in of_trace(trace)), key=lambda span: span.kind)
    upstream = Other.upstream[-1]
    chain = [caller.get_span_context().span_id, int.from_bytes(asked.span_id, "big"),
             int.from_bytes(asking.span_id, "big")]
    parents = [int.from_bytes(asked.parent_span_id, "big"), int.from_bytes(asking.parent_span_id, "big"),
               upstream.parent.span_id]
    assert parents == chain, (parents, chain)
    assert upstream.get_span_context().trace_id == trace
    said = told(asked.attributes)
    assert asked.name == "GET /orders/{order}"
    assert said["bearergate.principal"] == "key:payroll" and said["bearergate.outcome"] == "allowed", said
    assert said["http.response.status_code"] == 200, said
    of_process = told(resource.attributes)
    assert of_process["service.name"] == "edge" and of_process["service.version"], of_process
    assert of_process["deployment.environment.name"] == "test", of_process


@check
def a_denial_is_told_with_its_reason_and_is_the_callers_mistake(room):
    with TRACER.start_as_current_span("caller") as caller:
        headers = {"X-Api-Key": KEY[:-1] + "0"}
        PROPAGATOR.inject(headers)
        assert room.ask("/orders/7", headers) == 401
    trace = caller.get_span_context().trace_id
    eventually(lambda: of_trace(trace), "its span comes")
    ((_, span),) = of_trace(trace)
    assert told(span.attributes)["bearergate.reason"] == "bad_key", span
    assert span.status.code == 0, span


@check
def no_secret_is_in_what_a_collector_is_sent_and_it_is_sent_its_key(_):
    assert Other.posts
    for key, body in Other.posts:
        assert key == COLLECTORS_KEY
        for hidden in (KEY, COLLECTORS_KEY, "eyJhidden"):
            assert hidden.encode() not in body, hidden


@check
def a_collector_that_stands_still_costs_nobody_a_request(room):
    sent = room.metric('bearergate_spans_total{outcome="sent"}')
    Other.stands_still.set()
    for _ in range(50):
        assert room.ask("/orders/7", {"X-Api-Key": KEY}) == 200
    Other.stands_still.clear()
    eventually(
        lambda: room.metric('bearergate_spans_total{outcome="sent"}') >= sent + 100,
        "what waited goes again",
    )


if __name__ == "__main__":
    sit(Room)
