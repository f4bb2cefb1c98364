"""The sidecar example's application, and in the same pod what stands in for Entra and for Graph.

The application knows no OAuth: it posts mail by plain HTTP to its own loopback, and writes a line a second
of how that went. Entra gives a token for the secret in CLIENT_SECRET, or, as a federated credential, for the service
account's token that FEDERATED describes: the cluster's issuer and keys, the subject, the audience. Graph takes the
last two tokens that Entra gave, and no others.
"""

import base64
import collections
import hashlib
import http.client
import http.server
import json
import os
import secrets
import signal
import threading
import time
import urllib.parse

MAILBOX = "payslips@payroll.contoso.example"
FEDERATED = json.loads(os.environ.get("FEDERATED", "null"))
# Of FEDERATED: a token that ends soon, so that more than one is asked for while the run lasts.
LIFE = FEDERATED["life"] if FEDERATED else 3599
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
tokens, proofs = [], set()
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
        why = unlike_federated(asked) if FEDERATED else unlike_secret(asked)
        if why:
            got["refused"] += 1
            return 401, {"error": "invalid_client", "error_description": why}
        got["token"] += 1
        tokens.append(secrets.token_urlsafe(32))
        return 200, {"token_type": "Bearer", "expires_in": LIFE, "access_token": tokens[-1]}


def unlike_secret(asked):
    if asked.get("client_secret") != os.environ["CLIENT_SECRET"]:
        return "AADSTS7000215: Invalid client secret provided."
    return None


def unlike_federated(asked):
    """Why the assertion is none of the service account that the registration trusts."""
    try:
        head, payload, signature = asked["client_assertion"].split(".")
        kid, claims = json.loads(decode(head))["kid"], json.loads(decode(payload))
    except (KeyError, ValueError) as why:
        return f"AADSTS50027: {why!r}"
    key = next((key for key in FEDERATED["keys"] if key["kid"] == kid), None)
    if key is None or not signed(f"{head}.{payload}".encode(), decode(signature), key):
        return "AADSTS700027: the signature is not of the issuer's keys"
    if claims["exp"] < time.time():
        return "AADSTS700024: the assertion has ended"
    for claim, wanted in (("iss", FEDERATED["iss"]), ("sub", FEDERATED["sub"]), ("aud", [FEDERATED["aud"]])):
        if claims[claim] != wanted:
            return f"AADSTS700213: {claim} is {claims[claim]}, not {wanted}"
    proofs.add(claims["jti"])
    got["proofs"] = len(proofs)
    return None


def signed(text, signature, key):
    """RS256 (RFC 8017, 8.2.2), by the number alone: there is Python here and nothing else."""
    n, e = (int.from_bytes(decode(key[name])) for name in "ne")
    length = (n.bit_length() + 7) // 8
    end = b"\0" + SHA256 + hashlib.sha256(text).digest()
    whole = b"\0\1" + b"\xff" * (length - 2 - len(end)) + end
    return len(signature) == length and pow(int.from_bytes(signature), e, n).to_bytes(length) == whole


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Graph(Answering):
    def judge(self, _):
        if self.headers.get("Authorization") not in [f"Bearer {token}" for token in tokens[-2:]]:
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
