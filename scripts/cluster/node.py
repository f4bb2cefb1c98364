"""Three nodes, in the place of kubelets: they run the pods that the scheduler gives them, and show their logs."""

import http.server
import ssl
import threading
import time
import urllib.parse

from api import Refused, now
from network import ADDRESS
from pod import Pod

NAMES = ["n1", "n2", "n3"]
LOGS = 10250


class Nodes:
    def __init__(self, api, folder, certificates):
        self._api, self._folder, self._certificates = api, folder, certificates
        self.pods, self._stops = {}, threading.Event()

    def start(self):
        for name in NAMES:
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
            labels["topology.kubernetes.io/zone"] = f"zone-{name}"
            self._api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
            self._beat(name)
        threading.Thread(target=self._beats, daemon=True).start()
        threading.Thread(target=self._look, daemon=True).start()
        self._serve_logs()

    def stop(self):
        """Ends what still runs, with its grace."""
        self._stops.set()
        for pod in self.pods.values():
            pod.end(10)
        for pod in self.pods.values():
            pod.over.wait(30)

    def _beats(self):
        while not self._stops.wait(8):
            for name in NAMES:
                try:
                    self._beat(name)
                except (Refused, OSError) as why:
                    print(f"        no sign of life of {name}: {why}", flush=True)

    def _beat(self, name):
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
        room = {"cpu": "8", "memory": "16Gi", "pods": "50", "ephemeral-storage": "20Gi"}
        about = ("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion")
        about += ("machineID", "operatingSystem", "osImage", "systemUUID")
        status = {
            "conditions": [ready | {"lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "addresses": [{"type": "InternalIP", "address": ADDRESS}],
            "capacity": room,
            "allocatable": room,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": LOGS}},
            "nodeInfo": dict.fromkeys(about, "") | {"kubeletVersion": "v1.36.3", "operatingSystem": "linux", "architecture": "amd64"},
        }
        self._api.patch(f"/api/v1/nodes/{name}/status", {"status": status})
        lease = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now(".000000")}
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        if self._api.find(f"{path}/{name}"):
            self._api.patch(f"{path}/{name}", {"spec": lease})
        else:
            self._api.create(path, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": lease})

    def _look(self):
        while not self._stops.is_set():
            try:
                self._follow(self._api.list("/api/v1/pods"))
            except (Refused, OSError) as why:
                print(f"        no pods to be seen: {why}", flush=True)
            time.sleep(0.25)

    def _follow(self, manifests):
        for manifest in manifests:
            meta, spec = manifest["metadata"], manifest["spec"]
            if spec.get("nodeName") not in NAMES:
                continue
            pod, leaves = self.pods.get(meta["uid"]), "deletionTimestamp" in meta
            if pod is None and leaves:
                path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
                self._api.delete(path, gracePeriodSeconds=0)
            elif pod is None and manifest["status"].get("phase") not in ("Succeeded", "Failed"):
                self.pods[meta["uid"]] = Pod(self._api, manifest, self._folder / "pods")
            elif pod is not None and leaves and not pod.ending.is_set():
                pod.end(meta.get("deletionGracePeriodSeconds", 30))

    def _serve_logs(self):
        nodes = self

        class Logs(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                """/containerLogs/NAMESPACE/POD/CONTAINER, as the API server asks a kubelet."""
                parts = urllib.parse.urlparse(self.path).path.strip("/").split("/")
                found = None
                if len(parts) == 4 and parts[0] == "containerLogs":
                    of = [p for p in nodes.pods.values() if (p.namespace, p.name) == (parts[1], parts[2])]
                    found = of[-1].container(parts[3]) if of else None
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write((found.output() if found else "no such container\n").encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer((ADDRESS, LOGS), Logs)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates / "apiserver.crt", self._certificates / "apiserver.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
