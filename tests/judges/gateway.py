"""curl and a Prometheus parser: is the gateway, seen from outside, what its documentation says?
Both legs, what is refused and how it is said, readiness, metrics, and that nothing secret is printed.
"""

import json
import re

from court import CALC, bearer, check, curl, eventually, key, messages, seen_headers, sit, token
from prometheus_client.parser import text_string_to_metric_families

def samples(dev):
    """Every sample of /metrics: (name, sorted labels) → value."""
    answer = curl(f"{dev.gateway.admin}/metrics")
    assert answer.status == 200, answer.status
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


def requests(found, **labels):
    """bearergate_requests_total, summed over what the labels leave open."""
    wanted = set(labels.items())
    return sum(
        value
        for (name, have), value in found.items()
        if name == "bearergate_requests_total" and wanted <= set(have)
    )


@check
def it_is_ready_and_says_of_what(dev):
    answer = curl(f"{dev.gateway.admin}/readyz")
    assert answer.status == 200, (answer.status, answer.body)
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    assert answer.json(), answer.body
    assert curl(f"{dev.gateway.admin}/livez").status == 200


@check
def the_admin_pages_are_not_on_the_traffic_listeners(dev):
    for listener in (dev.gateway.apis, dev.gateway.legacy):
        for page in ("livez", "readyz", "metrics", "status"):
            answer = curl(f"{listener}/{page}")
            assert (answer.status, answer.reason()) == (404, "no_route"), (page, answer.status)


@check
def without_a_token_it_says_where_to_get_one(dev):
    answer = curl(f"{dev.gateway.apis}{CALC}")
    assert (answer.status, answer.reason()) == (401, "no_credential"), (answer.status, answer.body)
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer "), challenge
    assert "authorization_uri=" in challenge and "error=" not in challenge, challenge
    assert answer.headers["cache-control"] == "no-store", answer.headers
    problem = answer.json()
    assert problem["status"] == 401 and problem["title"] and problem["request_id"], problem


@check
def with_a_token_the_upstream_sees_who_calls_and_no_credential(dev):
    spoofed = ["X-Client-Id: someone-else", "X_Client_Id: someone-else", "X-Api-Key: abc"]
    answer = curl(f"{dev.gateway.apis}{CALC}", headers=[bearer(token(dev, "calculator")), *spoofed])
    assert answer.status == 200, (answer.status, answer.body)
    seen = seen_headers(answer)
    assert "someone-else" not in seen.values(), seen
    assert not {"authorization", "x-api-key", "x_client_id"} & seen.keys(), seen


@check
def a_presented_bad_token_is_refused_with_its_reason(dev):
    answer = curl(f"{dev.gateway.apis}{CALC}", headers=[bearer("abc")])
    assert (answer.status, answer.reason()) == (401, "malformed_token"), (answer.status, answer.body)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"], answer.headers


@check
def two_authorization_headers_are_refused(dev):
    twice = [bearer(token(dev, "calculator")), bearer("abc")]
    answer = curl(f"{dev.gateway.apis}{CALC}", headers=twice)
    assert (answer.status, answer.reason()) == (400, "repeated_credential"), (answer.status, answer.body)


@check
def another_method_is_405_with_allow(dev):
    answer = curl(f"{dev.gateway.apis}{CALC}", method="DELETE")
    assert (answer.status, answer.reason()) == (405, "method_not_allowed"), (answer.status, answer.body)
    assert "GET" in answer.headers["allow"], answer.headers


@check
def dot_segments_are_refused_in_every_spelling(dev):
    for path in ("/calc/v1/../../status", "/calc/v1/%2e%2e/status", "/calc/v1/a%2fb", "/calc/v1/a%5cb"):
        answer = curl(f"{dev.gateway.apis}{path}", "--path-as-is")
        assert (answer.status, answer.reason()) == (400, "bad_path"), (path, answer.status, answer.body)


@check
def an_application_without_oauth_reads_ten_newest_messages(dev):
    answer = curl(messages(dev, dev.mailboxes.readable), headers=[key(dev)])
    assert answer.status == 200, (answer.status, answer.body)
    received = [message["receivedDateTime"] for message in answer.json()["value"]]
    assert len(received) == 10, f"{len(received)} messages"
    assert received == sorted(received, reverse=True), received


@check
def it_may_not_read_other_mailboxes(dev):
    answer = curl(messages(dev, dev.mailboxes.forbidden), headers=[key(dev)])
    assert (answer.status, answer.reason()) == (403, "parameter_not_allowed"), (answer.status, answer.body)


@check
def without_its_key_it_reads_nothing(dev):
    answer = curl(messages(dev, dev.mailboxes.readable))
    assert (answer.status, answer.reason()) == (401, "no_credential"), (answer.status, answer.body)
    answer = curl(messages(dev, dev.mailboxes.readable), headers=["X-Api-Key: " + "0" * 43])
    assert (answer.status, answer.reason()) == (401, "bad_key"), (answer.status, answer.body)


@check
def a_web_page_reads_no_mail_through_loopback(dev):
    headers = [key(dev), "Origin: https://evil.example"]
    answer = curl(messages(dev, dev.mailboxes.readable), headers=headers)
    assert (answer.status, answer.reason()) == (403, "browser_not_allowed"), (answer.status, answer.body)


@check
def expand_does_not_reach_past_the_mailbox(dev):
    answer = curl(messages(dev, dev.mailboxes.readable, "%24expand=attachments"), headers=[key(dev)])
    assert (answer.status, answer.reason()) == (403, "expand_not_allowed"), (answer.status, answer.body)


@check
def the_counters_count(dev):
    # A request is counted when it has ended, which is after its answer has left.
    eventually(lambda: not samples(dev)["bearergate_requests_in_flight", ()], "requests stay in flight")
    before = samples(dev)
    good = token(dev, "calculator")
    for _ in range(3):
        assert curl(f"{dev.gateway.apis}{CALC}", headers=[bearer(good)]).status == 200
    assert curl(f"{dev.gateway.apis}{CALC}").status == 401
    assert curl(f"{dev.gateway.apis}{CALC}", headers=[bearer(token(dev, "guest"))]).status == 403
    eventually(lambda: requests(samples(dev)) - requests(before) >= 5, "five were made")
    after = samples(dev)

    def rise(**labels):
        return requests(after, **labels) - requests(before, **labels)

    assert rise(outcome="allowed") == 3, rise(outcome="allowed")
    assert rise(outcome="denied", reason="no_credential") == 1, rise(reason="no_credential")
    assert rise(outcome="denied", reason="role_missing") == 1, rise(reason="role_missing")
    assert rise() == 5, rise()


@check
def metrics_tell_of_keys_and_tokens_and_name_nobody(dev):
    assert curl(messages(dev, dev.mailboxes.readable), headers=[key(dev)]).status == 200
    found = samples(dev)
    values = {name: value for (name, _), value in found.items()}
    assert values["bearergate_key_set_keys"] >= 1, values
    assert values["bearergate_key_set_age_seconds"] >= 0, values
    assert values["bearergate_token_expiry_seconds"] > 0, values
    assert values["bearergate_build_info"] == 1, values
    told = json.dumps([labels for _, labels in found])
    for private in (dev.tenant, dev.mailboxes.readable, dev.clients["calculator"].client_id, "/calc/"):
        assert private not in told, f"a label holds {private}"


@check
def the_token_was_fetched_once(dev):
    for _ in range(5):
        assert curl(messages(dev, dev.mailboxes.readable), headers=[key(dev)]).status == 200
    fetched = {
        dict(labels)["outcome"]: value
        for (name, labels), value in samples(dev).items()
        if name == "bearergate_token_fetches_total"
    }
    assert fetched.get("success") == 1, fetched
    assert not fetched.get("failure"), fetched


# Last: by now every kind of request was made.
@check
def no_token_was_printed_or_logged(dev):
    eventually(lambda: "no_credential" in dev.output(), "there is no access log to look at")
    output = dev.output()
    found = re.search(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}", output)
    assert not found, f"a token was printed: {found.group()[:30]}…"


if __name__ == "__main__":
    sit()
