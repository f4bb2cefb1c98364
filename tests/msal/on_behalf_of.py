"""MSAL Python acts for a user as the gateway does: both exchange the same user's token at the dev issuer, and
what Entra would refuse both, both are refused.
"""

import base64
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "judges"))

import jwt  # noqa: E402
import msal  # noqa: E402
from court import bearer, check, curl, sit, token  # noqa: E402

GRAPH = "https://graph.microsoft.com"
MESSAGES = "/v1.0/me/messages?$top=3&$select=subject"


def api(dev, secret=None):
    """The API, for which users' tokens are."""
    client = dev.clients["calc-api"]
    # instance_discovery=False: MSAL would ask login.microsoftonline.com about this authority.
    return msal.ConfidentialClientApplication(
        client.client_id,
        client_credential=secret or client.secret,
        authority=f"{dev.authority}/{dev.tenant}",
        instance_discovery=False,
        verify=dev.ca_file,
        timeout=30,
    )


def users(dev, name):
    """The token that a user's client brings."""
    return pathlib.Path(dev.header_files[name]).read_text().strip().removeprefix("Authorization: Bearer ")


def exchanged(dev, assertion, scope="Mail.Read", **more):
    return api(dev).acquire_token_on_behalf_of(assertion, [f"{GRAPH}/{scope}"], **more)


def refused(result, error, code):
    assert "access_token" not in result, "a token was issued"
    assert result["error"] == error and result["error_codes"] == [code], result


def of_gateway(dev, assertion):
    return curl(f"{dev.gateway.apis}/graph{MESSAGES}", headers=[bearer(assertion)])


def told_by_gateway(dev, assertion, status, reason):
    answer = of_gateway(dev, assertion)
    assert (answer.status, answer.reason()) == (status, reason), (answer.status, answer.body)
    return answer.headers["www-authenticate"]


@check
def both_read_the_same_mail_for_the_same_user(dev):
    assertion = users(dev, "owner")
    result = exchanged(dev, assertion)
    assert result.get("token_type") == "Bearer", result
    by_msal = curl(f"{dev.mailbox}{MESSAGES}", headers=[bearer(result["access_token"])])
    by_gateway = of_gateway(dev, assertion)
    assert by_msal.status == by_gateway.status == 200, (by_msal, by_gateway)
    assert by_msal.json()["value"] == by_gateway.json()["value"], (by_msal, by_gateway)
    assert len(by_gateway.json()["value"]) == 3, by_gateway.body


@check
def what_is_given_is_for_that_user_and_says_who_acts(dev):
    assertion = users(dev, "owner")
    result = exchanged(dev, assertion)
    ours = jwt.decode(result["access_token"], options={"verify_signature": False})
    theirs = jwt.decode(assertion, options={"verify_signature": False})
    assert ours["oid"] == theirs["oid"] and ours["tid"] == theirs["tid"], (ours, theirs)
    assert ours["aud"] == GRAPH and ours["scp"] == "Mail.Read", ours
    assert ours["appid"] == dev.clients["calc-api"].client_id, ours


@check
def claims_that_an_api_asks_for_are_taken(dev):
    challenge = json.dumps({"access_token": {"nbf": {"essential": True, "value": "1790000123"}}})
    result = exchanged(dev, users(dev, "owner"), claims_challenge=challenge)
    assert "access_token" in result, result


@check
def what_more_is_demanded_of_the_user_is_the_same_for_both(dev):
    assertion = users(dev, "auditor")
    result = exchanged(dev, assertion)
    refused(result, "interaction_required", 50076)
    header = told_by_gateway(dev, assertion, 401, "interaction_required")
    shown = re.search(r'claims="([^"]+)"', header)[1]
    assert json.loads(base64.b64decode(shown)) == json.loads(result["claims"]), (header, result)


@check
def an_applications_token_is_exchanged_for_neither(dev):
    assertion = token(dev, "calculator")
    refused(exchanged(dev, assertion), "invalid_grant", 7000114)
    told_by_gateway(dev, assertion, 403, "principal_not_allowed")


@check
def a_token_for_another_api_is_exchanged_for_neither(dev):
    assertion = exchanged(dev, users(dev, "owner"))["access_token"]
    refused(exchanged(dev, assertion), "invalid_grant", 500131)
    told_by_gateway(dev, assertion, 401, "token_not_for_us")


@check
def a_forged_token_is_exchanged_for_neither(dev):
    head, body, signature = users(dev, "owner").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["preferred_username"] = "somebody.else@contoso.example"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assertion = f"{head}.{forged}.{signature}"
    refused(exchanged(dev, assertion), "invalid_grant", 50013)
    told_by_gateway(dev, assertion, 401, "bad_signature")


@check
def without_consent_there_is_none(dev):
    result = exchanged(dev, users(dev, "owner"), scope="Calendars.Read")
    refused(result, "invalid_grant", 65001)
    assert result["suberror"] == "consent_required", result


@check
def a_wrong_secret_is_the_applications_fault(dev):
    result = api(dev, "not-the-secret").acquire_token_on_behalf_of(
        users(dev, "owner"), [f"{GRAPH}/Mail.Read"]
    )
    refused(result, "invalid_client", 7000215)


if __name__ == "__main__":
    sit()
