"""h2spec, nghttp's h2load, curl and httpx against listeners of HTTP/2, in clear by prior knowledge and over
TLS by ALPN: is it HTTP/2 as others read the RFC, and does a request come out as the one that went in?
H2SPEC is the path of h2spec, H2LOAD that of h2load.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import time

import httpx
from court import PATIENCE, Answering, Serving, binary, check, curl, self_signed, sit

CONFIG = """\
version: 1
listeners:
  plain: {{ address: 127.0.0.1:0, protocols: [http1, h2c], timeouts: {{ body: 3s }} }}
  secure: {{ address: 127.0.0.1:0, tls: {{ certificate: own.pem, key: own.key }}, timeouts: {{ body: 3s }} }}
routes:
  - id: plain
    listener: plain
    match: {{ path: "/**" }}
    callers: public
    upstream: &upstream {{ url: "http://127.0.0.1:{port}" }}
  - id: secure
    listener: secure
    match: {{ path: "/**" }}
    callers: public
    upstream: *upstream
"""
# What a listener that speaks both answers to bytes that are no preface is HTTP/1.1, which h2spec cannot read.
# And a frame may be as large as a head, 32 KiB, where h2spec takes 20,000 bytes for too much.
LARGE = "Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE"
EXPLAINED = {"plain": {"Sends invalid connection preface", LARGE}, "secure": {LARGE}}


class Echo(Answering):
    """Sends a body back, or what it was told about the request."""

    def answer(self):
        body = b""
        if self.headers.get("transfer-encoding"):
            # Nothing more comes of a gateway that hangs up.
            while size := int(self.rfile.readline() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = body or f"{self.command} {self.path}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = answer


class Gateway:
    """A gateway that is open to all, before an upstream that speaks HTTP/1.1."""

    def __enter__(self):
        self._server = Serving(Echo)
        self._directory = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._directory.name)
        self_signed(base)
        (base / "gateway.yaml").write_text(CONFIG.format(port=self._server.server_port))
        self._log = base / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary(), "serve", "--config", base / "gateway.yaml"], stdout=log, stderr=log
            )
        self.ports = {name: self.port(name) for name in EXPLAINED}
        self.urls = {
            "plain": f"http://127.0.0.1:{self.ports['plain']}",
            "secure": f"https://127.0.0.1:{self.ports['secure']}",
        }
        return self

    def port(self, listener):
        said = re.compile(rf'"listening","listener":"{listener}","address":"127\.0\.0\.1:(\d+)"')
        deadline = time.monotonic() + PATIENCE
        while not (found := said.search(self.output())):
            assert self._process.poll() is None and time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return found.group(1)

    def __exit__(self, kind, *_):
        self._process.terminate()
        code = self._process.wait(timeout=PATIENCE)
        self._server.shutdown()
        assert kind or code == 0, f"ended with {code}"
        self._directory.cleanup()

    def output(self):
        return self._log.read_text(errors="replace")[-20000:]


@check
def curl_asks_by_prior_knowledge_and_by_alpn(gateway):
    for name, how in (("plain", ["--http2-prior-knowledge"]), ("secure", ["--http2", "--insecure"])):
        url = gateway.urls[name]
        answer = curl(f"{url}/a?b=c", *how)
        assert (answer.status, answer.body) == (200, "GET /a?b=c\n"), answer
        assert curl(f"{url}/a", *how, "--head").status == 200
        body = "x" * 300_000
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(body)
            file.flush()
            assert curl(f"{url}/a", *how, "--data-binary", f"@{file.name}").body == body
    answer = curl(f"{gateway.urls['secure']}/a", "--http1.1", "--insecure")
    assert (answer.status, answer.body) == (200, "GET /a\n"), answer
    # `Upgrade: h2c` is of an older RFC; it is answered as if it had not been asked for.
    answer = curl(f"{gateway.urls['plain']}/a", "--http2")
    assert (answer.status, answer.body) == (200, "GET /a\n"), answer


@check
def httpx_uploads_and_downloads(gateway):
    for url in gateway.urls.values():
        with httpx.Client(http1=False, http2=True, verify=False, trust_env=False) as client:
            for size in (0, 1, 70_000, 2_000_000):
                content = b"x" * size
                answer = client.post(f"{url}/up", content=content)
                assert answer.http_version == "HTTP/2" and answer.status_code == 200, answer
                assert answer.content == (content or b"POST /up\n")
            chunks = (b"y" * 1000 for _ in range(100))
            assert client.put(f"{url}/up", content=chunks).content == b"y" * 100_000


@check
def h2load_loses_no_request(gateway):
    for url in gateway.urls.values():
        command = [os.environ["H2LOAD"], "-n", "2000", "-c", "5", "-m", "20", f"{url}/x"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2)
        assert "2000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout


@check
def h2spec_finds_what_the_rfc_says(gateway):
    for name, port in gateway.ports.items():
        command = [os.environ["H2SPEC"], "-h", "127.0.0.1", "-p", port, "-o", "5"]
        command += ["-t", "-k"] if name == "secure" else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 5)
        count = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", done.stdout)
        assert count, done.stdout + done.stderr
        tests, passed, skipped, failed = map(int, count.groups())
        _, _, told = done.stdout.partition("Failures:")
        assert set(re.findall(r"× \d+: (.*)", told)) <= EXPLAINED[name], told
        assert failed <= len(EXPLAINED[name]), told
        assert tests > 140 and passed + failed == tests and skipped == 0, count.group()
        print(f"        h2spec, {name}: {count.group()}")


sit(Gateway)
