"""PyJWT and joserfc as verifiers: are the dev issuer's tokens what a strict library expects of
Entra's, v1 and v2, against the published key sets, and are forgeries refused by all alike?
"""

import base64
import json
import time
import urllib.parse
import urllib.request

import jwt
from court import PATIENCE, bearer, check, curl, sit
from joserfc import jwt as jose
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

# Exchange's tokens are v1; Graph's are too, but nobody else can verify those.
EXCHANGE = "https://outlook.office365.com"


def token(dev, client="calculator", scope=None, tenant=None):
    """By hand, as in Baeke's curl line: a stray `audience` is ignored as Entra ignores it."""
    who = dev.clients[client]
    form = {
        "grant_type": "client_credentials",
        "client_id": who.client_id,
        "client_secret": who.secret,
        "scope": scope or dev.api.scope,
        "audience": "api://something-else",
    }
    url = f"{dev.authority}/{tenant or dev.tenant}/oauth2/v2.0/token"
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request, context=dev.tls, timeout=PATIENCE) as answer:
        assert answer.headers["cache-control"].startswith("no-store"), answer.headers
        return json.load(answer)["access_token"]


def by_pyjwt(dev, text, version, audience):
    document = dev.discovery(version)
    keys = jwt.PyJWKClient(document["jwks_uri"], ssl_context=dev.tls)
    return jwt.decode(
        text,
        keys.get_signing_key_from_jwt(text).key,
        algorithms=["RS256"],
        audience=audience,
        issuer=document["issuer"],
        options={"require": ["exp", "nbf", "iat", "iss", "aud", "sub", "tid", "oid", "ver"]},
    )


@check
def pyjwt_verifies_a_v2_token(dev):
    claims = by_pyjwt(dev, token(dev), "v2.0/", dev.api.client_id)
    assert claims["ver"] == "2.0", claims
    assert claims["iss"] == f"https://login.microsoftonline.com/{dev.tenant}/v2.0", claims["iss"]
    assert claims["azp"] == dev.clients["calculator"].client_id, claims
    assert claims["roles"] == ["invokeRole"], claims
    assert claims["tid"] == dev.tenant and claims["oid"] == claims["sub"], claims
    for name in ("exp", "nbf", "iat"):
        assert type(claims[name]) is int, f"{name} is {claims[name]!r}"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600, claims["exp"]


@check
def pyjwt_verifies_a_v1_token(dev):
    claims = by_pyjwt(dev, token(dev, scope=f"{EXCHANGE}/.default"), "", EXCHANGE)
    assert claims["ver"] == "1.0", claims
    assert claims["iss"] == f"https://sts.windows.net/{dev.tenant}/", claims["iss"]
    assert claims["appid"] == dev.clients["calculator"].client_id, claims
    assert "azp" not in claims, "azp is v2's word"


@check
def joserfc_verifies_the_same_token(dev):
    document = dev.discovery()
    keys = KeySet.import_key_set(dev.json(document["jwks_uri"]))
    text = token(dev)
    found = jose.decode(text, keys, algorithms=["RS256"])
    assert found.header["typ"] == "JWT" and found.header["kid"], found.header
    claims = jose.JWTClaimsRegistry(
        iss={"essential": True, "value": document["issuer"]},
        aud={"essential": True, "value": dev.api.client_id},
        exp={"essential": True},
        nbf={"essential": True},
    )
    claims.validate(found.claims)


@check
def the_key_sets_look_like_entras(dev):
    for version in ("v2.0/", ""):
        keys = dev.json(dev.discovery(version)["jwks_uri"])["keys"]
        assert keys, "no keys"
        for key in keys:
            assert key["kty"] == "RSA" and key["use"] == "sig", key
            assert "alg" not in key, "Entra's keys carry no alg, and clients must cope"
            assert not {"d", "p", "q"} & key.keys(), "a private key was published"
            assert key["x5t"] == key["kid"], key


@check
def all_judges_refuse_a_changed_token(dev):
    text = token(dev)
    head, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["roles"] = ["invokeRole", "admin"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    forgery = f"{head}.{forged}.{signature}"
    must_fail(lambda: by_pyjwt(dev, forgery, "v2.0/", dev.api.client_id), jwt.InvalidSignatureError)
    keys = KeySet.import_key_set(dev.json(dev.discovery()["jwks_uri"]))
    must_fail(lambda: jose.decode(forgery, keys, algorithms=["RS256"]), BadSignatureError)
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(forgery)])
    assert (answer.status, answer.reason()) == (401, "bad_signature"), (answer.status, answer.body)


@check
def all_judges_refuse_an_unsigned_token(dev):
    body = jwt.decode(token(dev), options={"verify_signature": False})
    unsigned = jwt.encode(body, None, algorithm="none", headers={"kid": "x"})
    must_fail(lambda: by_pyjwt(dev, unsigned, "v2.0/", dev.api.client_id), jwt.PyJWTError)
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(unsigned)])
    assert answer.status == 401, (answer.status, answer.body)
    assert answer.reason() in {"algorithm_not_allowed", "malformed_token"}, answer.body


@check
def a_genuine_token_for_another_api_is_refused_for_its_audience(dev):
    foreign = token(dev, scope=f"{EXCHANGE}/.default")
    answer = curl(f"{dev.gateway.apis}/calc/v1/add/1/1", headers=[bearer(foreign)])
    assert (answer.status, answer.reason()) == (401, "wrong_audience"), (answer.status, answer.body)


def must_fail(action, error):
    try:
        action()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


if __name__ == "__main__":
    sit()
