"""One container of a pod: started by podman with what its spec asks for, probed, and ended with its grace."""

import base64
import json
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from api import now
from metrics import used_by
from pace import longest
from volumes import NotYet, field

MESSAGE = 2048


class Container:
    """A container's life from one start to its end. Its `state` is what the API calls one."""

    def __init__(self, pod, spec, sidecar=False):
        self._pod, self.pod, self.spec, self.sidecar = pod, pod.uid, spec, sidecar
        self.name = f"bearergate-{pod.uid[:8]}-{spec['name']}"
        self.log = pod.folder / f"{spec['name']}.log"
        self.restarts, self.last = 0, {}
        self.running = threading.Event()
        self._reset()

    def _reset(self):
        self.started = self.ready = False
        self.code = None
        self.state = {"waiting": {"reason": "ContainerCreating"}}

    # -- its start and its end

    def start(self, dns):
        """Fails with NotYet where something it names is not there."""
        self._reset()
        if podman("image", "exists", self.spec["image"]).returncode:
            message = f'Failed to pull image "{self.spec["image"]}": not found'
            self.state = {"waiting": {"reason": "ErrImagePull", "message": message}}
            raise NotYet(message)
        podman("rm", "--force", "--time", "0", self.name)
        done = podman("run", "--detach", "--name", self.name, *self._options(dns), self.spec["image"], *self._arguments())
        if done.returncode:
            self.state = {"waiting": {"reason": "RunContainerError", "message": done.stderr[-500:]}}
            raise NotYet(done.stderr[-500:])
        self._process = podman("inspect", "--format", "{{.State.Pid}}", self.name).stdout.strip()
        self._began = now()
        self.state = {"running": {"startedAt": self._began}}
        self.started = not self.spec.get("startupProbe")
        self.ready = self.started and not self.spec.get("readinessProbe")
        self.running.set()
        threading.Thread(target=self._wait, daemon=True).start()
        threading.Thread(target=self._probe, daemon=True).start()

    def _wait(self):
        code = podman("wait", self.name).stdout.strip()
        # It may be removed already: then there is nothing to be told.
        told = json.loads(podman("inspect", self.name).stdout or "[]")
        killed = bool(told) and told[0].get("State", {}).get("OOMKilled")
        self.code = int(code) if re.fullmatch(r"-?\d+", code) else 255
        reason = "OOMKilled" if killed else "Completed" if self.code == 0 else "Error"
        end = {"exitCode": self.code, "reason": reason, "startedAt": self._began, "finishedAt": now()}
        if self.code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            end["message"] = self.output()[-MESSAGE:]
        self.started = self.ready = False
        self.state = {"terminated": end}
        self.running.clear()

    def stop(self, grace):
        """preStop, TERM, and KILL when the grace is over: all of it in the one time."""
        ends = time.monotonic() + grace
        if not self.running.is_set():
            return
        hook = (self.spec.get("lifecycle") or {}).get("preStop") or {}
        if "sleep" in hook:
            self._until_ended(min(ends, time.monotonic() + hook["sleep"]["seconds"]))
        elif "exec" in hook:
            podman("exec", self.name, *hook["exec"]["command"])
        elif hook:
            raise NotImplementedError(f"preStop {list(hook)}")
        podman("kill", "--signal", "TERM", self.name)
        self._until_ended(ends)
        if self.running.is_set():
            podman("kill", "--signal", "KILL", self.name)
            self._until_ended(time.monotonic() + 10)

    def _until_ended(self, ends):
        while self.running.is_set() and time.monotonic() < ends:
            time.sleep(0.05)

    def remove(self):
        podman("rm", "--force", "--time", "0", self.name)

    def output(self):
        """What it wrote, on both outputs, without the dates that are before each line."""
        if not self.log.is_file():
            return ""
        lines = self.log.read_text(errors="replace").splitlines(keepends=True)
        return "".join(re.sub(r"^\S+ (?:stdout|stderr) [FP] ", "", line) for line in lines)

    def usage(self):
        """Seconds of CPU and bytes of memory of its first process."""
        return used_by(self._process) if self.running.is_set() else None

    def ended(self):
        return self._pod.ending.is_set()

    def status(self):
        said = {"name": self.spec["name"], "image": self.spec["image"], "imageID": "", "ready": self.ready}
        return said | {"started": self.started, "restartCount": self.restarts, "state": self.state, "lastState": self.last}

    # -- what podman is told

    def _options(self, dns):
        pod, spec = self._pod.spec, self.spec
        security = {**(pod.get("securityContext") or {}), **(spec.get("securityContext") or {})}
        user = security.get("runAsUser")
        if security.get("runAsNonRoot") and user == 0:
            raise NotYet("container has runAsNonRoot and image will run as root")
        options = ["--network", f"ns:{self._pod.network.path}", "--hostname", self._pod.name]
        options += ["--dns", dns, "--dns-option", "ndots:5"]
        for domain in (f"{self._pod.namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local"):
            options += ["--dns-search", domain]
        options += ["--log-driver", "k8s-file", "--log-opt", f"path={self.log}", "--pull", "never"]
        if user is not None:
            options += ["--user", f"{user}:{security.get('runAsGroup', 0)}"]
        if security.get("fsGroup") is not None:
            options += ["--group-add", str(security["fsGroup"])]
        if security.get("readOnlyRootFilesystem"):
            options += ["--read-only", "--read-only-tmpfs=false"]
        if security.get("allowPrivilegeEscalation") is False:
            options += ["--security-opt", "no-new-privileges"]
        for kind in ("drop", "add"):
            for name in (security.get("capabilities") or {}).get(kind, []):
                options += [f"--cap-{kind}", name]
        limits = (spec.get("resources") or {}).get("limits") or {}
        if "memory" in limits:
            options += ["--memory", str(in_bytes(limits["memory"]))]
        for mount in spec.get("volumeMounts", []):
            how = "ro" if mount.get("readOnly") else "rw"
            options += ["--volume", f"{self._pod.volumes.path(mount)}:{mount['mountPath']}:{how}"]
        for name, value in self._environment().items():
            options += ["--env", f"{name}={value}"]
        if spec.get("workingDir"):
            options += ["--workdir", spec["workingDir"]]
        if spec.get("command"):
            options += ["--entrypoint", json.dumps(spec["command"])]
        for alias in pod.get("hostAliases", []):
            for name in alias["hostnames"]:
                options += ["--add-host", f"{name}:{alias['ip']}"]
        return options

    def _arguments(self):
        known = self._environment()
        return [re.sub(r"\$\((\w+)\)", lambda m: known.get(m[1], m[0]), text) for text in self.spec.get("args", [])]

    def _environment(self):
        found = {}
        for source in self.spec.get("envFrom", []):
            kind = "configMapRef" if "configMapRef" in source else "secretRef"
            data = self._data(kind, source[kind])
            found |= {source.get("prefix", "") + name: text for name, text in data.items()}
        for entry in self.spec.get("env", []):
            origin = entry.get("valueFrom")
            if not origin:
                found[entry["name"]] = entry.get("value", "")
            elif "fieldRef" in origin:
                found[entry["name"]] = field(self._pod.manifest(), origin["fieldRef"]["fieldPath"])
            else:
                kind = "configMapKeyRef" if "configMapKeyRef" in origin else "secretKeyRef"
                asked = origin[kind]
                data = self._data(kind, asked)
                if asked["key"] in data:
                    found[entry["name"]] = data[asked["key"]]
                elif not asked.get("optional"):
                    raise NotYet(f"couldn't find key {asked['key']} in {asked['name']}")
        return found

    def _data(self, kind, asked):
        secret = kind.startswith("secret")
        path = f"/api/v1/namespaces/{self._pod.namespace}/{'secrets' if secret else 'configmaps'}/{asked['name']}"
        thing = self._pod.api.find(path)
        if thing is None and not asked.get("optional"):
            raise NotYet(f'{"secret" if secret else "configmap"} "{asked["name"]}" not found')
        data = (thing or {}).get("data") or {}
        return {name: base64.b64decode(text).decode() for name, text in data.items()} if secret else data

    # -- probes

    def _probe(self):
        """Startup first; then readiness and liveness, each in its own rhythm."""
        began = self._began
        startup = self.spec.get("startupProbe")
        if startup:
            self._repeat(startup, began, self._on_startup, until=lambda: self.started)
        for name, told in (("readinessProbe", self._on_readiness), ("livenessProbe", self._on_liveness)):
            if self.spec.get(name):
                threading.Thread(target=self._repeat, args=(self.spec[name], began, told), daemon=True).start()

    def _repeat(self, probe, began, told, until=lambda: False):
        time.sleep(probe.get("initialDelaySeconds", 0))
        good = bad = 0
        while self.running.is_set() and self._began == began and not until():
            good, bad = (good + 1, 0) if self._ask(probe) else (0, bad + 1)
            told(good >= probe.get("successThreshold", 1), bad >= probe.get("failureThreshold", 3))
            time.sleep(probe.get("periodSeconds", 10))

    def _on_startup(self, good, bad):
        if good:
            self.started = True
            self.ready = not self.spec.get("readinessProbe")
        elif bad:
            self._kill("startup")

    def _on_readiness(self, good, bad):
        if (good or bad) and self.running.is_set():
            self.ready = good

    def _on_liveness(self, good, bad):
        if bad and not self._pod.ending.is_set():
            self._kill("liveness")

    def _kill(self, probe):
        self._pod.tell("Warning", "Unhealthy", f"Container {self.spec['name']} failed {probe} probe, will be restarted")
        podman("kill", "--signal", "TERM", self.name)

    def _ask(self, probe):
        patience = longest(probe.get("timeoutSeconds", 1))
        if "exec" in probe:
            return podman("exec", self.name, *probe["exec"]["command"]).returncode == 0
        asked = probe.get("httpGet") or probe["tcpSocket"]
        port = asked["port"]
        if isinstance(port, str):
            port = next(p["containerPort"] for p in self.spec["ports"] if p["name"] == port)
        try:
            if "tcpSocket" in probe:
                socket.create_connection((self._pod.network.address, port), patience).close()
                return True
            url = f"{asked.get('scheme', 'HTTP').lower()}://{self._pod.network.address}:{port}{asked.get('path', '/')}"
            headers = {h["name"]: h["value"] for h in asked.get("httpHeaders", [])}
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=patience) as answer:
                return 200 <= answer.status < 400
        except (OSError, urllib.error.URLError):
            return False


def in_bytes(quantity):
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(quantity)).groups()
    scale = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return int(float(number) * scale[unit])


def podman(*arguments):
    return subprocess.run(["podman", *map(str, arguments)], capture_output=True, text=True)


