"""PyJWT, cryptography and a token endpoint of our own: is what the gateway sends to prove itself
what Entra's documentation asks for, byte for byte? The binary asks, this script is Entra.
"""

import base64
import datetime
import hashlib
import pathlib
import subprocess
import tempfile
import time
import urllib.parse
import uuid

import jwt
from court import Answering, Serving, binary, check, sit
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

TENANT = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09"
CLIENT = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc"
SCOPE = "https://graph.microsoft.com/.default"
PASSPHRASE = "a passphrase: with % & = +"
# What a form must escape, and what a careless one mangles.
SECRET = "p~8Q+/=&%25 secret;ümlaut"

CONFIG = """\
version: 1
listeners: {{ local: {{ address: 127.0.0.1:8080 }} }}
identities:
  mail-daemon:
    entra: {{ tenant: {tenant}, client_id: {client}, authority: {authority}, endpoint: {endpoint} }}
    credentials:
      - {credential}
routes:
  - id: inbox
    listener: local
    match: {{ path: "/v1.0/users/{{mailbox}}/messages", methods: [GET] }}
    callers:
      - api_key: {{ id: judge, sha256: {digest} }}
    upstream: {{ url: https://graph.microsoft.com }}
    token: {{ identity: mail-daemon, scope: {scope} }}
"""


class Court:
    """A token endpoint that remembers what it was sent."""

    def __enter__(self):
        self.asked = []
        court = self

        class Endpoint(Answering):
            def do_POST(self):
                body = self.read().decode()
                form = urllib.parse.parse_qsl(body, strict_parsing=True, keep_blank_values=True)
                court.asked.append((self.path, self.headers, form))
                token = court.token()
                self.say({"token_type": "Bearer", "expires_in": 3599, "access_token": token})

        self.authority = Serving(Endpoint).url
        self._directory = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._directory.name)
        self.key, self.certificate = key_pair()
        self.write_files()
        return self

    def __exit__(self, *_):
        self._directory.cleanup()

    def output(self):
        return f"{len(self.asked)} token requests were made"

    def token(self):
        now = int(time.time())
        claims = {"aud": "https://graph.microsoft.com", "iat": now, "exp": now + 3599, "ver": "1.0"}
        return jwt.encode({**claims, "appid": CLIENT, "roles": ["Mail.Read"]}, self.key, "RS256")

    def write_files(self):
        pem = serialization.Encoding.PEM
        pkcs8 = serialization.PrivateFormat.PKCS8
        locked = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        open_ = serialization.NoEncryption()
        chain = self.certificate.public_bytes(pem)
        for name, content in {
            "cert.pem": chain,
            "key.pem": self.key.private_bytes(pem, pkcs8, open_),
            "pkcs1.pem": self.key.private_bytes(
                pem, serialization.PrivateFormat.TraditionalOpenSSL, open_
            ),
            "locked.pem": self.key.private_bytes(pem, pkcs8, locked),
            "both.pem": chain + self.key.private_bytes(pem, pkcs8, open_),
            "mail.pfx": pkcs12.serialize_key_and_certificates(
                b"mail", self.key, self.certificate, None, locked
            ),
            "legacy.pfx": pkcs12.serialize_key_and_certificates(
                b"mail", self.key, self.certificate, None, old_pfx(PASSPHRASE.encode())
            ),
            "passphrase": f"{PASSPHRASE}\n".encode(),
            "secret": f"{SECRET}\n".encode(),
        }.items():
            (self.base / name).write_bytes(content)

    def ask(self, credential, endpoint="v2"):
        """Lets the binary acquire a token; returns path, head and form of its one request."""
        config = self.base / "config.yaml"
        config.write_text(
            CONFIG.format(
                tenant=TENANT,
                client=CLIENT,
                authority=self.authority,
                endpoint=endpoint,
                credential=credential.replace("$", f"{self.base}/"),
                digest=hashlib.sha256(b"0" * 43).hexdigest(),
                scope=SCOPE,
            )
        )
        self.asked.clear()
        done = subprocess.run(
            [binary(), "token", "--config", config, "--identity", "mail-daemon", "--scope", SCOPE],
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"token ended with {done.returncode}:\n{said}"
        assert "Mail.Read" in done.stdout, f"the claims were not shown:\n{said}"
        for secret in (SECRET, PASSPHRASE, "PRIVATE KEY", "eyJ"):
            assert secret not in said, f"it printed {secret!r}"
        assert len(self.asked) == 1, f"{len(self.asked)} token requests"
        path, head, form = self.asked[0]
        assert len(dict(form)) == len(form), f"a parameter was sent twice: {form}"
        return path, head, dict(form)

    def assertion(self, credential, endpoint="v2"):
        """Header and claims of the assertion, verified by PyJWT against our certificate."""
        path, _, form = self.ask(credential, endpoint)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert form["client_assertion_type"] == kind, form
        assert "client_secret" not in form, "a secret beside an assertion"
        text = form["client_assertion"]
        assert "=" not in text, "base64url is without padding (RFC 7515 §2)"
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(
            text,
            self.certificate.public_key(),
            algorithms=[header["alg"]],
            audience=f"{self.authority}{path}",
            issuer=CLIENT,
            options={"require": ["aud", "iss", "sub", "jti", "nbf", "exp"]},
        )
        assert claims["sub"] == CLIENT, claims
        assert uuid.UUID(claims["jti"]).version == 4, claims["jti"]
        for name in ("exp", "nbf"):
            assert type(claims[name]) is int, f"{name} is {claims[name]!r}"
        now = time.time()
        assert claims["nbf"] <= now < claims["exp"] <= now + 600, claims
        return header, claims

    def thumbprint(self, algorithm):
        digest = self.certificate.fingerprint(algorithm)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def old_pfx(passphrase):
    """As Windows wrote them for twenty years: 3DES and a SHA-1 MAC."""
    return (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(passphrase)
    )


def key_pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail-daemon")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@check
def by_default_an_assertion_is_ps256_with_a_sha256_thumbprint(court):
    header, _ = court.assertion("certificate: { file: $cert.pem, key: $key.pem }")
    assert header == {
        "alg": "PS256",
        "typ": "JWT",
        "x5t#S256": court.thumbprint(hashes.SHA256()),
    }, header


@check
def its_signature_has_a_salt_of_32_bytes(court):
    _, _, form = court.ask("certificate: { file: $cert.pem, key: $key.pem }")
    signed, _, signature = form["client_assertion"].rpartition(".")
    court.certificate.public_key().verify(
        base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)),
        signed.encode(),
        padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        hashes.SHA256(),
    )


@check
def on_request_it_is_rs256_with_a_sha1_thumbprint(court):
    header, _ = court.assertion(
        "certificate: { file: $cert.pem, key: $key.pem, assertion: RS256 }"
    )
    assert header == {"alg": "RS256", "typ": "JWT", "x5t": court.thumbprint(hashes.SHA1())}, header


@check
def on_request_it_carries_the_certificate(court):
    header, _ = court.assertion("certificate: { file: $cert.pem, key: $key.pem, x5c: true }")
    der = court.certificate.public_bytes(serialization.Encoding.DER)
    # RFC 7515 §4.1.6: base64, not base64url.
    assert header["x5c"] == [base64.b64encode(der).decode()], header


@check
def keys_are_read_in_every_form(court):
    passphrase = "passphrase: { file: $passphrase }"
    for form in (
        "{ file: $both.pem }",
        "{ file: $cert.pem, key: $pkcs1.pem }",
        f"{{ file: $cert.pem, key: $locked.pem, {passphrase} }}",
        f"{{ file: $mail.pfx, {passphrase} }}",
        f"{{ file: $legacy.pfx, {passphrase} }}",
    ):
        header, _ = court.assertion(f"certificate: {form}")
        assert header["x5t#S256"] == court.thumbprint(hashes.SHA256()), form


@check
def the_v2_endpoint_gets_a_scope(court):
    path, head, form = court.ask("certificate: { file: $cert.pem, key: $key.pem }")
    assert path == f"/{TENANT}/oauth2/v2.0/token", path
    assert form["grant_type"] == "client_credentials", form
    assert form["client_id"] == CLIENT and form["scope"] == SCOPE, form
    assert "resource" not in form, "v2 refuses a resource (AADSTS901002)"
    assert head["content-type"].startswith("application/x-www-form-urlencoded"), head
    assert "origin" not in head, "Entra takes a request with Origin for a web page's"


@check
def the_v1_endpoint_gets_a_resource(court):
    credential = "certificate: { file: $cert.pem, key: $key.pem }"
    path, _, form = court.ask(credential, endpoint="v1")
    assert path == f"/{TENANT}/oauth2/token", path
    assert form["resource"] == "https://graph.microsoft.com", form
    assert "scope" not in form, form
    court.assertion(credential, endpoint="v1")


@check
def every_assertion_is_fresh(court):
    credential = "certificate: { file: $cert.pem, key: $key.pem }"
    first, second = court.assertion(credential)[1], court.assertion(credential)[1]
    assert first["jti"] != second["jti"], "the same jti twice"


@check
def a_secret_arrives_as_it_is(court):
    _, head, form = court.ask("secret: { file: $secret }")
    assert form["client_secret"] == SECRET, "the secret was mangled on its way"
    assert "client_assertion" not in form and "authorization" not in head, form


if __name__ == "__main__":
    sit(Court)
