"""What the judges share: a running `bearergate dev`, checks with names, a last line with the count.

A judge is a script of functions marked `@check`, each taking the running gateway; it ends with
`court.sit()`. The environment variable BEARERGATE is the path of the binary.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = float(os.environ.get("BEARERGATE_PATIENCE", "60"))
# Nobody's proxy, bundle or region gets between a judge and loopback.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "MSAL_FORCE_REGION"):
    os.environ.pop(name, None)
for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["NO_PROXY"] = "127.0.0.1"

# What the API that adds numbers is asked.
CALC = "/calc/v1/add/1/1"

_checks = []


def check(function):
    """Marks a function as a check; its name is what it shows."""
    _checks.append(function)
    return function


def binary():
    path = os.environ.get("BEARERGATE")
    if not path or not os.access(path, os.X_OK):
        sys.exit("BEARERGATE must be the path of the bearergate binary")
    return path


def sit(courtroom=None):
    """Runs every check, in order; prints the count; exits with 1 when one failed."""
    failed = 0
    with (courtroom or Dev)() as dev:
        for function in _checks:
            name = function.__name__.replace("_", " ")
            try:
                function(dev)
                print(f"ok      {name}")
            except Exception:  # noqa: BLE001: whatever it is, the check failed
                failed += 1
                print(f"FAILED  {name}")
                traceback.print_exc(limit=-2, file=sys.stdout)
        if failed and dev is not None:
            print(dev.output())
    assert _checks, "a judge without checks cannot fail"
    print(f"{len(_checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


class Dev:
    """`bearergate dev --https` on ports of its own choosing, and what its ready file says."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._directory.name)
        ready, self._log = base / "ready.json", base / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary(), "dev", "--https", "--any-ports", "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._read(ready)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind, why, trace):
        code = self._end()
        if kind is None:
            assert code == 0, f"dev ended with {code} on SIGTERM:\n{self.printed}"

    def _read(self, ready):
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                said = json.loads(ready.read_text())
                break
            if self._process.poll() is not None:
                raise RuntimeError(f"dev ended with {self._process.returncode}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"dev was not ready after {PATIENCE} s:\n{self.output()}")
            time.sleep(0.05)
        self.authority = said["authority"].rstrip("/")
        self.tenant = said["tenant"]
        self.ca_file = said["ca_file"]
        self.api = types.SimpleNamespace(**said["api"])
        self.gateway = types.SimpleNamespace(**said["gateway"])
        self.platform = said["platform"]
        self.mailbox = said["mailbox"]
        self.api_key = said["api_key"]
        self.header_files = said["header_files"]
        self.mailboxes = types.SimpleNamespace(**said["mailboxes"])
        self.clients = {
            name: types.SimpleNamespace(**client) for name, client in said["clients"].items()
        }
        self.tls = ssl.create_default_context(cafile=self.ca_file)

    def _end(self):
        self._process.terminate()
        try:
            code = self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.printed = self.output()
        self._directory.cleanup()
        return code

    def output(self):
        """What the process printed until now: its greeting, its log, its access log."""
        return self._log.read_text(errors="replace")

    def discovery(self, version="v2.0/", tenant=None):
        """The discovery document: `v2.0/`, or the empty string for v1."""
        path = f"{tenant or self.tenant}/{version}.well-known/openid-configuration"
        return self.json(f"{self.authority}/{path}")

    def json(self, url):
        context = self.tls if url.startswith("https:") else None
        with urllib.request.urlopen(url, context=context, timeout=PATIENCE) as answer:
            return json.load(answer)


class Serve:
    """`bearergate serve` with this configuration, beside its files in this folder."""

    def __init__(self, folder, config, *arguments):
        self._file, self._log = folder / "gateway.yaml", folder / "output.log"
        self._file.write_text(config)
        with self._log.open("ab") as log:
            command = [binary(), "serve", "--config", self._file, *arguments]
            self.process = subprocess.Popen(
                [*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._listens, f"it listens:\n{self.output()}")
        self.ports = {}
        for line in self.output().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                said = json.loads(line)
                if "listening" in said.get("message", ""):
                    port = int(said["address"].rsplit(":", 1)[1])
                    self.ports[said.get("listener", "admin")] = port

    def _listens(self):
        assert self.process.poll() is None, self.output()
        return "admin listening" in self.output()

    def url(self, listener):
        return f"http://127.0.0.1:{self.ports[listener]}"

    def ready(self):
        """Waits until it says that it is; yields itself."""

        def is_ready():
            assert self.process.poll() is None, self.output()
            with contextlib.suppress(urllib.error.HTTPError):
                return urllib.request.urlopen(self.url("admin") + "/readyz", timeout=PATIENCE).status == 200
            return False

        eventually(is_ready, "the gateway is not ready")
        return self

    def end(self):
        """Ends it as its operator does."""
        self.process.terminate()
        try:
            code = self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code == 0, f"serve ended with {code}:\n{self.output()}"

    def metric(self, series):
        """The value of a series, its labels written out."""
        with urllib.request.urlopen(self.url("admin") + "/metrics", timeout=PATIENCE) as page:
            found = re.search(rf"^{re.escape(series)} (\S+)$", page.read().decode(), re.MULTILINE)
        return float(found[1]) if found else None

    def output(self):
        return self._log.read_text(errors="replace")


class Answering(http.server.BaseHTTPRequestHandler):
    """What a judge's own server begins with: HTTP/1.1, whole answers, no log."""

    protocol_version = "HTTP/1.1"

    def read(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def say(self, body=b"", status=200, **fields):
        """Bytes or text as they are, everything else as JSON."""
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        fields = {"content_type": "application/json", "content_length": len(body), **fields}
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Serving(http.server.ThreadingHTTPServer):
    """A server on loopback, for as long as the judge sits."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, handler, port=0):
        super().__init__(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        # Who leaves before its answer is there has its reasons, and is not worth a page.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def self_signed(folder, name="own"):
    """A certificate for loopback, and its key: NAME.pem, NAME.key."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext"]
    command += ["subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command += ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
    subprocess.run([*map(str, command)], check=True, capture_output=True)


class Answer(types.SimpleNamespace):
    """status, headers (lower case, the last of each), body."""

    def json(self):
        return json.loads(self.body)

    def reason(self):
        assert self.headers.get("content-type", "").startswith("application/problem+json"), self
        return self.json()["reason"]


def curl(url, *arguments, headers=(), method=None):
    """Asks curl. Headers go by file, as in the lines that `dev` prints: no token in a process list."""
    with tempfile.TemporaryDirectory() as directory:
        base = pathlib.Path(directory)
        (base / "headers").write_text("".join(f"{line}\n" for line in headers))
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]
        command += ["--dump-header", base / "head", "--output", base / "body"]
        command += ["-H", f"@{base / 'headers'}", "--write-out", "%{http_code}"]
        command += ["--request", method] if method else []
        done = subprocess.run(
            [*map(str, command), *arguments, url], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"curl {url}: {done.stderr}"
        head = (base / "head").read_text()
        body = (base / "body").read_text() if (base / "body").exists() else ""
    fields = dict(
        (name.strip().lower(), value.strip())
        for name, value in re.findall(r"^([^:\s]+):(.*)$", head, re.MULTILINE)
    )
    return Answer(status=int(done.stdout), headers=fields, body=body)


def eventually(holds, what):
    """Waits for what the gateway does after its answer has left, such as counting it."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def bearer(token):
    return f"Authorization: Bearer {token}"


def token(dev, client):
    who = dev.clients[client]
    form = urllib.parse.urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": who.client_id,
            "client_secret": who.secret,
            "scope": dev.api.scope,
        }
    )
    url = f"{dev.authority}/{dev.tenant}/oauth2/v2.0/token"
    with urllib.request.urlopen(url, form.encode(), PATIENCE, context=dev.tls) as answer:
        return json.load(answer)["access_token"]


def messages(dev, mailbox, query="$top=10&$orderby=receivedDateTime%20desc"):
    return f"{dev.gateway.legacy}/graph/v1.0/users/{mailbox}/messages?{query}"


def key(dev):
    return f"X-Api-Key: {dev.api_key}"


def seen_headers(answer):
    """The header fields that the echo API saw, names in lower case."""
    return {name.lower(): value for name, value in answer.json()["headers"]}
