"""urllib3, curl and a parser of structured fields (RFC 9651) before the limits of `bearergate serve`: do
clients that know nothing of us understand what they are told, come again in time, and get through?
"""

import concurrent.futures
import pathlib
import tempfile
import threading
import time

import http_sf
import urllib3
from court import PATIENCE, Answering, Serve, Serving, check, curl, eventually, sit

APP = "http://localhost:3000"
KEY = "payroll-0123456789abcdef0123456789abcdef"
GATE = """
version: 1
listeners: {{ apis: {{ address: "127.0.0.1:0" }} }}
admin: {{ address: "127.0.0.1:0" }}
routes:
  - id: told
    listener: apis
    match: {{ path: /told }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ url: "http://127.0.0.1:{upstream}" }}
    limits: {{ per_caller: {{ rate: 6/m, burst: 3 }} }}
  - id: slow
    listener: apis
    match: {{ path: /slow }}
    callers: public
    upstream: {{ url: "http://127.0.0.1:{upstream}" }}
    limits: {{ rate: 1/s, burst: 1 }}
  - id: few
    listener: apis
    match: {{ path: /few }}
    callers: public
    upstream: {{ url: "http://127.0.0.1:{upstream}" }}
    limits: {{ concurrent: 3 }}
    cors: {{ origins: ["{app}"], headers: [X-Api-Key], max_age: 1h }}
"""


class Upstream(Answering):
    """Answers at once, but for `/few`: when it is told."""

    go_on = threading.Event()
    asked = []

    def do_GET(self):
        self.asked.append((self.command, self.path))
        if self.path == "/few":
            self.go_on.wait(PATIENCE)
        self.say("ok")

    do_OPTIONS = do_GET


class Room:
    """An upstream, and a gateway in front of it."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        (base / "payroll.key").write_text(KEY)
        self._gateway = Serve(base, GATE.format(app=APP, upstream=Serving(Upstream).server_port))
        self.url = self._gateway.ready().url("apis")
        return self

    def __exit__(self, *_):
        Upstream.go_on.set()
        self._gateway.end()
        self._folder.cleanup()

    def output(self):
        return self._gateway.output()


def fields(answer):
    """RateLimit-Policy and RateLimit as lists of (name, parameters)."""
    names = ("ratelimit-policy", "ratelimit")
    return [http_sf.parse(answer.headers[name].encode(), tltype="list") for name in names]


@check
def what_is_left_is_told_in_structured_fields_that_add_up(room):
    for left in (2, 1, 0):
        answer = curl(f"{room.url}/told", headers=[f"X-Api-Key: {KEY}"])
        assert answer.status == 200, answer
        (policy,), (now,) = fields(answer)
        assert policy == ("caller", {"q": 3, "w": 30}), policy
        name, parameters = now
        assert name == "caller" and parameters["r"] == left, now
        assert 1 <= parameters["t"] <= 30, now
    answer = curl(f"{room.url}/told", headers=[f"X-Api-Key: {KEY}"])
    assert (answer.status, answer.reason()) == (429, "rate_limit"), answer
    (policy,), (now,) = fields(answer)
    wait = int(answer.headers["retry-after"])
    assert policy == ("caller", {"q": 3, "w": 30}) and now == ("caller", {"r": 0, "t": wait}), now
    assert 1 <= wait <= 10, wait
    answer = curl(f"{room.url}/told", headers=[f"X-Api-Key: {KEY[:-1]}x"])
    assert answer.status == 401 and "ratelimit" not in answer.headers, answer


@check
def a_client_that_minds_retry_after_gets_through(room):
    minds = urllib3.Retry(total=9, status_forcelist=[429], respect_retry_after_header=True)
    began = time.monotonic()
    with urllib3.PoolManager(retries=minds) as pool:
        for _ in range(3):
            answer = pool.request("GET", f"{room.url}/slow", timeout=PATIENCE)
            assert (answer.status, answer.data) == (200, b"ok"), answer.status
    assert time.monotonic() - began >= 1.9, "faster than the rate"


@check
def curl_comes_again_by_itself(room):
    answer = curl(f"{room.url}/slow", "--retry", "9")
    answer = curl(f"{room.url}/slow", "--retry", "9")
    assert (answer.status, answer.body) == (200, "ok"), answer


@check
def as_many_get_in_at_a_time_as_may_and_the_next_when_one_has_left(room):
    ask = lambda: curl(f"{room.url}/few")  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        answers = [threads.submit(ask) for _ in range(12)]
        refused = lambda: [it for it in answers if it.done()]  # noqa: E731
        eventually(lambda: len(refused()) == 9, "nine of twelve are refused")
        for answer in refused():
            answer = answer.result()
            assert (answer.status, answer.reason()) == (429, "concurrency_limit"), answer
            (policy,), (now,) = fields(answer)
            said = ("route-concurrent", {"q": 3, "qu": "concurrent-requests"})
            assert (policy, now) == (said, ("route-concurrent", {"r": 0})), policy
        Upstream.go_on.set()
        statuses = sorted(answer.result().status for answer in answers)
        assert statuses == [200] * 3 + [429] * 9, statuses
    eventually(lambda: ask().status == 200, "their places are free again")


@check
def a_browser_that_asks_first_is_answered_and_nobody_else_is_asked(room):
    before = len(Upstream.asked)
    question = ["Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-api-key"]
    answer = curl(f"{room.url}/few", method="OPTIONS", headers=[f"Origin: {APP}", *question])
    assert answer.status == 204 and answer.body == "", answer
    assert answer.headers["access-control-allow-origin"] == APP, answer.headers
    assert answer.headers["access-control-allow-headers"] == "x-api-key", answer.headers
    for origin in ("null", f"{APP}.evil.example", "http://localhost:30000", "https://localhost:3000"):
        answer = curl(f"{room.url}/few", method="OPTIONS", headers=[f"Origin: {origin}", *question])
        assert (answer.status, answer.reason()) == (403, "origin_not_allowed"), answer
        assert "access-control-allow-origin" not in answer.headers, answer.headers
    assert len(Upstream.asked) == before, Upstream.asked[before:]


sit(Room)
