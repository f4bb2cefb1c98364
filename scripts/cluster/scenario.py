"""What the chart and the image go through, in order: each step starts where the one before it ended."""

import json
import threading
import time
import urllib.error
import urllib.request

from pace import longest, written
from stage import NAMESPACE, RELEASE, SERVICE

STEPS = []
CLIENT = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc"
SIDECAR = ["--set", "image.registry=localhost,image.repository=bearergate,image.tag=cluster,image.pullPolicy=Never"]


def step(function):
    STEPS.append(function)
    return function


@step
def install(stage):
    took = stage.upgrade()
    assert len(stage.ready()) == 2, stage.pods()
    assert all(restarts == [0] for restarts in stage.identities().values()), stage.identities()
    on = {pod["spec"]["nodeName"] for pod in stage.ready()}
    assert len(on) == 2, f"both pods are on {on}"
    return f"{took:.1f} s"


@step
def helm_test(stage):
    said = stage.helm("test", RELEASE, "--timeout", written(60))
    assert "Succeeded" in said, said
    return "Succeeded"


@step
def upgrade_under_load(stage):
    """Another image and another configuration: every pod is replaced."""
    before = set(stage.identities())
    with stage.load() as load:
        took = stage.upgrade("--values", stage.config(("response: 60s", "response: 61s")), "--set", "image.tag=cluster-next")
        gone(stage, before)
    return f"{took:.1f} s, {load}"


@step
def drain_of_every_node(stage):
    with stage.load() as load:
        began = time.monotonic()
        stage.drain_each()
        took = time.monotonic() - began
    return f"{took:.1f} s, {load}"


@step
def bad_configuration_is_refused_before_anything_changes(stage):
    before = stage.identities()
    with stage.load() as load:
        said = stage.upgrade("--values", stage.config(("match: { path: /** }", "mach: { path: /** }")), fails=True)
        assert "mach" in said and "match" in said, f"the reason is not shown:\n{said}"
        assert stage.identities() == before, "pods were touched"
        stage.drain_each()
    return str(load)


@step
def bad_upgrade_then_drain_of_every_node(stage):
    """The check is left out, as by --no-hooks; the new pods never become ready, and the old ones are drained."""
    with stage.load() as load:
        bad = stage.config(("match: { path: /** }", "mach: { path: /** }"))
        said = stage.upgrade("--values", bad, "--no-hooks", fails=True, seconds=20)
        assert "timed out" in said or "deadline" in said or "not ready" in said, said
        whole = stage.until(lambda: [m for m in endings(stage) if "mach" in m], lambda: f"no pod says why it ended: {endings(stage)}")
        stage.drain_each()
        assert len(stage.ready()) >= 2, stage.pods()
    return f"{load}; pod: {whole[0].strip().splitlines()[0][:80]}"


@step
def bad_image_then_drain_of_every_node(stage):
    with stage.load() as load:
        stage.upgrade("--values", stage.config(("response: 60s", "response: 59s")), "--set", "image.tag=missing", "--no-hooks", fails=True, seconds=20)
        stage.drain_each()
    return str(load)


@step
def rollback_under_load(stage):
    good = [r for r in history(stage) if r["status"] in ("superseded", "deployed")][-1]["revision"]
    with stage.load() as load:
        began = time.monotonic()
        stage.helm("rollback", RELEASE, good, "--wait", "--timeout", written(150))
        took = time.monotonic() - began
        stage.until(lambda: len(stage.pods()) == 2 == len(stage.ready()), "the bad pods are still there")
    return f"to revision {good} in {took:.1f} s, {load}"


@step
def secret_rotation_without_a_roll(stage):
    before = stage.identities()
    old, new = stage.keys["reports"], "n" * 43
    assert everywhere(stage, old) == {200} and everywhere(stage, new) == {401}
    with stage.load() as load:
        began = time.monotonic()
        stage.write_secret("callers", {"reports.key": new})
        stage.until(lambda: everywhere(stage, new) == {200} and everywhere(stage, old) == {401}, "the new key is not taken over")
        took = time.monotonic() - began
        assert stage.identities() == before, "pods were replaced or restarted"
    stage.keys["reports"] = new
    return f"in force everywhere {took:.1f} s after the Secret changed, no pod restarted, {load}"


@step
def scaled_by_the_autoscaler_then_upgraded(stage):
    """By the CPU that the pods truly use. An upgrade must not take back what the autoscaler decided."""
    words = ("enabled=true", "minReplicas=2", "maxReplicas=5", "targetCPUUtilizationPercentage=2")
    scaling = ["--set", ",".join(f"autoscaling.{word}" for word in words)]
    stage.upgrade(*scaling)
    # Turned on by an upgrade, `replicas` leaves the Deployment: one pod until the autoscaler has looked.
    stage.until(lambda: len(stage.ready()) >= 2, "the autoscaler does not keep two pods")
    with stage.load() as load:
        stage.until(lambda: len(stage.ready()) == 5, "the autoscaler does not scale to five")
        fewest = Fewest(stage)
        took = stage.upgrade(*scaling, "--values", stage.config(("response: 60s", "response: 58s")))
        fewest.stop()
        assert fewest.wanted == 5, f"the upgrade asked for {fewest.wanted} pods on its way"
        assert fewest.ready >= 5, f"{fewest.ready} pods were ready on its way"
    return f"2 to 5 pods, upgraded in {took:.1f} s, never fewer than {fewest.ready} ready, {load}"


@step
def uninstall_lets_requests_end(stage):
    address, port = stage.address()
    answers = []

    def ask():
        answers.append(status(address, port, stage.keys["payroll"], "/slow"))

    asking = [threading.Thread(target=ask) for _ in range(40)]
    for thread in asking:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    stage.helm("uninstall", RELEASE, "--wait", "--timeout", written(120))
    for thread in asking:
        thread.join()
    assert answers == [200] * 40, answers
    stage.until(lambda: not stage.pods(), "pods are left")
    left = stage.kubectl("get", "all,configmaps,secrets,serviceaccounts,networkpolicies,pdb,hpa,jobs", "-l", "app.kubernetes.io/instance=gateway", "-o", "name")
    assert not left.strip() or "No resources" in left, f"left behind: {left}"
    return f"40 of 40 requests under way were answered; {time.monotonic() - began:.1f} s; nothing left"


@step
def sidecar_beside_a_legacy_application(stage):
    """The chart's example, with Entra and Graph on the pod's own loopback in the place of Microsoft's."""
    variable = "      - { name: CLIENT_SECRET, valueFrom: { secretKeyRef: { name: mail-daemon, key: client-secret } } }\n"
    values = sidecar(stage, ("    env:\n", f"    env:\n{variable}"))
    stage.write_secret("mail-daemon", {"client-secret": "s" * 40})
    stage.upgrade("--values", values, *SIDECAR, values=None)
    stage.until(lambda: len(mails(stage)) == 2 and all(said.get("sent", {}).get("202", 0) >= 20 for said in mails(stage)), lambda: mails(stage))
    firsts = [container.output().splitlines()[0] for container in legacy(stage)]
    assert [json.loads(line)["another mailbox"] for line in firsts] == [403, 403], firsts
    for pod in stage.pods():
        refused = status(pod["status"]["podIP"], 8081, "", "/graph/v1.0/users/x/sendMail")
        assert "Connection refused" in str(refused), f"the listener is reached from outside of the pod: {refused}"
    old = legacy(stage)
    stage.upgrade("--values", values, *SIDECAR, "--set", "image.tag=cluster-next", values=None)
    gone(stage, {container.pod for container in old})
    last = [json.loads(container.output().splitlines()[-1]) for container in old]
    assert all(said.get("end") and set(said["sent"]) == {"202"} for said in last), last
    sent = sum(said["sent"]["202"] for said in last + mails(stage))
    assert all(set(said["sent"]) == {"202"} for said in mails(stage)), mails(stage)
    stage.helm("uninstall", RELEASE, "--wait", "--timeout", written(120))
    tokens = {said["got"]["token"] for said in last}
    return f"{sent} mails through 4 pods, none failed, {tokens} token a pod; another mailbox 403; not reached from outside"


@step
def workload_identity_by_the_cluster_s_own_tokens(stage):
    """No secret at all: the service account's token, which Entra's stand-in holds to the API server's own keys."""
    told = json.dumps({**trusted(stage), "life": 30}).replace('"', '\\"')
    values = sidecar(
        stage,
        ("secret: { file: /run/secrets/mail/client-secret }", "federated_token: { file: /run/workload-identity/token }"),
        ("secrets:\n  mail: { existingSecret: mail-daemon }\n", f"workloadIdentity: {{ clientId: {CLIENT}, projectToken: true }}\n"),
        ("    env:\n", f'    env:\n      - {{ name: FEDERATED, value: "{told}" }}\n'),
    )
    stage.upgrade("--values", values, *SIDECAR, values=None)
    stage.until(lambda: len(mails(stage)) == 2 and all(said.get("got", {}).get("token", 0) >= 3 for said in mails(stage)), lambda: mails(stage))
    last = mails(stage)
    assert all(set(said["sent"]) == {"202"} and "refused" not in said["got"] for said in last), last
    assert all(said["got"]["proofs"] >= 2 for said in last), f"the token was not read again: {last}"
    stage.helm("uninstall", RELEASE, "--wait", "--timeout", written(120))
    return f"{sum(said['sent']['202'] for said in last)} mails, none failed; " + ", ".join(
        f"{said['got']['token']} tokens for {said['got']['proofs']} of the cluster's" for said in last
    )


def sidecar(stage, *changes):
    """The values of the chart's example, with what stands in for Microsoft, and these texts in the place of others."""
    example = (stage.root / "charts/bearergate/ci/sidecar-values.yaml").read_text()
    for old, new in (
        (f"client_id: {CLIENT}", f"client_id: {CLIENT}\n        authority: http://127.0.0.1:8400"),
        ("https://graph.microsoft.com, strip", "http://127.0.0.1:8402, strip"),
        ("scope: https://graph.microsoft.com/.default }", "scope: https://graph.microsoft.com/.default, allow_host_mismatch: true }"),
        ("registry.contoso.example/payroll:7", "localhost/bearergate-legacy:dev"),
        *changes,
    ):
        assert old in example, old
        example = example.replace(old, new)
    values = stage.folder / f"sidecar-{time.monotonic_ns()}.yaml"
    values.write_text(example)
    return values


def trusted(stage):
    """What a federated credential of an app registration names, and the keys that Entra would fetch."""
    subject = f"system:serviceaccount:{NAMESPACE}:{SERVICE}"
    return {"iss": stage.api.url, "keys": stage.api.get("/openid/v1/jwks")["keys"], "sub": subject, "aud": "api://AzureADTokenExchange"}


def legacy(stage):
    return [c for c in stage.containers("payroll") if not c.ended()]


def mails(stage):
    """What each running application said last."""
    lines = [c.output().splitlines() for c in legacy(stage)]
    return [json.loads(said[-1]) for said in lines if said]


def gone(stage, before):
    stage.until(lambda: not before & set(stage.identities()), "old pods are still there")


def endings(stage):
    """What ended containers left as their last words."""
    found = []
    for pod in stage.pods():
        for container in pod["status"].get("containerStatuses", []):
            for state in (container.get("lastState") or {}, container["state"]):
                found.append((state.get("terminated") or {}).get("message", ""))
    return found


def history(stage):
    return json.loads(stage.helm("history", RELEASE, "--output", "json"))


def everywhere(stage, key):
    """What each pod answers to that key."""
    return {status(pod["status"]["podIP"], 8080, key) for pod in stage.ready()}


def status(address, port, key, path="/quick"):
    request = urllib.request.Request(f"http://{address}:{port}{path}", headers={"X-Api-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=longest(30)) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError as why:
        return repr(why)


class Fewest:
    """The fewest pods that were wanted, and that were ready, while somebody looked."""

    def __init__(self, stage):
        self._stage, self._over = stage, threading.Event()
        self.wanted = self.ready = 99
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._over.wait(0.1):
            deployment = self._stage.deployment()
            self.wanted = min(self.wanted, deployment["spec"]["replicas"])
            self.ready = min(self.ready, deployment["status"].get("readyReplicas", 0))

    def stop(self):
        self._over.set()
        self._thread.join()
