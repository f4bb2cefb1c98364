"""What the steps act with: helm, kubectl, the namespace, callers that never pause, and what they are told."""

import base64
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time

from network import ADDRESS
from pace import longest, written

NAMESPACE = "apis"
RELEASE = "gateway"
SERVICE = f"{RELEASE}-bearergate"
UPSTREAM = 8000
PATIENCE = longest(180)
SELECTOR = "app.kubernetes.io/name=bearergate,app.kubernetes.io/instance=gateway"
HERE = pathlib.Path(__file__).parent


class Stage:
    def __init__(self, root, folder, plane, nodes, helm):
        self.root, self.folder, self.api, self._helm = root, folder, plane.api(), helm
        self._nodes = nodes
        self._environment = dict(os.environ, KUBECONFIG=str(plane.kubeconfig), HOME=str(folder))
        text = (HERE / "values/gateway.yaml").read_text()
        self.values = folder / "values.yaml"
        self.values.write_text(text.replace("delay: 3s", f"delay: {written(3)}").replace("grace: 20s", f"grace: {written(20)}"))
        self.key = folder / "payroll.key"
        self.keys = {"payroll": secrets.token_urlsafe(32), "reports": secrets.token_urlsafe(32)}
        self.key.write_text(self.keys["payroll"])
        labels = {f"pod-security.kubernetes.io/{word}": "restricted" for word in ("enforce", "warn")}
        self.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": labels}})
        self.write_secret("callers", {f"{name}.key": key for name, key in self.keys.items()})
        self._processes = [subprocess.Popen([sys.executable, HERE / "upstream.py", ADDRESS, str(UPSTREAM)])]

    def stop(self):
        for process in self._processes:
            process.terminate()
            process.wait()

    # -- tools

    def helm(self, *arguments, fails=False):
        return self._run([self._helm, "--namespace", NAMESPACE, *arguments], fails)

    def kubectl(self, *arguments, fails=False):
        return self._run(["kubectl", "--namespace", NAMESPACE, *arguments], fails)

    def _run(self, command, fails):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=self._environment, timeout=longest(600))
        text = done.stdout + done.stderr
        if fails is not None:
            assert (done.returncode != 0) == fails, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{text}"
        return text

    def upgrade(self, *arguments, values=True, fails=False, seconds=150):
        """helm upgrade --install with the run's values; gives how long it took, or what it said where it has to fail."""
        began = time.monotonic()
        said = self.helm(
            "upgrade", "--install", RELEASE, self.root / "charts/bearergate", *(["--values", self.values] if values else []),
            "--wait", "--timeout", written(seconds), *arguments, fails=fails,
        )  # fmt: skip
        return said if fails else time.monotonic() - began

    def config(self, *changes):
        """Another configuration as a file of values: texts replaced in the run's own."""
        text = self.values.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        file = self.folder / f"values-{time.monotonic_ns()}.yaml"
        file.write_text(text)
        return file

    # -- what there is

    def pods(self, selector=SELECTOR):
        return self.api.list(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={selector.replace('=', '%3D').replace(',', '%2C')}")

    def ready(self, selector=SELECTOR):
        return [p for p in self.pods(selector) if any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))]

    def identities(self):
        """Which pods there are, and how often each was started."""
        return {p["metadata"]["uid"]: [c["restartCount"] for c in p["status"].get("containerStatuses", [])] for p in self.pods()}

    def containers(self, name):
        """The containers of that name in the pods that there are, ended ones too."""
        found = [pod.container(name) for pod in self._nodes.pods.values()]
        return [container for container in found if container]

    def address(self):
        spec = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    def deployment(self):
        return self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{SERVICE}")

    def until(self, holds, what, patience=PATIENCE):
        ends = time.monotonic() + patience
        while not (found := holds()):
            assert time.monotonic() < ends, what() if callable(what) else what
            time.sleep(0.2)
        return found

    def write_secret(self, name, texts):
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
        if self.api.find(f"{path}/{name}"):
            self.api.patch(f"{path}/{name}", {"data": data})
        else:
            self.api.create(path, {"metadata": {"name": name}, "data": data})

    def apply(self, manifest):
        done = subprocess.run(
            ["kubectl", "--namespace", NAMESPACE, "apply", "--filename", "-"],
            input=manifest, capture_output=True, text=True, env=self._environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def load(self, settle=2):
        """Callers that ask without a pause, before, while and after; gives them to look at, and fails if one failed."""
        address, port = self.address()
        load = Load([sys.executable, HERE / "load.py", address, str(port), str(self.key)])
        try:
            time.sleep(settle)
            load.look()
            yield load
            time.sleep(settle)
            load.look()
        finally:
            load.stop()
        load.judge()

    def drain_each(self):
        """Every node, one after the other; each takes pods again before the next."""
        for node in ("n1", "n2", "n3"):
            try:
                self.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", f"--timeout={written(150)}")
                self.until(lambda: len(self.ready()) >= 2, "fewer than two pods are ready after a drain")
            finally:
                self.kubectl("uncordon", node)

    def show(self):
        """For whoever reads why a step failed."""
        for what in (["get", "pods,endpointslices,replicasets,jobs,configmaps", "-o", "wide"], ["get", "events", "--sort-by=.lastTimestamp"]):
            print(self.kubectl(*what, fails=None)[-5000:])
        for pod in self._nodes.pods.values():
            if not pod.over.is_set():
                for container in pod.first + pod.main:
                    print(f"-- {pod.name} {container.spec['name']}\n{container.output()[-1500:]}")


class Load:
    def __init__(self, command):
        self._process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answered, self.failed = {}, []

    def look(self):
        """Takes in what happened since the last look."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        for kind, count in said["answered"].items():
            self.answered[kind] = self.answered.get(kind, 0) + count
        self.failed += said["failed"]

    def stop(self):
        self._process.kill()
        self._process.wait()

    def judge(self):
        assert not self.failed, f"{len(self.failed)} requests failed, {self}:\n" + "\n".join(self.failed[:10])
        assert len(self.answered) == 3 and all(self.answered.values()), f"not all callers were answered: {self}"

    def __str__(self):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answered.items()))
        return f"{sum(self.answered.values())} requests ({kinds}), {len(self.failed)} failed"
