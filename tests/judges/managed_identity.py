"""azure-identity and MSAL as judges of the managed identity: in the environment of each platform, against the same
stand-in, do Microsoft's library and the gateway get the same identity's token, and refuse the same things?
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential
from court import PATIENCE, binary, check, sit

GRAPH = "https://graph.microsoft.com/.default"
KEYS = pathlib.Path("/var/opt/azcmagent/tokens")
STRANGER = "33333333-0b1f-4c3d-9e5a-6f7081920a1b"
VARIABLES = (
    "IDENTITY_ENDPOINT IDENTITY_HEADER IDENTITY_SERVER_THUMBPRINT IMDS_ENDPOINT MSI_ENDPOINT MSI_SECRET"
    " DEFAULT_IDENTITY_CLIENT_ID AZUREPS_HOST_ENVIRONMENT AZURE_POD_IDENTITY_AUTHORITY_HOST AZURE_CLIENT_ID"
).split()

CONFIG = """
version: 1
listeners: {{ local: {{ address: 127.0.0.1:0 }} }}
identities: {{ here: {{ managed_identity: {selector} }} }}
routes:
  - id: all
    listener: local
    match: {{ path: /x/**, host: a.example }}
    callers: [{{ network: [127.0.0.1/32] }}]
    upstream: {{ url: https://graph.microsoft.com }}
    token: {{ identity: here, scope: {scope}, allow_host_mismatch: true }}
"""


@contextlib.contextmanager
def platform(variables):
    """This process, and what it starts, in the environment of a platform."""
    kept = dict(os.environ)
    for name in VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def by_azure(scope=GRAPH, **selector):
    # Once is enough to see what it makes of an answer.
    return claims(ManagedIdentityCredential(retry_total=0, **selector).get_token(scope).token)


def gateway(selector, scope):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "gateway.yaml"
        file.write_text(CONFIG.format(selector=json.dumps(selector), scope=scope))
        command = [binary(), "token", str(file), "-i", "here", "-s", scope, "--raw"]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def by_gateway(scope=GRAPH, **selector):
    done = gateway(selector, scope)
    assert done.returncode == 0, done.stderr
    return claims(done.stdout.strip())


def refused(words, scope=GRAPH, **selector):
    """Both get no token; the gateway says why. Azure's words for the selector are in `by_azure`'s keys."""
    theirs = dict(selector)
    if "resource_id" in theirs or "object_id" in theirs:
        theirs = {"identity_config": theirs}
    try:
        raise AssertionError(f"azure-identity took {by_azure(scope, **theirs)}")
    except (ClientAuthenticationError, CredentialUnavailableError):
        pass
    done = gateway(selector, scope)
    assert done.returncode in (1, 2) and words in done.stderr, done
    return done


def same(who, **selector):
    theirs = dict(selector)
    if "resource_id" in theirs or "object_id" in theirs:
        theirs = {"identity_config": theirs}
    azures, ours = by_azure(**theirs), by_gateway(**selector)
    for name in ("appid", "oid", "aud", "tid", "roles"):
        assert azures.get(name) == ours.get(name), (name, azures, ours)
    assert ours["appid"] == who, ours


@check
def a_virtual_machine_gives_both_the_same_identity(dev):
    it = dev.platform
    with platform({"AZURE_POD_IDENTITY_AUTHORITY_HOST": it["base"]}):
        same(it["own"]["client_id"])
        other = it["assigned"]
        same(other["client_id"], client_id=other["client_id"])
        same(other["client_id"], object_id=other["object_id"])
        same(other["client_id"], resource_id=other["resource_id"])
        refused("no identity of client_id 33333333", client_id=STRANGER)
        refused("AADSTS500011", scope="https://graph.example/.default")


@check
def app_service_gives_both_the_same_identity(dev):
    it = dev.platform
    endpoint = {"IDENTITY_ENDPOINT": f"{it['base']}/msi/token", "IDENTITY_HEADER": it["header"]}
    with platform(endpoint):
        same(it["own"]["client_id"])
        other = it["assigned"]
        same(other["client_id"], client_id=other["client_id"])
        same(other["client_id"], object_id=other["object_id"])
        same(other["client_id"], resource_id=other["resource_id"])
        refused("no identity of client_id 33333333", client_id=STRANGER)
    with platform({**endpoint, "IDENTITY_HEADER": "wrong"}):
        assert "wrong" not in refused("it does not take this process's IDENTITY_HEADER").stderr


@check
def service_fabric_is_known_by_its_thumbprint_to_both(dev):
    it = dev.platform
    endpoint = {
        "IDENTITY_ENDPOINT": f"{it['secure_base']}/fabric/token",
        "IDENTITY_HEADER": it["header"],
        "IDENTITY_SERVER_THUMBPRINT": it["thumbprint"],
    }
    with platform(endpoint):
        same(it["own"]["client_id"])
    with platform({**endpoint, "IDENTITY_SERVER_THUMBPRINT": "ab" * 20}):
        done = gateway({}, GRAPH)
        assert "another certificate than the thumbprint says" in done.stderr, done
        try:
            raise AssertionError(f"azure-identity took {by_azure()}")
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001: a TLS error of one kind or another
            pass


@check
def machine_learning_gives_both_the_same_identity(dev):
    it = dev.platform
    with platform({"MSI_ENDPOINT": f"{it['base']}/ml/token", "MSI_SECRET": it["header"]}):
        same(it["own"]["client_id"])
        same(it["assigned"]["client_id"], client_id=it["assigned"]["client_id"])


@check
def cloud_shell_gives_both_the_same_token(dev):
    with platform({"MSI_ENDPOINT": f"{dev.platform['base']}/shell/oauth2/token"}):
        same(dev.platform["own"]["client_id"])


@check
def arcs_agent_is_shown_its_key_by_both(dev):
    it = dev.platform
    endpoint = {
        "IDENTITY_ENDPOINT": f"{it['base']}/arc/metadata/identity/oauth2/token",
        "IMDS_ENDPOINT": it["base"],
    }
    key = pathlib.Path(it["arc_key_file"])
    with key_folder(), platform(endpoint):
        key.write_text(it["arc_key"])
        try:
            same(it["own"]["client_id"])
            same(it["assigned"]["client_id"], client_id=it["assigned"]["client_id"])
        finally:
            key.unlink()


@check
def another_file_than_a_key_is_shown_to_nobody(dev):
    """In the agent's place is somebody who would like to read what this process can read."""
    with tempfile.TemporaryDirectory() as folder, Thief() as thief, key_folder():
        secret = pathlib.Path(folder) / "secret.key"
        secret.write_text("stolen")
        link = KEYS / "bearergate-judge.key"
        link.symlink_to(secret)
        try:
            for realm in (secret, f"{KEYS}/../secret.key", f"{KEYS}/x.pem", link):
                thief.realm, thief.seen = str(realm), []
                endpoint = f"http://127.0.0.1:{thief.server_port}/metadata/identity/oauth2/token"
                with platform({"IDENTITY_ENDPOINT": endpoint, "IMDS_ENDPOINT": endpoint}):
                    done = gateway({}, GRAPH)
                assert "nothing was shown" in done.stderr, done
                assert thief.seen == [None], (realm, thief.seen)
        finally:
            link.unlink()


@contextlib.contextmanager
def key_folder():
    """Arc's folder, which is root's."""
    made = not KEYS.exists()
    if made:
        try:
            KEYS.mkdir(parents=True)
        except PermissionError:
            subprocess.run(["sudo", "-n", "mkdir", "-p", "-m", "777", KEYS], check=True)
    yield


class Thief(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Agent)
        self.realm, self.seen = "", []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.headers["authorization"])
        self.send_response(401)
        self.send_header("WWW-Authenticate", f"Basic realm={self.server.realm}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


sit()
