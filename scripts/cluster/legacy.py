"""The sidecar example's application, and in the same pod what stands in for Entra and for Graph.

The application knows no OAuth: it posts mail by plain HTTP to its own loopback, and writes a line a second
of how that went. Entra gives a token for the secret in CLIENT_SECRET; Graph takes that token and no other.
"""

import collections
import http.client
import http.server
import json
import os
import secrets
import signal
import threading
import time
import urllib.parse

TOKEN = secrets.token_urlsafe(32)
MAILBOX = "payslips@payroll.contoso.example"
got = collections.Counter()


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        status, answer = self.judge(body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Entra(Answering):
    def judge(self, body):
        asked = dict(urllib.parse.parse_qsl(body))
        if asked.get("client_secret") != os.environ["CLIENT_SECRET"]:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        got["token"] += 1
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}


class Graph(Answering):
    def judge(self, _):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"error": {"code": "InvalidAuthenticationToken"}}
        got["mail"] += 1
        return 202, {}


def send(mailbox, body=b'{"message": {}}'):
    line = http.client.HTTPConnection("127.0.0.1", 8081, timeout=20)
    try:
        line.request("POST", f"/graph/v1.0/users/{mailbox}/sendMail", body, {"Content-Type": "application/json"})
        return line.getresponse().status
    except OSError as why:
        return repr(why)
    finally:
        line.close()


for port, kind in ((8400, Entra), (8402, Graph)):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
ending = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ending.set())
while send(MAILBOX) != 202 and not ending.wait(0.2):
    pass
print(json.dumps({"another mailbox": send("ceo@contoso.example")}), flush=True)
answers, told = collections.Counter(), time.monotonic()
while not ending.wait(0.05):
    answers[str(send(MAILBOX))] += 1
    if time.monotonic() - told > 1:
        told = time.monotonic()
        print(json.dumps({"sent": answers, "got": got}), flush=True)
# What it still has to say while the pod ends goes out as well.
answers[str(send(MAILBOX))] += 1
print(json.dumps({"sent": answers, "got": got, "end": True}), flush=True)
