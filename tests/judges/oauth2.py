"""oidc-provider, certified by the OpenID Foundation, as an authorization server that is not Entra's, and an
API behind it: does the gateway prove itself in each of the ways that there are, and get a token that the
API takes? Nothing here is the gateway's own but the gateway.
"""

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading

import jwt
from court import Serve, check, curl, eventually, sit
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

# Where scripts/test has put it, with what it needs.
SERVER = pathlib.Path(os.environ.get("OIDC_PROVIDER", pathlib.Path(__file__).parents[2] / ".tools/oidc-provider"))
KEY = "k" * 43
# What RFC 6749 §2.3.1 has escaped twice, once as a form and once as Basic's own.
CLIENT, SECRET = "orders: basic", "p~8Q+/=&%25 sec:ret;#?"

CONFIG = """\
version: 1
listeners: {{ local: {{ address: 127.0.0.1:0 }} }}
admin: {{ address: 127.0.0.1:0 }}
identities:
{identities}
routes:
{routes}
"""
IDENTITY = """\
  {name}:
    oauth2: {{ token_url: "{issuer}/token", ca_file: ca.pem, client_id: "{client}", auth: {auth}, {more} }}
    credentials: [{credentials}]
"""
ROUTE = """\
  - id: {name}
    listener: local
    match: {{ path: /{name}/** }}
    callers: [api_key: {{ id: judge, key: {{ file: judge.key }} }}]
    upstream: {{ url: "{api}", ca_file: ca.pem{shown} }}
    token: {{ identity: {name}{scope} }}
"""


class Api(http.server.BaseHTTPRequestHandler):
    """Takes tokens of the provider that are for it; a bound one by its certificate alone (RFC 8705 §3)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        court, why = self.server.court, None
        try:
            token = self.headers["authorization"].removeprefix("Bearer ")
            key = court.keys().get_signing_key_from_jwt(token).key
            claims = jwt.decode(token, key, ["RS256"], audience=court.api, issuer=court.issuer)
            bound = claims.get("cnf", {}).get("x5t#S256")
            if bound:
                shown = hashlib.sha256(self.connection.getpeercert(True) or b"").digest()
                assert base64.urlsafe_b64encode(shown).rstrip(b"=").decode() == bound, "not its owner"
        except Exception as error:  # noqa: BLE001: whatever it is, the token is not taken
            claims, why = {}, repr(error)
        body = json.dumps({"claims": claims, "why": why}).encode()
        self.send_response(401 if why else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Court:
    """The provider with its clients, an API, and the gateway between them and whoever asks."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._directory.name)
        self._ca = self.issue("ca", None)
        self._own = self.issue("own", None)
        self.issue("server", self._ca, "IP:127.0.0.1")
        self._open_api()
        self.clients, self.identities, self.routes = [], [], []
        self.register()
        self._open_provider()
        self.write("judge.key", KEY.encode())
        identities = "".join(one.replace("$ISSUER", self.issuer) for one in self.identities)
        config = CONFIG.format(identities=identities, routes="".join(self.routes))
        self.gateway = Serve(self.base, config)
        return self

    def __exit__(self, kind, *_):
        try:
            self.gateway.end()
        finally:
            self._provider.kill()
            self._provider.wait()
            self._door.shutdown()
            if kind is None:
                self._directory.cleanup()

    def register(self):
        """Each client at the provider and as an identity, and a route that carries its token."""
        self.client("basic", CLIENT, "client_secret_basic", "secret: { file: secret }", client_secret=SECRET)
        self.client("post", "post", "client_secret_post", "secret: { file: secret }", client_secret=SECRET)
        self.client("unscoped", "unscoped", "client_secret_post", "secret: { file: secret }", scope="", client_secret=SECRET)
        twice = "secret: { file: wrong } }, { secret: { file: secret }"
        self.client("second", "second", "client_secret_basic", f"{{ {twice} }}", client_secret=SECRET)
        self.client("wrong", "wrong", "client_secret_basic", "secret: { file: wrong }", client_secret=SECRET)
        self.client("lost", "lost", "client_secret_basic", "secret: { file: secret }", resource="urn:nobody", client_secret=SECRET)
        self.write("secret", SECRET.encode())
        self.write("wrong", b"not the secret")
        for algorithm, key in keys():
            name = algorithm.lower()
            self.write(f"{name}.pem", pem(key))
            kid = f"{name}-1"
            public = {**jwk(key), "kid": kid, "alg": algorithm, "use": "sig"}
            credential = f"private_key: {{ file: {name}.pem, algorithm: {algorithm}, kid: {kid} }}"
            self.client(name, name, "private_key_jwt", credential, issuer=True, jwks={"keys": [public]})
        pair = self.issue("assertion", self._ca)
        self.client("certificate", "certificate", "private_key_jwt", "certificate: { file: assertion.pem, key: assertion.key }", jwks={"keys": [jwk(pair[0])]})
        self.issue("gateway", self._ca, "DNS:gateway.example")
        self.client("mtls", "mtls", "tls_client_auth", "certificate: { file: gateway.pem, key: gateway.key }", tls_client_auth_san_dns="gateway.example")
        self.client("stranger", "stranger", "tls_client_auth", "certificate: { file: gateway.pem, key: gateway.key }", tls_client_auth_san_dns="other.example")
        own = self._own
        chain = base64.b64encode(own[1].public_bytes(serialization.Encoding.DER)).decode()
        self.client("own", "own", "self_signed_tls_client_auth", "certificate: { file: own.pem, key: own.key }", jwks={"keys": [{**jwk(own[0]), "x5c": [chain]}]})

    def client(self, name, client_id, method, credentials, scope="orders:read", resource=None, issuer=False, **registered):
        auth = method.removeprefix("client_secret_") if method.startswith("client") else "private_key_jwt"
        auth = "mtls" if "tls" in method else auth
        bound = auth == "mtls"
        self.clients.append({
            "client_id": client_id, "token_endpoint_auth_method": method, "grant_types": ["client_credentials"],
            "redirect_uris": [], "response_types": [], "scope": "orders:read orders:write",
            "tls_client_certificate_bound_access_tokens": bound, **registered,
        })
        more = f'resource: "{resource or self.api}"' + (', issuer: "$ISSUER"' if issuer else "")
        self.identities.append(IDENTITY.format(name=name, issuer="$ISSUER", client=client_id, auth=auth, more=more, credentials=credentials))
        shown = f", client_certificate: {{ {credentials.split('{', 1)[1].replace('file:', 'certificate:').rstrip('} ')} }}" if bound else ""
        scope = f", scope: '{scope}'" if scope else ""
        self.routes.append(ROUTE.format(name=name, api=self.api.rstrip("/"), shown=shown, scope=scope))

    def _open_api(self):
        self._door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self._door.court = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.base / "server.pem", self.base / "server.key")
        context.load_verify_locations(self.base / "ca.pem")
        context.load_verify_locations(self.base / "own.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self._door.socket = context.wrap_socket(self._door.socket, server_side=True)
        self.api = f"https://127.0.0.1:{self._door.server_port}/"
        threading.Thread(target=self._door.serve_forever, daemon=True).start()

    def _open_provider(self):
        setup = {name: str(self.base / file) for name, file in [("certificate", "server.pem"), ("key", "server.key"), ("authority", "ca.pem")]}
        setup |= {"clients": self.clients, "resources": [self.api]}
        self.write("provider.json", json.dumps(setup).encode())
        self._provider_log = self.base / "provider.log"
        with self._provider_log.open("wb") as log:
            command = [os.environ.get("NODE", "node"), SERVER / "server.mjs", self.base / "provider.json"]
            self._provider = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        eventually(lambda: self._provider.poll() is not None or '"issuer"' in self.said(), "the provider listens")
        assert self._provider.poll() is None, self.said()
        self.issuer = next(json.loads(line)["issuer"] for line in self.said().splitlines() if '"issuer"' in line)
        self._keys = None

    def keys(self):
        if not self._keys:
            trusting = ssl.create_default_context(cafile=self.base / "ca.pem")
            self._keys = jwt.PyJWKClient(f"{self.issuer}/jwks", ssl_context=trusting)
        return self._keys

    def said(self):
        return self._provider_log.read_text(errors="replace")

    def output(self):
        return self.gateway.output() + self.said()

    def write(self, name, content):
        (self.base / name).write_bytes(content)

    def issue(self, name, above, names=None):
        """NAME.pem and NAME.key: RSA, for a client or a server; signed by itself where nobody is above."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(above[1].subject if above else subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
        )
        if names:
            kind, value = names.split(":", 1)
            general = x509.IPAddress(ipaddress.ip_address(value)) if kind == "IP" else x509.DNSName(value)
            builder = builder.add_extension(x509.SubjectAlternativeName([general]), critical=False)
        certificate = builder.sign(above[0] if above else key, hashes.SHA256())
        self.write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        self.write(f"{name}.key", pem(key))
        return key, certificate

    def ask(self, name):
        return curl(f"http://127.0.0.1:{self.gateway.ports['local']}/{name}/x", headers=[f"X-Api-Key: {KEY}"])

    def taken(self, name):
        """The claims of the token that the API took."""
        answer = self.ask(name)
        assert answer.status == 200, (answer, self.output())
        return answer.json()["claims"]


def keys():
    yield "RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)
    yield "PS384", rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for algorithm, curve in [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())]:
        yield algorithm, ec.generate_private_key(curve)
    yield "EdDSA", ed25519.Ed25519PrivateKey.generate()


def jwk(key):
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm, ed25519.Ed25519PrivateKey: OKPAlgorithm}
    kind = next(kind for known, kind in kinds.items() if isinstance(key, known))
    return json.loads(kind.to_jwk(key.public_key()))


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@check
def a_secret_goes_in_the_header_or_in_the_form(court):
    for name, client in [("basic", CLIENT), ("post", "post")]:
        claims = court.taken(name)
        assert claims["client_id"] == client and claims["aud"] == court.api, claims
        assert claims["scope"] == "orders:read", claims


@check
def an_assertion_is_taken_of_every_kind_of_key(court):
    for algorithm, _ in keys():
        assert court.taken(algorithm.lower())["client_id"] == algorithm.lower()
    assert court.taken("certificate")["client_id"] == "certificate"


@check
def a_certificate_that_is_shown_is_a_proof_and_binds_the_token(court):
    for name in ("mtls", "own"):
        claims = court.taken(name)
        assert claims["client_id"] == name and claims["cnf"]["x5t#S256"], claims


@check
def a_client_of_another_name_is_no_client(court):
    answer = court.ask("stranger")
    assert (answer.status, answer.reason()) == (502, "token_refused"), answer
    assert "invalid_client" in court.gateway.output()


@check
def no_scope_is_asked_for_where_none_is_named(court):
    assert not court.taken("unscoped").get("scope")


@check
def where_one_secret_is_refused_the_next_is_tried(court):
    assert court.taken("second")["client_id"] == "second"


@check
def what_is_refused_is_told_with_the_key_to_look_at(court):
    for name, advice in [("wrong", "`client_id`, `auth`"), ("lost", "`resource` and `audience`")]:
        answer = court.ask(name)
        assert (answer.status, answer.reason()) == (502, "token_refused"), answer
        assert advice in court.gateway.output(), (advice, court.gateway.output())


@check
def nobody_hears_the_secret(court):
    for told in (SECRET, base64.b64encode(SECRET.encode()).decode(), "eyJ"):
        assert told not in court.gateway.output(), "the gateway told it"


if __name__ == "__main__":
    sit(Court)
