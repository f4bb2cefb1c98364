"""openssl s_client, curl and Python's ssl at `bearergate serve`: is TLS what the documentation says it is?
Versions, names, client certificates, sessions, renegotiation, early data, and certificates that are
replaced while others ask.
"""

import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from court import PATIENCE, Answering, Serve, Serving, check, eventually, sit

CONFIG = """
version: 1
listeners:
  named:
    address: 127.0.0.1:0
    tls:
      - {{ certificate: first.pem }}
      - {{ certificate: second.pem }}
  clients:
    address: 127.0.0.1:0
    tls: {{ certificate: first.pem, client_ca: ca.pem }}
  clear: {{ address: 127.0.0.1:0 }}
admin: {{ address: 127.0.0.1:0 }}
routes:
  - {{ id: named, listener: named, match: {{ path: /** }}, callers: public, upstream: {{ url: "http://127.0.0.1:{port}" }} }}
  - {{ id: clients, listener: clients, match: {{ path: /** }}, callers: public, upstream: {{ url: "http://127.0.0.1:{port}" }} }}
  - {{ id: clear, listener: clear, match: {{ path: /** }}, callers: public, upstream: {{ url: "http://127.0.0.1:{port}" }} }}
"""


class Upstream(Answering):
    def do_GET(self):
        self.say(self.headers.get("X-Forwarded-Proto", ""))


def openssl(*arguments, stdin="", good=True):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0 or not good, done.stderr
    return done.stdout + done.stderr


class Court:
    """The gateway with its certificates, and an upstream."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._directory.name)
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *curve, "-subj", "/CN=judge", "-days", 9, "-keyout", self.base / "ca.key", "-out", self.base / "ca.pem")
        self.issue("first", "first.example", "serverAuth")
        self.issue("second", "second.example", "serverAuth")
        self.issue("known", "known", "clientAuth")
        self._gateway = Serve(self.base, CONFIG.format(port=Serving(Upstream).server_port))
        self.process, self.ports = self._gateway.process, self._gateway.ports
        return self

    def __exit__(self, *_):
        self._gateway.end()
        self._directory.cleanup()

    def output(self):
        return self._gateway.output()

    def issue(self, name, common, usage, serial=None):
        """NAME.pem: the certificate and its key, put in its place at once."""
        base = self.base
        request, extra = base / f"{name}.csr", base / f"{name}.ext"
        extra.write_text(f"subjectAltName=DNS:{common}\nextendedKeyUsage={usage}\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", *curve, "-subj", f"/CN={serial or common}", "-keyout", base / f"{name}.key", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", base / "ca.pem", "-CAkey", base / "ca.key", "-days", 9, "-extfile", extra, "-out", base / f"{name}.crt")
        whole = base / f"{name}.new"
        whole.write_text((base / f"{name}.crt").read_text() + (base / f"{name}.key").read_text())
        os.replace(whole, base / f"{name}.pem")

    def s_client(self, listener, *arguments, stdin="Q\n", name="first.example"):
        address = f"127.0.0.1:{self.ports[listener]}"
        return openssl("s_client", "-connect", address, "-servername", name, "-CAfile", self.base / "ca.pem", *arguments, stdin=stdin, good=False)

    def context(self, certificate=None, newest=None):
        context = ssl.create_default_context(cafile=str(self.base / "ca.pem"))
        if newest:
            context.maximum_version = newest
        if certificate:
            context.load_cert_chain(self.base / f"{certificate}.pem")
        return context

    def shaken(self, listener, context, session=None, name="first.example"):
        raw = socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=PATIENCE)
        return context.wrap_socket(raw, server_hostname=name, session=session)

    def curl(self, listener, *arguments, name="first.example"):
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--cacert", self.base / "ca.pem"]
        command += ["--resolve", f"{name}:{self.ports[listener]}:127.0.0.1", *arguments]
        command += ["--write-out", "\n%{http_code} %{http_version}", f"https://{name}:{self.ports[listener]}/x"]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=PATIENCE)


def ask(stream):
    stream.sendall(b"GET /x HTTP/1.1\r\nHost: first.example\r\n\r\n")
    answer = b""
    while b"https" not in answer:
        piece = stream.recv(4096)
        assert piece, answer
        answer += piece
    assert answer.startswith(b"HTTP/1.1 200 "), answer


@check
def versions_from_1_2_up_are_spoken_and_older_ones_are_not(court):
    for version, spoken in [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]:
        said = court.s_client("named", version, "-cipher", "ALL:@SECLEVEL=0")
        assert ("Cipher is (NONE)" not in said) == spoken, (version, said)
    weak = court.s_client("named", "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert "handshake failure" in weak, weak


@check
def the_name_picks_the_certificate(court):
    for name in ("first.example", "second.example"):
        assert f"subject=CN = {name}" in court.s_client("named", name=name)
    assert "subject=CN = first.example" in court.s_client("named", name="nobody.example")


@check
def curl_gets_through_by_both_protocols(court):
    for flag, version in [("--http1.1", "1.1"), ("--http2", "2")]:
        done = court.curl("named", flag)
        assert done.stdout == f"https\n200 {version}", (done.stdout, done.stderr)


@check
def nobody_is_let_in_without_a_certificate_where_one_is_required(court):
    assert court.curl("clients").returncode != 0
    done = court.curl("clients", "--cert", court.base / "known.pem")
    assert done.stdout.startswith("https\n200 "), (done.stdout, done.stderr)
    # One for servers is none for clients.
    assert court.curl("clients", "--cert", court.base / "second.pem").returncode != 0
    said = court.s_client("clients")
    assert "Acceptable client certificate CA names\nCN = judge" in said, said


@check
def sessions_are_resumed_where_they_were_begun_and_nowhere_else(court):
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = court.context("known", newest)
        with court.shaken("clients", context) as first:
            assert not first.session_reused
            ask(first)
            session = first.session
        with court.shaken("clients", context, session) as again:
            assert again.session_reused, newest
            ask(again)
        with court.shaken("named", context, session) as elsewhere:
            assert not elsewhere.session_reused, newest
            ask(elsewhere)


@check
def a_session_stands_for_nobody_whose_certificate_was_not_asked_for(court):
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = court.context(newest=newest)
        with court.shaken("named", context) as first:
            ask(first)
            session = first.session
        try:
            with court.shaken("clients", context, session) as again:
                ask(again)
        except (ssl.SSLError, ConnectionError):
            continue
        raise AssertionError(f"let in without a certificate: {newest}")


@check
def nobody_begins_anew_and_nobody_speaks_too_early(court):
    said = court.s_client("named", "-tls1_2", stdin="R\nQ\n")
    assert "no renegotiation" in said or "RENEGOTIATING" in said and "error" in said.lower(), said
    said = court.s_client("named", "-tls1_3", stdin="GET /x HTTP/1.1\r\nHost: first.example\r\nConnection: close\r\n\r\n")
    assert "Early data was not sent" in said, said
    assert not re.search(r"Max Early Data: [1-9]", said), said


@check
def twenty_certificates_replaced_under_load_fail_nobody(court):
    stop, failed, asked = threading.Event(), [], [0, 0]

    def fresh():
        context = court.context()
        while not stop.is_set():
            try:
                with court.shaken("named", context) as stream:
                    ask(stream)
                asked[0] += 1
            except OSError as why:
                failed.append(repr(why))

    def kept():
        with court.shaken("named", court.context()) as stream:
            while not stop.is_set():
                try:
                    ask(stream)
                    asked[1] += 1
                except (OSError, AssertionError) as why:
                    failed.append(repr(why))
                    return

    threads = [threading.Thread(target=each) for each in (fresh, fresh, kept)]
    for thread in threads:
        thread.start()
    took = []
    for number in range(20):
        began = time.monotonic()
        court.issue("first", "first.example", "serverAuth", serial=f"renewed-{number}")
        eventually(lambda: f"subject=CN = renewed-{number}" in court.s_client("named"), f"certificate {number} is shown")
        took.append(time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"        {asked[0]} handshakes, {asked[1]} requests on one connection; a new one was shown after {max(took):.1f} s at most")
    assert not failed, failed[:5]
    assert min(asked) > 20, asked


@check
def a_bad_certificate_changes_nothing(court):
    good = (court.base / "first.pem").read_text()
    (court.base / "first.pem").write_text((court.base / "first.crt").read_text())
    eventually(lambda: "configuration refused" in court.output(), "it is told")
    assert "subject=CN = renewed-19" in court.s_client("named")
    (court.base / "first.pem").write_text(good)


if __name__ == "__main__":
    sit(Court)
