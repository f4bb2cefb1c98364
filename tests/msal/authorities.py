"""MSAL Python and the gateway before the same servers: AD FS, a region's endpoint, an authority of one's own and
a server known by its issuer alone. Do both ask the same places for the same, and prove themselves alike?

Every server is behind one proxy, which answers for Microsoft's names too; what it says follows AD FS 2019's
and Entra's documentation."""

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import pathlib
import ssl
import sys
import tempfile
import threading
import types
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "judges"))

import jwt  # noqa: E402
import msal  # noqa: E402
from court import Serve, check, curl, sit  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402

# MSAL asks Azure's metadata service else, and waits for it where there is none.
os.environ["REGION_NAME"] = "westeurope"

TENANT = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09"
KEY, SECRET = "k" * 43, "p~8Q+/=&%25 secret"
CENTRAL, REGIONAL = "login.microsoftonline.com", "westeurope.login.microsoft.com"
OWN, STRANGER = "entra.contoso.example", "stranger.contoso.example"
ADFS, PARTNER, CROOK = "adfs.contoso.example", "login.partner.example", "crooked.partner.example"
HOSTS = (CENTRAL, REGIONAL, OWN, STRANGER, ADFS, PARTNER, CROOK)
CROOKED = f"https://{CROOK}/realms/orders"
IN_REGION = {"authority": f"https://{CENTRAL}/{TENANT}", "azure_region": "westeurope"}
CLAIMS = {"client_ip": "203.0.113.7", "level": 3}
CERTIFICATE = "certificate: { file: app.pem, key: app.key"

IDENTITIES = {
    "adfs": ("oauth2", f"token_url: 'https://{ADFS}/adfs/oauth2/token/', auth: private_key_jwt, resource: 'urn:reports'",
             CERTIFICATE + ", assertion: RS256 }"),
    "modern": ("oauth2", f"token_url: 'https://{ADFS}/adfs/oauth2/token/', auth: private_key_jwt, resource: 'urn:reports'",
               CERTIFICATE + " }"),
    "claims": ("entra", f"tenant: {TENANT}", CERTIFICATE + ", assertion_claims: { client_ip: 203.0.113.7, level: 3 } }"),
    "regional": ("entra", f"tenant: {TENANT}, region: westeurope", CERTIFICATE + " }"),
    "own": ("entra", f"tenant: {TENANT}, authority: 'https://{OWN}', instance_discovery: true", "secret: { file: secret }"),
    "stranger": ("entra", f"tenant: {TENANT}, authority: 'https://{STRANGER}', instance_discovery: true", "secret: { file: secret }"),
    "partner": ("oauth2", f"issuer: 'https://{PARTNER}/realms/orders', auth: post, scope: orders", "secret: { file: secret }"),
    "crook": ("oauth2", f"issuer: '{CROOKED}', auth: post, scope: orders", "secret: { file: secret }"),
}

# Each identity is a client of its own, so that what was asked for it is told from the rest.
CLIENTS = {name: f"bcdb5ae8-1ab8-47c3-b0b2-6756048e2d{number:02}" for number, name in enumerate(IDENTITIES)}


class Handler(http.server.BaseHTTPRequestHandler):
    """A proxy whose every tunnel ends in it: each host behind it answers here."""

    protocol_version = "HTTP/1.1"
    host = None

    def do_CONNECT(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.host = self.path.rpartition(":")[0]
        self.connection = self.server.court.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        if self.host is None:
            # The API behind the gateway.
            return self.say(200, {})
        self.note({})
        url = urllib.parse.urlsplit(self.path)
        self.say(*self.server.court.document(self.host, url))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
        self.note(form)
        self.say(*self.server.court.token(self.host, self.path, form))

    def note(self, form):
        asker = "gateway" if self.headers["user-agent"].startswith("bearergate/") else "msal"
        asked = types.SimpleNamespace(asker=asker, method=self.command, host=self.host, path=self.path, form=form)
        self.server.court.asked.append(asked)

    def say(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Court:
    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._directory.name)
        self.asked, self.is_down = [], False
        self.certificates()
        self._door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._door.court, self._door.daemon_threads = self, True
        threading.Thread(target=self._door.serve_forever, daemon=True).start()
        self.proxy = f"http://127.0.0.1:{self._door.server_port}"
        (self.base / "judge.key").write_text(KEY)
        (self.base / "secret").write_text(SECRET)
        self.gateway = Serve(self.base, self.config())
        return self

    def __exit__(self, *_):
        self.gateway.end()
        self._door.shutdown()
        self._directory.cleanup()

    def output(self):
        return self.gateway.output()

    def config(self):
        lines = ["version: 1", "listeners: { local: { address: 127.0.0.1:0 } }", "admin: { address: 127.0.0.1:0 }"]
        lines += [f"fetch: {{ proxy: '{self.proxy}', ca_file: ca.pem }}", "identities:"]
        for name, (kind, more, credential) in IDENTITIES.items():
            lines += [f"  {name}: {{ {kind}: {{ client_id: {CLIENTS[name]}, {more} }}, credentials: [{credential}],"]
            lines += ["    tokens: { cool_down: 1ms } }"]
        lines += ["routes:"]
        for name, (kind, _, _) in IDENTITIES.items():
            scope = ", scope: 'api://reports/.default'" if kind == "entra" else ""
            lines += [f"  - {{ id: {name}, listener: local, match: {{ path: /{name}/** }},"]
            lines += ["      callers: [api_key: { id: judge, key: { file: judge.key } }],"]
            lines += [f"      upstream: {{ url: '{self.proxy}' }}, token: {{ identity: {name}{scope} }} }}"]
        return "\n".join(lines) + "\n"

    def certificates(self):
        """An authority with a certificate for every host, and the application's own."""
        ca, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.issue("ca", ca, ca, "ca", x509.BasicConstraints(ca=True, path_length=0))
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
        self.issue("server", server, ca, "ca", names)
        self.key = rsa.generate_private_key(65537, 2048)
        self.certificate = self.issue("app", self.key, self.key, "app", x509.BasicConstraints(ca=False, path_length=None))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.base / "server.pem", self.base / "server.key")

    def issue(self, name, key, signer, by, extension):
        def called(text):
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(called(name)).issuer_name(called(by)).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(60))
        certificate = builder.sign(signer, hashes.SHA256())
        (self.base / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.base / f"{name}.key").write_bytes(key.private_bytes(*kind))
        return certificate

    def document(self, host, url):
        """What each server has to read."""
        base = f"https://{host}"
        if url.path == "/common/discovery/instance":
            asked = dict(urllib.parse.parse_qsl(url.query))["authorization_endpoint"]
            known = urllib.parse.urlsplit(asked).hostname == OWN
            place = f"https://{OWN}/{TENANT}/v2.0/.well-known/openid-configuration"
            return (200, {"tenant_discovery_endpoint": place}) if known else (400, {"error": "invalid_instance"})
        if host == ADFS and url.path == "/adfs/.well-known/openid-configuration":
            issuer, endpoint = f"{base}/adfs", f"{base}/adfs/oauth2/token/"
        elif host == PARTNER and url.path == "/realms/orders/.well-known/openid-configuration":
            issuer, endpoint = f"{base}/realms/orders", f"{base}/realms/orders/token"
        elif host == CROOK and url.path == "/realms/orders/.well-known/openid-configuration":
            issuer, endpoint = CROOKED, f"https://{STRANGER}/token"
        elif url.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            issuer, endpoint = f"{base}/{TENANT}/v2.0", f"{base}/{TENANT}/oauth2/v2.0/token"
        else:
            return 404, {}
        return 200, {"issuer": issuer, "token_endpoint": endpoint, "authorization_endpoint": f"{issuer}/authorize"}

    def token(self, host, path, form):
        """A token for whoever proves himself; AD FS knows a certificate by `x5t`, and RS256 alone."""
        if self.is_down:
            return 503, {"error": "temporarily_unavailable"}
        try:
            assert form["grant_type"] == "client_credentials" and form["client_id"] in CLIENTS.values(), form
            if "client_assertion" in form:
                header = self.verified(host, path, form)
                if host == ADFS:
                    assert header["alg"] == "RS256" and unpadded(header["x5t"]) == self.x5t(), header
                    assert path == "/adfs/oauth2/token/" and ("resource" in form or "scope" in form), form
            else:
                assert form["client_secret"] == SECRET, "another secret"
        except Exception as error:  # noqa: BLE001: whatever it is, the client is not taken
            why = f"MSIS9622: Client authentication failed. {type(error).__name__}"
            return 401, {"error": "invalid_client", "error_description": why}
        return 200, {"access_token": "opaque", "token_type": "bearer", "expires_in": 3600}

    def verified(self, host, path, form):
        """Its header, once its signature is the application's and it is for the server's own endpoint."""
        at = CENTRAL if host == REGIONAL else host
        assertion, client = form["client_assertion"], form["client_id"]
        header = jwt.get_unverified_header(assertion)
        options = {"require": ["aud", "iss", "sub", "jti", "exp"]}
        key, algorithms = self.key.public_key(), ["RS256", "PS256"]
        jwt.decode(assertion, key, algorithms, options=options, audience=f"https://{at}{path}", issuer=client)
        return header

    def x5t(self):
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return base64.urlsafe_b64encode(hashlib.sha1(der).digest()).rstrip(b"=").decode()

    def by_msal(self, name, credential, **more):
        application = msal.ConfidentialClientApplication(
            CLIENTS[name], client_credential=credential, verify=str(self.base / "ca.pem"), proxies={"https": self.proxy}, timeout=30, **more
        )
        return application.acquire_token_for_client(["api://reports/.default"])

    def own_certificate(self):
        return {"private_key": (self.base / "app.key").read_text(), "public_certificate": (self.base / "app.pem").read_text()}

    def by_gateway(self, name):
        return curl(f"http://127.0.0.1:{self.gateway.ports['local']}/{name}/x", headers=[f"X-Api-Key: {KEY}"])

    def forms(self, name):
        """The requests for tokens of this client, MSAL's and the gateway's."""
        forms = [one for one in self.asked if one.form.get("client_id") == CLIENTS[name]]
        return [[one for one in forms if one.asker == asker] for asker in ("msal", "gateway")]

    def documents(self, wanted):
        """Who read what has this in its address."""
        return [one.asker for one in self.asked if one.method == "GET" and wanted in f"https://{one.host}{one.path}"]


def unpadded(text):
    return text.rstrip("=")


def proof(one):
    """Header and claims of the assertion in a form."""
    assertion = one.form["client_assertion"]
    return jwt.get_unverified_header(assertion), jwt.decode(assertion, options={"verify_signature": False})


def both(court, name, credential, **more):
    """The one request for a token of each; both get it."""
    result = court.by_msal(name, credential, **more)
    assert "access_token" in result, result
    answer = court.by_gateway(name)
    assert answer.status == 200, (answer.body, court.output())
    (theirs,), (ours,) = court.forms(name)
    assert (theirs.host, theirs.path) == (ours.host, ours.path), (theirs, ours)
    return theirs, ours


@check
def ad_fs_takes_both_by_the_same_thumbprint(court):
    theirs, ours = both(court, "adfs", court.own_certificate(), authority=f"https://{ADFS}/adfs")
    (head, claims), (own_head, own) = proof(theirs), proof(ours)
    assert head["alg"] == own_head["alg"] == "RS256", (head, own_head)
    assert unpadded(head["x5t"]) == own_head["x5t"] and "x5t#S256" not in own_head, own_head
    assert [own[name] for name in ("aud", "iss", "sub")] == [claims[name] for name in ("aud", "iss", "sub")], own
    assert set(claims) <= set(own), "a claim of MSAL's is missing"
    assert ours.form["resource"] == "urn:reports", ours.form


@check
def ad_fs_takes_nothing_newer_and_the_gateway_says_what_to_look_at(court):
    answer = court.by_gateway("modern")
    assert (answer.status, answer.reason()) == (502, "token_refused"), answer
    assert "MSIS9622" in court.output() and "check `client_id`, `auth` and the credential" in court.output()


@check
def extra_claims_are_in_both_assertions(court):
    more = {"authority": f"https://{CENTRAL}/{TENANT}", "client_claims": CLAIMS}
    for one in both(court, "claims", court.own_certificate(), **more):
        _, claims = proof(one)
        assert CLAIMS.items() <= claims.items(), claims


@check
def a_region_is_asked_by_both_with_an_assertion_for_the_cloud(court):
    theirs, ours = both(court, "regional", court.own_certificate(), **IN_REGION)
    assert ours.host == REGIONAL, ours
    assert proof(theirs)[1]["aud"] == proof(ours)[1]["aud"] == f"https://{CENTRAL}/{TENANT}/oauth2/v2.0/token"


@check
def both_ask_microsoft_about_a_host_of_ones_own(court):
    _, ours = both(court, "own", SECRET, authority=f"https://{OWN}/{TENANT}")
    assert ours.host == OWN, ours
    instance = [one for one in court.asked if "/discovery/instance" in one.path]
    queries = [(one.asker, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(one.path).query))) for one in instance]
    about = f"https://{OWN}/{TENANT}/oauth2/v2.0/authorize"
    askers = [asker for asker, query in queries if query["authorization_endpoint"] == about]
    assert sorted(askers) == ["gateway", "msal"], queries
    assert {one.host for one in instance} == {CENTRAL}, instance


@check
def a_host_that_microsoft_does_not_know_hears_nothing_of_either(court):
    try:
        raise AssertionError(court.by_msal("stranger", SECRET, authority=f"https://{STRANGER}/{TENANT}"))
    except ValueError as why:
        assert "invalid_instance" in str(why), why
    answer = court.by_gateway("stranger")
    assert (answer.status, answer.reason()) == (502, "token_refused"), answer
    assert all(one.host != STRANGER for one in court.asked), court.asked
    assert "does not know the host of `authority`" in court.output()


@check
def a_server_is_known_by_its_issuer_alone(court):
    _, ours = both(court, "partner", SECRET, oidc_authority=f"https://{PARTNER}/realms/orders")
    assert ours.path == "/realms/orders/token" and ours.form["scope"] == "orders", ours
    document = f"https://{PARTNER}/realms/orders/.well-known/openid-configuration"
    assert set(court.documents(document)) == {"msal", "gateway"}, court.asked


@check
def where_a_document_leads_elsewhere_msal_goes_and_the_gateway_does_not(court):
    assert "access_token" in court.by_msal("crook", SECRET, oidc_authority=CROOKED)
    answer = court.by_gateway("crook")
    assert (answer.status, answer.reason()) == (503, "token_unavailable"), answer
    theirs, ours = court.forms("crook")
    assert [one.host for one in theirs] == [STRANGER] and not ours, (theirs, ours)
    assert "not https on the issuer's own host" in court.output()


@check
def neither_leaves_a_region_that_fails(court):
    court.is_down, folder = True, court.base / "again"
    folder.mkdir()
    for name in ("ca.pem", "app.pem", "app.key", "secret", "judge.key"):
        (folder / name).write_bytes((court.base / name).read_bytes())
    again = Serve(folder, court.config())
    try:
        answer = curl(f"http://127.0.0.1:{again.ports['local']}/regional/x", headers=[f"X-Api-Key: {KEY}"])
        assert (answer.status, answer.reason()) == (503, "token_unavailable"), answer
        with contextlib.suppress(msal.exceptions.MsalServiceError):
            raise AssertionError(court.by_msal("regional", court.own_certificate(), **IN_REGION))
        assert court.by_gateway("regional").status == 200, "the token in hand serves on"
    finally:
        court.is_down = False
        again.end()
    for asked in court.forms("regional"):
        assert len(asked) > 1 and {one.host for one in asked} == {REGIONAL}, asked


@check
def nobody_hears_the_secret(court):
    for told in (SECRET, "eyJ"):
        assert told not in court.output(), "the gateway told it"


if __name__ == "__main__":
    sit(Court)
