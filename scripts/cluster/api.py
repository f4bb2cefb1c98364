"""How is the API server asked? JSON over HTTPS with a token, as any client does; its certificate is checked."""

import json
import ssl
import time
import urllib.error
import urllib.request

from pace import longest

MERGE = "application/merge-patch+json"


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    def __init__(self, url, token, authority):
        self.url, self._token = url, token
        self._tls = ssl.create_default_context(cafile=authority)

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=longest(20)) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode(errors="replace")
            try:
                text = json.loads(text)["message"]
            except (ValueError, KeyError):
                pass
            raise Refused(refusal.code, text) from None
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    def get(self, path):
        return self.call("GET", path)

    def find(self, path):
        """What is there, or nothing."""
        try:
            return self.get(path)
        except Refused as refusal:
            if refusal.code == 404:
                return None
            raise

    def list(self, path):
        return self.get(path).get("items") or []

    def create(self, path, thing):
        return self.call("POST", path, thing)

    def patch(self, path, change):
        return self.call("PATCH", path, change, MERGE)

    def delete(self, path, **options):
        try:
            return self.call("DELETE", path, options or None)
        except Refused as refusal:
            if refusal.code not in (404, 409):
                raise


def now(fraction=""):
    return time.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z", time.gmtime())
