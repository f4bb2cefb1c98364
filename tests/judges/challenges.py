"""azure-core as the client that ours stands in for: each answers the claims challenges of one API. Both must
ask the token endpoint for the same claims, and send the same request again, once.
"""

import base64
import contextlib
import json
import pathlib
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from court import PATIENCE, Answering, Serve, Serving, check, eventually, sit

KEY = "payroll-0123456789abcdef0123456789abcdef"
GUID = "11111111-aaaa-4bbb-8ccc-222222222222"
BODY = bytes(range(256)) * 64
# Their base64 has an end of each kind, and characters that differ between the alphabets.
VALUES = ["1790000123", "a???>>>", "a???>>>b", "a???>>>bc"]


def encodings(text):
    standard, url = base64.b64encode(text.encode()).decode(), base64.urlsafe_b64encode(text.encode()).decode()
    return [standard, standard.rstrip("="), url, url.rstrip("=")]


def challenges():
    """What an API says, as Graph, Resource Manager and others have said it."""
    for value in VALUES:
        claims = json.dumps({"access_token": {"nbf": {"essential": True, "value": value}}})
        for encoded in encodings(claims):
            yield f'Bearer realm="", error="insufficient_claims", claims="{encoded}"'
    claims = base64.b64encode(b'{"access_token":{"xms_rp_ipaddr":{"value":"10.0.0.1"}}}').decode()
    yield f'Bearer claims="{claims}", realm="a, b", error="insufficient_claims"'
    yield f'BEARER authorization_uri="https://login.example/x?y=1", error="insufficient_claims", claims="{claims}"'
    yield f'Basic realm="x", Bearer error="insufficient_claims", claims="{claims}"'
    yield 'Bearer realm="", error="insufficient_scope"'


class Api(Answering):
    """A token endpoint, and an API that takes only tokens with the claims that it asked for."""

    asked, seen = [], []

    def do_POST(self):
        body = self.read()
        if self.path.endswith("/token"):
            form = dict(urllib.parse.parse_qsl(body.decode()))
            claims = json.loads(form.get("claims", "null"))
            self.asked.append((form["scope"], claims))
            token = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            return self.say({"token_type": "Bearer", "access_token": token, "expires_in": 3600})
        number = int(self.path.split("/")[1])
        self.seen.append((number, body))
        token = self.headers["Authorization"].removeprefix("Bearer ")
        has = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if has is None:
            return self.say({}, 401, www_authenticate=list(challenges())[number])
        return self.say(has)

    @classmethod
    def since(cls):
        """What both were asked since the last time."""
        told = (list(cls.asked), list(cls.seen))
        cls.asked.clear(), cls.seen.clear()
        return told


class Credential:
    """Asks for tokens as an SDK's credential does, by hand."""

    def __init__(self, url):
        self._url = url

    def get_token(self, *scopes, claims=None, **_):
        form = {"scope": scopes[0], **({"claims": claims} if claims else {})}
        request = urllib.request.Request(f"{self._url}/token", urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return AccessToken(json.load(answer)["access_token"], 2_000_000_000)


def route(number, url):
    token = f'{{ identity: app, scope: "api://{number}/.default", allow_host_mismatch: true }}'
    return (
        f"\n  - {{ id: r{number}, listener: apis, match: {{ path: /{number}/** }}, upstream: {{ url: '{url}' }},"
        f"\n      callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}], token: {token} }}"
    )


class Room:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(self._folder.name)
        self.api = Serving(Api).url
        for name, text in (("payroll.key", KEY), ("app.secret", "a secret of the application")):
            (base / name).write_text(text)
        routes = "".join(route(number, self.api) for number, _ in enumerate(challenges()))
        self._gateway = Serve(
            base,
            "version: 1\nlisteners: { apis: { address: 127.0.0.1:0 } }\n"
            "admin: { address: 127.0.0.1:0 }\nidentities:\n  app:\n"
            f"    entra: {{ tenant: {GUID}, client_id: {GUID}, authority: '{self.api}' }}\n"
            f"    credentials: [secret: {{ file: app.secret }}]\nroutes:{routes}\n"
        )
        self.url = self._gateway.ready().url("apis")
        eventually(lambda: len(Api.asked) == len(list(challenges())), "not each token was asked for")
        Api.since()
        return self

    def __exit__(self, *_):
        self._gateway.end()
        self._folder.cleanup()

    def output(self):
        return self._gateway.output()

    def by_ours(self, number):
        request = urllib.request.Request(f"{self.url}/{number}/x", BODY, {"X-Api-Key": KEY})
        with contextlib.suppress(urllib.error.HTTPError):
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        return 502, None

    def by_azure(self, number):
        scope = f"api://{number}/.default"
        policy = BearerTokenCredentialPolicy(Credential(self.api), scope)
        request = HttpRequest("POST", f"{self.api}/{number}/x", content=BODY)
        with Pipeline(RequestsTransport(), [policy]) as pipeline, contextlib.suppress(HttpResponseError):
            response = pipeline.run(request, enforce_https=False).http_response
            response.read() if hasattr(response, "read") else response.body()
            return response.status_code, json.loads(response.body()) or None


@check
def both_ask_for_the_same_claims_and_send_the_request_again_once(room):
    answered = 0
    for number, challenge in enumerate(challenges()):
        theirs, (their_tokens, their_requests) = room.by_azure(number), Api.since()
        ours, (our_tokens, our_requests) = room.by_ours(number), Api.since()
        if theirs[0] == 200:
            told = (challenge, theirs, ours, their_tokens, our_tokens)
            # Theirs has no token to begin with; ours got its first at start.
            assert len(their_tokens) == 2 and our_tokens == their_tokens[1:], told
            assert theirs == ours, told
            assert their_requests == our_requests == [(number, BODY)] * 2, told
            answered += 1
        else:
            assert ours[0] == 502 and our_tokens == [(f"api://{number}/.default", None)], challenge
    assert answered >= 18, answered


@check
def what_is_no_claims_challenge_is_answered_by_neither(room):
    number = len(list(challenges())) - 1
    assert room.by_azure(number)[0] == 401
    Api.since()
    assert room.by_ours(number)[0] == 502
    tokens, requests = Api.since()
    assert tokens == [] and len(requests) == 1, (tokens, requests)


sit(Room)
