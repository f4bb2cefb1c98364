"""One pod's life on a node: its network and mounts, init containers, containers, restarts, and its end."""

import pathlib
import threading
import time

from api import Refused, now
from container import Container
from network import ADDRESS, PodNetwork
from volumes import NotYet, Volumes

# The kubelet's are 60 to 90 seconds and 10 to 300; a run has not so long.
REFRESH = 3
# What is told once more, for others may have written over it: whoever looks after nodes calls pods of a silent one not ready.
AGAIN = 10
BACK_OFF, BACK_OFF_MOST = 5, 60
TICK = 0.1


class Pod:
    def __init__(self, api, manifest, folder):
        self.api, self.spec = api, manifest["spec"]
        meta = manifest["metadata"]
        self.namespace, self.name, self.uid = meta["namespace"], meta["name"], meta["uid"]
        self.folder = pathlib.Path(folder) / self.uid
        self.folder.mkdir(parents=True)
        self.network, self.volumes = PodNetwork(), Volumes(api, manifest, self.folder / "volumes")
        self._manifest, self._began, self._told, self._grace = manifest, now(), {}, 30
        self._changed, self._again = {}, 0
        self.ending, self.over = threading.Event(), threading.Event()
        restarted = [c for c in self.spec.get("initContainers", []) if c.get("restartPolicy") == "Always"]
        self.first = [Container(self, c, sidecar=c in restarted) for c in self.spec.get("initContainers", [])]
        self.main = [Container(self, c) for c in self.spec["containers"]]
        self.phase = "Pending"
        threading.Thread(target=self._live, daemon=True, name=self.name).start()

    def manifest(self):
        """As it was given, with the address that it has got."""
        return {**self._manifest, "status": {"podIP": self.network.address, "hostIP": ADDRESS}}

    def end(self, grace):
        self._grace = grace
        self.ending.set()

    def container(self, name):
        return next((c for c in self.first + self.main if c.spec["name"] == name), None)

    # -- from start to end

    def _live(self):
        try:
            self._until_done(self.volumes.mount)
            for container in self.first:
                self._run_first(container)
            for container in self.main:
                if not self.ending.is_set() and self.phase != "Failed":
                    self._until_done(lambda c=container: c.start(ADDRESS))
            if not self.ending.is_set() and self.phase != "Failed":
                self.phase = "Running"
            self._watch()
        finally:
            self._end()

    def _until_done(self, attempt):
        """Tries until what the pod names is there, and says once what is not."""
        while not self.ending.is_set():
            try:
                attempt()
                return
            except NotYet as why:
                reason = "Failed" if "image" in str(why) else "FailedMount"
                self.tell("Warning", reason, str(why))
            except Refused as why:
                self.tell("Warning", "Failed", str(why))
            self._report()
            self.ending.wait(1)

    def _run_first(self, container):
        """An init container: to its end, or, where it is a sidecar, until it has started."""
        while not self.ending.is_set() and self.phase != "Failed":
            self._until_done(lambda: container.start(ADDRESS))
            while not self.ending.is_set():
                self._report()
                if container.sidecar and container.started:
                    return
                if container.code is not None:
                    break
                time.sleep(TICK)
            if container.code == 0 and not container.sidecar:
                return
            if self.spec.get("restartPolicy") == "Never" and not container.sidecar:
                self.phase = "Failed"
            else:
                self._back_off(container)

    def _watch(self):
        """Restarts what ended as the policy says, brings mounts up to date, until all is over."""
        fresh = time.monotonic()
        policy = self.spec.get("restartPolicy", "Always")
        while not self.ending.is_set() and self.phase in ("Pending", "Running"):
            for container in [c for c in self.first if c.sidecar] + self.main:
                again = container.sidecar or policy == "Always" or (policy == "OnFailure" and container.code)
                if container.code is not None and again and "terminated" in container.state:
                    self._report()
                    threading.Thread(target=self._restart, args=(container,), daemon=True).start()
            codes = [c.code for c in self.main]
            if policy != "Always" and all(code is not None for code in codes) and not any(
                "waiting" in c.state for c in self.main
            ):
                if policy == "Never" or not any(codes):
                    self.phase = "Failed" if any(codes) else "Succeeded"
            if time.monotonic() - fresh > REFRESH:
                fresh = time.monotonic()
                try:
                    self.volumes.mount()
                except (NotYet, Refused) as why:
                    self.tell("Warning", "FailedMount", str(why))
            self._report()
            time.sleep(TICK)
        for container in reversed([c for c in self.first if c.sidecar]):
            if not self.ending.is_set():
                container.stop(self.spec.get("terminationGracePeriodSeconds", 30))
        self._report()
        while not self.ending.is_set():
            self.ending.wait(1)

    def _restart(self, container):
        self._back_off(container)
        if not self.ending.is_set():
            self._until_done(lambda: container.start(ADDRESS))

    def _back_off(self, container):
        pause = min(BACK_OFF * 2**container.restarts, BACK_OFF_MOST)
        container.last, container.code = container.state, None
        container.restarts += 1
        message = f"back-off {pause}s restarting failed container={container.spec['name']} pod={self.name}"
        container.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self.tell("Warning", "BackOff", f"Back-off restarting failed container {container.spec['name']}")
        self._report()
        self.ending.wait(pause)

    def _end(self):
        """Containers end beside each other, sidecars after them; then the pod is no more."""
        ends = time.monotonic() + self._grace
        self._report()
        stopping = [threading.Thread(target=c.stop, args=(self._grace,)) for c in self.main]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        for container in reversed(self.first):
            container.stop(max(ends - time.monotonic(), 1))
        took = self._grace - (ends - time.monotonic())
        codes = ", ".join(f"{c.spec['name']} {c.code}" for c in self.main)
        print(f"        {self.name} ended after {took:.1f} s of {self._grace}: {codes}", flush=True)
        for container in self.first + self.main:
            container.remove()
        self.api.delete(self._path(), gracePeriodSeconds=0, preconditions={"uid": self.uid})
        self.volumes.remove()
        self.network.close()
        self.over.set()

    # -- what the API is told

    def _path(self):
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def tell(self, kind, reason, message):
        """An event, once for each reason and message."""
        if self._told.get(reason) == message:
            return
        self._told[reason] = message
        about = {"kind": "Pod", "name": self.name, "namespace": self.namespace, "uid": self.uid, "apiVersion": "v1"}
        event = {"metadata": {"generateName": f"{self.name}.", "namespace": self.namespace}, "type": kind}
        event |= {"reason": reason, "message": message[:1000], "firstTimestamp": now(), "lastTimestamp": now(), "count": 1}
        try:
            self.api.create(
                f"/api/v1/namespaces/{self.namespace}/events",
                event | {"involvedObject": about, "source": {"component": "scripts/cluster"}},
            )
        except Refused as refusal:
            print(f"        no event for {self.name}: {refusal}", flush=True)

    def _report(self):
        first, main = [c.status() for c in self.first], [c.status() for c in self.main]
        ready = self.phase == "Running" and all(c.ready for c in self.main) and not any(
            c.sidecar and not c.ready for c in self.first
        )
        begun = self.phase != "Pending" or any("running" in c["state"] for c in main)
        status = {
            "phase": self.phase,
            "conditions": [
                self._condition(kind, holds)
                for kind, holds in (
                    ("PodScheduled", True),
                    ("PodReadyToStartContainers", True),
                    ("Initialized", begun),
                    ("ContainersReady", ready),
                    ("Ready", ready),
                )
            ],
            "hostIP": ADDRESS,
            "hostIPs": [{"ip": ADDRESS}],
            "podIP": self.network.address,
            "podIPs": [{"ip": self.network.address}],
            "startTime": self._began,
            "containerStatuses": main,
        }
        if first:
            status["initContainerStatuses"] = first
        if status == self._told.get("status") and time.monotonic() < self._again:
            return
        try:
            self.api.patch(f"{self._path()}/status", {"status": status})
            self._told["status"], self._again = status, time.monotonic() + AGAIN
        except Refused as refusal:
            if refusal.code != 404:
                print(f"        no status for {self.name}: {refusal}", flush=True)
        except OSError as why:
            print(f"        no status for {self.name}: {why}", flush=True)

    def _condition(self, kind, holds):
        """With the time since when it has been so."""
        was = self._changed.get(kind)
        if was is None or was[0] != holds:
            self._changed[kind] = was = (holds, now())
        return {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": was[1]}
