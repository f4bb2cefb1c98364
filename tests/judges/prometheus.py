"""Prometheus, promtool and Grafana's own types before what the gateway tells of itself: are its pages and
rules such as Prometheus takes, do the alerts fire when they should and only then, and does every
expression of the dashboard find something in a real Prometheus that scrapes a real gateway?
"""

import base64
import contextlib
import datetime
import json
import math
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml
from court import PATIENCE, Answering, Serving, binary, check, eventually, sit
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from grafana_foundation_sdk.builders import dashboard as _builders  # noqa: F401: registers the types
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

ROOT = pathlib.Path(__file__).parents[2]
FILES = ROOT / "charts" / "bearergate" / "files"
KEY = "payroll-0123456789abcdef0123456789abcdef"
TENANT = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09"
CLIENT = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc"
GATE = """
version: 1
listeners:
  apis: {{ address: "127.0.0.1:{apis}" }}
  tls: {{ address: "127.0.0.1:{tls}", tls: {{ certificate: us.pem, key: us.key }} }}
admin: {{ address: "127.0.0.1:{admin}" }}
traces: {{ endpoint: "http://127.0.0.1:{other}/v1/traces" }}
issuers:
  contoso: {{ entra: {{ tenant: {tenant}, authority: "http://127.0.0.1:{other}" }}, audiences: [api] }}
identities:
  mail-daemon:
    entra: {{ tenant: {tenant}, client_id: {client}, authority: "http://127.0.0.1:{other}" }}
    credentials: [certificate: {{ file: us.pem, key: us.key }}]
routes:
  - {{ id: open, listener: apis, match: {{ path: /open/** }}, callers: public, upstream: {{ url: "http://127.0.0.1:{other}" }} }}
  - {{ id: gone, listener: apis, match: {{ path: /gone/** }}, callers: public, upstream: {{ url: "http://127.0.0.1:{nobody}" }} }}
  - id: shown
    listener: apis
    match: {{ path: /shown/** }}
    callers: public
    upstream: {{ url: "https://127.0.0.1:{nobody}", client_certificate: {{ certificate: us.pem, key: us.key }} }}
  - id: calc
    listener: apis
    match: {{ path: /calc/** }}
    callers: [bearer: {{ issuer: contoso, roles: [r] }}]
    upstream: {{ url: "http://127.0.0.1:{other}" }}
  - id: mail
    listener: apis
    match: {{ path: /mail/** }}
    callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]
    upstream: {{ urls: ["http://127.0.0.1:{nobody}", "http://127.0.0.1:{other}"], health: {{ failures: 1000 }}, limits: {{ requests: 100 }} }}
    token: {{ identity: mail-daemon, scope: https://graph.microsoft.com/.default, allow_host_mismatch: true }}
    limits: {{ per_caller: {{ rate: 1000/s }} }}
"""


class Other(Answering):
    """Everybody else: Entra, an upstream, a collector that takes every other post."""

    jwks = b""
    posts = 0

    def do_GET(self):
        self.say(self.jwks if "/keys" in self.path else "ok")

    def do_POST(self):
        self.read()
        if self.path == "/v1/traces":
            Other.posts += 1
            return self.say(status=200 if Other.posts % 2 else 400)
        self.say({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"})


class Room:
    """A gateway with everything that it has figures of, traffic, and a Prometheus that scrapes it."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._folder.name)
        self._keys()
        with contextlib.ExitStack() as doors:
            taken = [doors.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
            ports = [door.getsockname()[1] for door in taken]
        self.apis, self.tls, self.admin, self._nobody, self._prometheus = ports
        self._gate = self.base / "gate.yaml"
        self._text = GATE.format(
            apis=self.apis, tls=self.tls, admin=self.admin, nobody=self._nobody,
            other=Serving(Other).server_port, tenant=TENANT, client=CLIENT,
        )
        self._gate.write_text(self._text)
        self._processes = []
        gate = self._start("gate", binary(), "serve", "--config", self._gate)
        eventually(lambda: self._is_up(gate, self.admin, "/readyz"), "the gateway is not ready")
        (self.base / "prometheus.yml").write_text(
            "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
            f"rule_files: [{FILES / 'alerts.yaml'}]\n"
            "scrape_configs: [{ job_name: bearergate, static_configs: "
            f"[{{ targets: ['127.0.0.1:{self.admin}'] }}] }}]\n"
        )
        prometheus = self._start(
            "prometheus", "prometheus", f"--config.file={self.base / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.base / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._prometheus}",
        )
        eventually(lambda: self._is_up(prometheus, self._prometheus, "/-/ready"), "no Prometheus")
        self._ends = threading.Event()
        self._traffic = threading.Thread(target=self._ask, daemon=True)
        self._traffic.start()
        # A configuration that is taken over while it is watched.
        loaded = "bearergate_configuration_loaded_timestamp_seconds"
        eventually(lambda: self.query(loaded), "nothing was scraped")
        time.sleep(2)
        self._gate.write_text(self._text.replace("rate: 1000/s", "rate: 2000/s"))
        gate.send_signal(signal.SIGHUP)
        return self

    def _keys(self):
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(7)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=90)).sign(key, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        (self.base / "us.pem").write_bytes(certificate.public_bytes(encoding))
        (self.base / "us.key").write_bytes(
            key.private_bytes(
                encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (self.base / "payroll.key").write_text(KEY)
        numbers = key.public_key().public_numbers()
        encoded = lambda number: base64.urlsafe_b64encode(  # noqa: E731
            number.to_bytes((number.bit_length() + 7) // 8, "big")
        ).rstrip(b"=").decode()
        jwk = {"kty": "RSA", "use": "sig", "kid": "k", "n": encoded(numbers.n), "e": encoded(numbers.e)}
        Other.jwks = json.dumps({"keys": [jwk]}).encode()

    def _start(self, name, *command):
        with (self.base / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([*map(str, command)], stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process

    def _is_up(self, process, port, path):
        assert process.poll() is None, self.output()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200
        return False

    def _ask(self):
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        while not self._ends.wait(0.1):
            for port, path in ((self.apis, "/open/x"), (self.apis, "/gone/x"), (self.apis, "/calc/x"),
                               (self.apis, "/mail/x"), (self.tls, "/x")):
                scheme = "https" if port == self.tls else "http"
                headers = {"X-Api-Key": KEY, "X-Strange": "left out"}
                request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}", headers=headers)
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(request, timeout=5, context=trusting).read()

    def query(self, expression):
        query = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{self._prometheus}/api/v1/query?{query}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]["result"]

    def page(self):
        url = f"http://127.0.0.1:{self.admin}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read()

    def output(self):
        return "".join(path.read_text(errors="replace") for path in self.base.glob("*.log"))

    def __exit__(self, *_):
        self._ends.set()
        self._traffic.join()
        for process in self._processes:
            process.terminate()
            process.wait(timeout=PATIENCE)
        self._folder.cleanup()


def promtool(*arguments, given=None):
    done = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def expressions():
    """All of the dashboard, with the place of each, as Grafana puts them to Prometheus."""
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def filled(expression):
    for name, value in (("$__rate_interval", "5s"), ("$instance", ".*"), ("$route", ".*")):
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


@check
def the_rules_are_such_as_prometheus_takes(_):
    promtool("check", "rules", FILES / "alerts.yaml")


@check
def each_alert_fires_when_it_should_and_only_then(room):
    rules = yaml.safe_load((FILES / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            # What they say is for people; here it is about labels.
            del rule["annotations"]
    (room.base / "rules-without-words.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(ROOT / "tests" / "alerts" / "rules.yaml", room.base / "rules.yaml")
    promtool("test", "rules", room.base / "rules.yaml")


@check
def the_page_is_such_as_prometheus_takes(room):
    promtool("check", "metrics", given=room.page())


@check
def every_expression_of_the_dashboard_finds_something(room):
    missing = dict.fromkeys(expressions())

    def all_found():
        for title, expression in list(missing):
            found = room.query(filled(expression))
            if any(math.isfinite(float(sample["value"][1])) for sample in found):
                del missing[title, expression]
        return not missing

    with contextlib.suppress(AssertionError):
        eventually(all_found, "")
    assert not missing, "\n".join(f"{title}: {expression}" for title, expression in missing)


@check
def no_alert_but_those_that_are_meant_fires_here(room):
    firing = {sample["metric"]["alertname"] for sample in room.query("ALERTS{alertstate='firing'}")}
    assert firing <= {"BearergateFailures", "BearergateSpansLost"}, firing


@check
def grafana_knows_every_key_of_the_dashboard(_):
    written = json.loads((FILES / "dashboard.json").read_text())
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    lost = list(differences(written, read, ""))
    assert not lost, "\n".join(lost)


def differences(one, other, path):
    """What is in `one` and not in `other`."""
    if isinstance(one, dict):
        for key, value in one.items():
            if not isinstance(other, dict) or key not in other:
                yield f"{path}.{key}"
            else:
                yield from differences(value, other[key], f"{path}.{key}")
    elif isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            yield path
        else:
            for place, (value, kept) in enumerate(zip(one, other)):
                yield from differences(value, kept, f"{path}[{place}]")
    elif one != other:
        yield f"{path}: {one!r} became {other!r}"


if __name__ == "__main__":
    missing = [name for name in ("prometheus", "promtool") if not shutil.which(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    sit(Room)
