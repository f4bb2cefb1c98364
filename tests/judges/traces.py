"""OpenTelemetry's own SDK on both sides of the gateway, and its messages for the collector in between: is
what they see one trace, from the caller by the gateway to the upstream, with what was decided and no token?
"""

import http.client
import pathlib
import tempfile
import threading
import time

from court import PATIENCE, Answering, Serve, Serving, check, eventually, sit
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

KEY = "payroll-0123456789abcdef0123456789abcdef"
COLLECTORS_KEY = "collector-0123456789abcdef0123456789ab"
PROPAGATOR = TraceContextTextMapPropagator()
TRACER = TracerProvider().get_tracer("judge")
GATE = """
version: 1
listeners: {{ apis: {{ address: "127.0.0.1:0" }} }}
admin: {{ address: "127.0.0.1:0" }}
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


class Other(Answering):
    """The upstream, which takes part in traces, and the collector."""

    spans, posts, upstream = [], [], []
    stands_still = threading.Event()

    def do_GET(self):
        context = PROPAGATOR.extract({name.lower(): value for name, value in self.headers.items()})
        with TRACER.start_as_current_span("upstream", context=context) as span:
            self.upstream.append(span)
        self.say(b"ok")

    def do_POST(self):
        body = self.read()
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


class Room:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        (base / "payroll.key").write_text(KEY)
        (base / "collector.key").write_text(COLLECTORS_KEY)
        self.gateway = Serve(base, GATE.format(other=Serving(Other).server_port)).ready()
        return self

    def ask(self, path, headers):
        line = http.client.HTTPConnection("127.0.0.1", self.gateway.ports["apis"], timeout=PATIENCE)
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        answer.read()
        return answer.status

    def sent(self):
        return self.gateway.metric('bearergate_spans_total{outcome="sent"}') or 0

    def output(self):
        return self.gateway.output()

    def __exit__(self, *_):
        Other.stands_still.clear()
        self.gateway.end()
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
    sent = room.sent()
    Other.stands_still.set()
    for _ in range(50):
        assert room.ask("/orders/7", {"X-Api-Key": KEY}) == 200
    Other.stands_still.clear()
    eventually(lambda: room.sent() >= sent + 100, "what waited goes again")


if __name__ == "__main__":
    sit(Room)
