"""Callers that never pause: each on its own connection, on connections kept open, and with requests that take long.

usage: load.py ADDRESS PORT KEY-FILE     one line of JSON for each line on standard input: what happened since the last

Nothing is tried again: whatever is not the answer 200 is a failure. Only a caller that opens a connection
for an answer that said `Connection: close` is as it should be.
"""

import collections
import http.client
import json
import pathlib
import sys
import threading
import time

from pace import SLOWER, longest

ADDRESS, PORT, KEY = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
PATIENCE = longest(30)
CALLERS = {"one-shot": 6, "keep-alive": 20, "slow": 6}
PAUSE = {"one-shot": 0.02 * SLOWER, "keep-alive": 0.1 * SLOWER, "slow": 0.05 * SLOWER}

lock = threading.Lock()
answered, failed, connections = collections.Counter(), [], collections.Counter()


def call(kind):
    line = None
    path = "/slow" if kind == "slow" else "/quick"
    while True:
        if line is None or kind == "one-shot":
            line = http.client.HTTPConnection(ADDRESS, PORT, timeout=PATIENCE)
            with lock:
                connections[kind] += 1
        began = time.monotonic()
        try:
            line.request("GET", path, headers={"X-Api-Key": KEY.read_text().strip()})
            answer = line.getresponse()
            answer.read()
            fault = None if answer.status == 200 else f"status {answer.status}"
            if answer.will_close or kind == "one-shot":
                line.close()
                line = None
        except (OSError, http.client.HTTPException) as why:
            fault = repr(why)
            line.close()
            line = None
        with lock:
            if fault:
                took = time.monotonic() - began
                failed.append(f"{time.strftime('%H:%M:%S')} {kind}: {fault} after {took:.2f} s")
            else:
                answered[kind] += 1
        time.sleep(PAUSE[kind])


for kind, count in CALLERS.items():
    for _ in range(count):
        threading.Thread(target=call, args=(kind,), daemon=True).start()
for _ in sys.stdin:
    with lock:
        said = {"answered": dict(answered), "failed": list(failed), "connections": dict(connections)}
        answered.clear()
        failed.clear()
        connections.clear()
    print(json.dumps(said), flush=True)
