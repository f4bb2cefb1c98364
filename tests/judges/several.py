"""Python's own servers behind one upstream of several `urls`, asked by urllib3 and curl: is every place used
as its upstream says, does one that dies, hangs or falls ill cost nobody an answer, and is nothing done twice?
"""

import collections
import concurrent.futures
import contextlib
import http.server
import pathlib
import socket
import tempfile
import threading

import urllib3
from court import PATIENCE, Serve, check, curl, eventually, sit

CONFIG = """
version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0, protocols: [http1, h2c] }} }}
admin: {{ address: 127.0.0.1:0 }}
routes:
  - id: turns
    listener: apis
    match: {{ path: /turns/** }}
    callers: public
    upstream:
      urls: [{urls}]
      health: {{ failures: 2, rest: 200ms }}
      retries: {{ most: 2, budget: 100% }}
  - id: least
    listener: apis
    match: {{ path: /least/** }}
    callers: public
    upstream: {{ urls: [{urls}], balance: least_requests }}
  - id: asked
    listener: apis
    match: {{ path: /asked/** }}
    callers: public
    upstream:
      urls: [{urls}]
      health: {{ check: {{ path: /healthz, interval: 50ms, timeout: 1s }} }}
  - id: again
    listener: apis
    match: {{ path: /again/** }}
    callers: public
    upstream:
      urls: [{urls}]
      health: {{ failures: 1000 }}
      retries: {{ most: 2, budget: 100%, statuses: [503] }}
  - id: few
    listener: apis
    match: {{ path: /few/** }}
    callers: public
    upstream: {{ urls: [{urls}], limits: {{ requests: 2 }} }}
"""


class Place(http.server.ThreadingHTTPServer):
    """One of the places. It may be ill, busy, or dead."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name, port=0):
        super().__init__(("127.0.0.1", port), Answer)
        self.name, self.healthy, self.busy = name, True, False
        self.seen, self.asks, self.go_on = [], 0, threading.Event()
        self.lines = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def die(self):
        """Nobody listens any more, and who was connected is cut off."""
        self.shutdown()
        self.server_close()
        for line in list(self.lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    @property
    def port(self):
        return self.server_port


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out whole, or not at all.
    wbufsize = 4096

    def setup(self):
        super().setup()
        self.server.lines.add(self.connection)

    def finish(self):
        self.server.lines.discard(self.connection)
        super().finish()

    def handle(self):
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def answer(self):
        place = self.server
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        if self.path == "/healthz":
            place.asks += 1
            status = 200 if place.healthy else 500
        else:
            place.seen.append((self.command, self.path))
            status = 503 if place.busy else 200
        if "wait" in self.path:
            place.go_on.wait(PATIENCE)
        body = place.name.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Room:
    """Three places, and a gateway in front of them."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.places = [Place(name) for name in "abc"]
        urls = ", ".join(f'"http://127.0.0.1:{place.port}"' for place in self.places)
        self.gateway = Serve(pathlib.Path(self._folder.name), CONFIG.format(urls=urls))
        self.url = f"http://127.0.0.1:{self.gateway.ports['apis']}"
        self.pool = urllib3.PoolManager(maxsize=32, retries=False)
        return self

    def __exit__(self, *_):
        for place in self.places:
            place.go_on.set()
        self.pool.clear()
        self.gateway.end()
        self._folder.cleanup()

    def output(self):
        return self.gateway.output()

    def ask(self, path, method="GET", body=None):
        answer = self.pool.request(method, f"{self.url}{path}", body=body, timeout=PATIENCE)
        return answer.status, answer.data.decode()

    def count(self, path, times):
        """Who answered, so many times; all did."""
        answers = [self.ask(path) for _ in range(times)]
        assert all(status == 200 for status, _ in answers), answers
        return collections.Counter(name for _, name in answers)


@check
def places_take_turns(room):
    assert room.count("/turns/x", 30) == {"a": 10, "b": 10, "c": 10}
    # By HTTP/2, the streams of one connection as well.
    names = [curl(f"{room.url}/turns/x", "--http2-prior-knowledge").body for _ in range(6)]
    assert sorted(names) == list("aabbcc"), names


@check
def who_has_the_fewest_requests_gets_the_next(room):
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(room.ask, "/least/wait") for _ in range(6)]
        held = lambda: [len([it for it in place.seen if "wait" in it[1]]) for place in room.places]
        eventually(lambda: sum(held()) == 6, "all wait")
        assert held() == [2, 2, 2], held()
        # Two of one place are answered: it has none now, and gets the next ones first.
        room.places[1].go_on.set()
        eventually(lambda: sum(it.done() for it in waiting) == 2, "two are answered")
        assert [room.ask("/least/x")[1] for _ in range(4)] == ["b"] * 4
        for place in room.places:
            place.go_on.set()
        assert all(it.result()[0] == 200 for it in waiting)


@check
def a_place_that_falls_ill_is_left_alone_until_it_is_well(room):
    ill = room.places[2]
    eventually(lambda: ill.asks > 2, "it is asked how it is")
    ill.healthy = False
    eventually(lambda: room.count("/asked/x", 6)["c"] == 0, "it gets none")
    assert room.count("/asked/x", 20)["c"] == 0
    ill.healthy = True
    eventually(lambda: room.count("/asked/x", 6)["c"] == 2, "it has its turn again")


@check
def what_may_be_repeated_is_and_nothing_else(room):
    for place in room.places:
        place.seen.clear()
    busy = room.places[0]
    busy.busy = True
    assert room.count("/again/x", 12).keys() == {"b", "c"}
    statuses = [room.ask("/again/x", "POST", b"once")[0] for _ in range(9)]
    assert statuses.count(503) == 3, statuses
    posts = sum(it[0] == "POST" for place in room.places for it in place.seen)
    assert posts == 9, posts
    # Idempotent by its definition (RFC 9110, section 9.2.2), and with a body.
    assert {room.ask("/again/x", "PUT", b"twice")[0] for _ in range(6)} == {200}
    busy.busy = False


@check
def no_more_get_through_than_may_and_the_others_are_told_when_to_come_again(room):
    for place in room.places:
        place.go_on.clear()
        place.seen.clear()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(room.ask, "/few/wait") for _ in range(2)]
        eventually(lambda: sum(len(it.seen) for it in room.places) == 2, "two are there")
        answer = curl(f"{room.url}/few/x")
        assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1, answer
        assert sum(len(it.seen) for it in room.places) == 2
        for place in room.places:
            place.go_on.set()
        assert {it.result() for it in waiting} <= {(200, name) for name in "abc"}
    eventually(lambda: curl(f"{room.url}/few/x").status == 200, "there is room again")


# Last: one of them is another one afterwards.
@check
def one_that_dies_under_load_costs_nobody_an_answer_and_serves_again(room):
    ends, failed, answered = threading.Event(), [], [0]

    def load(method):
        while not ends.is_set():
            try:
                status, name = room.ask("/turns/x", method, b"hello" if method == "PUT" else None)
                if status != 200:
                    failed.append((method, status, name))
                answered[0] += 1
            except urllib3.exceptions.HTTPError as why:
                failed.append((method, repr(why)))

    threads = [threading.Thread(target=load, args=(it,)) for it in ("GET", "GET", "PUT")]
    for thread in threads:
        thread.start()
    more = lambda count: eventually(lambda at=answered[0]: answered[0] > at + count, "it goes on")
    more(50)
    dead = room.places[1]
    dead.die()
    more(100)
    room.places[1] = Place("b", dead.port)
    eventually(lambda: room.places[1].seen, "it is tried, and serves")
    more(50)
    ends.set()
    for thread in threads:
        thread.join()
    assert not failed, (len(failed), failed[:5])
    print(f"        {answered[0]} answered while one of three died and came back")
    spread = room.count("/turns/x", 30)
    assert spread == {"a": 10, "b": 10, "c": 10}, spread


if __name__ == "__main__":
    sit(Room)
