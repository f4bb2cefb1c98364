"""MSAL Python as the client: does the dev issuer answer it as Entra would, and does the gateway
accept what it brings? Each way in which ConfidentialClientApplication proves itself, its cache,
and its kinds of errors.
"""

import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "judges"))

import jwt  # noqa: E402
import msal  # noqa: E402
from court import bearer, check, curl, seen_headers, sit  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: E402

GRAPH = "https://graph.microsoft.com/.default"


def application(dev, client_id, credential, tenant=None):
    # instance_discovery=False: MSAL would ask login.microsoftonline.com about this authority.
    return msal.ConfidentialClientApplication(
        client_id,
        client_credential=credential,
        authority=f"{dev.authority}/{tenant or dev.tenant}",
        instance_discovery=False,
        verify=dev.ca_file,
        timeout=30,
    )


def by_secret(dev, name):
    client = dev.clients[name]
    return application(dev, client.client_id, client.secret)


def by_certificate(dev, **credential):
    client = dev.clients["mail-daemon"]
    return application(dev, client.client_id, credential, client.tenant)


def acquired(result, source="identity_provider"):
    assert "access_token" in result, f"{result.get('error')}: {result.get('error_description')}"
    assert result["token_type"] == "Bearer", result["token_type"]
    assert result["token_source"] == source, result["token_source"]
    return result["access_token"]


def refused(result, error, code):
    assert "access_token" not in result, "a token was issued"
    assert result["error"] == error, f"{result['error']}: {result['error_description']}"
    assert code in result["error_codes"], result["error_codes"]
    assert result["error_description"].startswith(f"AADSTS{code}: "), result["error_description"]
    assert uuid.UUID(result["correlation_id"]), "support needs a correlation id"


def mail_token(dev, **credential):
    """A token for the mailbox, whose header and claims say how the client proved itself."""
    token = acquired(by_certificate(dev, **credential).acquire_token_for_client([GRAPH]))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["appid"] == dev.clients["mail-daemon"].client_id, claims
    assert claims["appidacr"] == "2", f"proven by a certificate, but appidacr is {claims['appidacr']}"
    return token


def files(dev):
    """The private key and the certificate of the mail daemon, PEM texts."""
    client = dev.clients["mail-daemon"]
    return pathlib.Path(client.key_file).read_text(), pathlib.Path(client.certificate_file).read_text()


@check
def a_token_by_secret_is_let_in_by_the_gateway(dev):
    token = acquired(by_secret(dev, "calculator").acquire_token_for_client([dev.api.scope]))
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(token)])
    assert answer.status == 200, (answer.status, answer.body)
    assert answer.json()["result"] == 2, answer.body
    assert "authorization" not in seen_headers(answer), "the caller's token reached the upstream"
    assert token not in answer.body, "the caller's token reached the upstream"


@check
def the_second_call_comes_from_the_cache(dev):
    client = by_secret(dev, "calculator")
    first = acquired(client.acquire_token_for_client([dev.api.scope]))
    second = acquired(client.acquire_token_for_client([dev.api.scope]), source="cache")
    assert first == second, "the cache gave another token"
    client.remove_tokens_for_client()
    third = acquired(client.acquire_token_for_client([dev.api.scope]))
    assert third, "no token after the cache was emptied"


@check
def the_token_carries_role_and_client(dev):
    token = acquired(by_secret(dev, "calculator").acquire_token_for_client([dev.api.scope]))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["roles"] == ["invokeRole"], claims
    assert claims["azp"] == dev.clients["calculator"].client_id, claims
    assert claims["azpacr"] == "1", claims
    assert claims["aud"] == dev.api.client_id and claims["tid"] == dev.tenant, claims
    assert "scp" not in claims, "an application has no delegated scopes"


@check
def a_client_without_the_role_gets_a_token_and_403(dev):
    token = acquired(by_secret(dev, "guest").acquire_token_for_client([dev.api.scope]))
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(token)])
    # The route names azp and roles; which of them speaks first is the route's file's business.
    assert answer.status == 403, (answer.status, answer.body)
    assert answer.reason() == "role_missing", answer.body
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"], answer.headers


@check
def a_certificate_with_a_sha1_thumbprint_signs_rs256(dev):
    key, _ = files(dev)
    thumbprint = dev.clients["mail-daemon"].thumbprint_sha1_hex
    mail_token(dev, private_key=key, thumbprint=thumbprint)


@check
def a_certificate_with_thumbprint_and_chain_sends_x5c(dev):
    key, certificate = files(dev)
    thumbprint = dev.clients["mail-daemon"].thumbprint_sha1_hex
    mail_token(dev, private_key=key, thumbprint=thumbprint, public_certificate=certificate)


@check
def a_certificate_without_thumbprint_signs_ps256(dev):
    key, certificate = files(dev)
    mail_token(dev, private_key=key, public_certificate=certificate)


@check
def a_pfx_with_passphrase_signs_ps256(dev):
    client = dev.clients["mail-daemon"]
    mail_token(dev, private_key_pfx_path=client.pfx_file, passphrase=client.passphrase)


@check
def a_pfx_with_its_certificate_sends_x5c(dev):
    client = dev.clients["mail-daemon"]
    mail_token(
        dev,
        private_key_pfx_path=client.pfx_file,
        passphrase=client.passphrase,
        public_certificate=True,
    )


@check
def pem_and_pfx_and_thumbprint_are_of_one_certificate(dev):
    client = dev.clients["mail-daemon"]
    certificate = x509.load_pem_x509_certificate(pathlib.Path(client.certificate_file).read_bytes())
    digest = certificate.fingerprint(hashes.SHA1()).hex()
    assert client.thumbprint_sha1_hex.lower() == digest, client.thumbprint_sha1_hex
    assert certificate.public_key().key_size >= 2048, certificate.public_key().key_size
    key, inside, _ = pkcs12.load_key_and_certificates(
        pathlib.Path(client.pfx_file).read_bytes(), client.passphrase.encode()
    )
    assert inside == certificate, "the PFX holds another certificate"
    assert key.public_key() == certificate.public_key(), "the PFX holds another key"


@check
def a_wrong_secret_is_invalid_client(dev):
    client = application(dev, dev.clients["calculator"].client_id, "not-the-secret")
    refused(client.acquire_token_for_client([dev.api.scope]), "invalid_client", 7000215)


@check
def a_foreign_thumbprint_is_invalid_client(dev):
    key, _ = files(dev)
    client = by_certificate(dev, private_key=key, thumbprint="00" * 20)
    refused(client.acquire_token_for_client([GRAPH]), "invalid_client", 700027)


@check
def a_scope_without_default_is_invalid_scope(dev):
    scope = dev.api.scope.removesuffix("/.default") + "/Calc.Add"
    result = by_secret(dev, "calculator").acquire_token_for_client([scope])
    refused(result, "invalid_scope", 1002012)


@check
def an_unknown_client_is_unauthorized_client(dev):
    client = application(dev, str(uuid.uuid4()), "whatever-secret")
    refused(client.acquire_token_for_client([dev.api.scope]), "unauthorized_client", 700016)


@check
def a_token_for_graph_is_not_for_the_gateway(dev):
    client = dev.clients["mail-daemon"]
    token = mail_token(dev, private_key_pfx_path=client.pfx_file, passphrase=client.passphrase)
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(token)])
    assert answer.status == 401, (answer.status, answer.body)
    assert answer.reason() == "token_not_for_us", answer.body


if __name__ == "__main__":
    sit()
