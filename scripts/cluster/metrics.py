"""The API that the autoscaler asks, metrics.k8s.io: how much CPU and memory each container has used, truly."""

import http.server
import json
import os
import pathlib
import ssl
import threading
import time
import urllib.parse

from api import now
from network import ADDRESS

PORT = 4443
WINDOW = 5
GROUP = "metrics.k8s.io/v1beta1"
NAMESPACE = "kube-system"


class Metrics:
    """Looks at each running container now and then, and answers with the difference."""

    def __init__(self, api, nodes, certificates):
        self._api, self._nodes, self._used, self._rates = api, nodes, {}, {}
        self._certificates = certificates

    def start(self):
        service = {"metadata": {"name": "metrics"}, "spec": {"ports": [{"port": 443, "targetPort": PORT}]}}
        self._api.create(f"/api/v1/namespaces/{NAMESPACE}/services", service)
        self._api.create(
            f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices",
            {
                "metadata": {"name": "metrics", "labels": {"kubernetes.io/service-name": "metrics"}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}],
                "ports": [{"port": PORT, "protocol": "TCP"}],
            },
        )
        spec = {"group": "metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100}
        spec |= {"versionPriority": 100, "service": {"namespace": NAMESPACE, "name": "metrics", "port": 443}}
        self._api.create("/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": spec})
        threading.Thread(target=self._look, daemon=True).start()
        self._serve()

    def _look(self):
        while True:
            for pod in list(self._nodes.pods.values()):
                for container in pod.first + pod.main:
                    self._measure(pod, container)
            time.sleep(WINDOW)

    def _measure(self, pod, container):
        key = (pod.namespace, pod.name, container.spec["name"])
        usage = container.usage()
        if usage is None:
            self._used.pop(key, None)
            self._rates.pop(key, None)
            return
        seconds, memory = usage
        before = self._used.get(key)
        self._used[key] = (time.monotonic(), seconds)
        if before and before[1] <= seconds:
            self._rates[key] = ((seconds - before[1]) / (time.monotonic() - before[0]), memory)

    def pods(self, namespace, selector):
        items = []
        for thing in self._api.list(f"/api/v1/namespaces/{namespace}/pods?labelSelector={urllib.parse.quote(selector)}"):
            name = thing["metadata"]["name"]
            used = {key[2]: rate for key, rate in list(self._rates.items()) if key[:2] == (namespace, name)}
            if used:
                items.append(
                    {
                        "metadata": {"name": name, "namespace": namespace, "labels": thing["metadata"].get("labels", {})},
                        "timestamp": now(),
                        "window": f"{WINDOW}s",
                        "containers": [
                            {"name": c, "usage": {"cpu": f"{int(cpu * 1e9)}n", "memory": str(memory)}} for c, (cpu, memory) in used.items()
                        ],
                    }
                )
        return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": items}

    def _serve(self):
        metrics = self

        class Answers(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                parts = url.path.strip("/").split("/")
                if parts[3:4] == ["namespaces"] and parts[5:] == ["pods"]:
                    selector = urllib.parse.parse_qs(url.query).get("labelSelector", [""])[0]
                    answer = metrics.pods(parts[4], selector)
                else:
                    kinds = [{"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}]
                    answer = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": kinds}
                text = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer((ADDRESS, PORT), Answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates / "apiserver.crt", self._certificates / "apiserver.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def used_by(process):
    """Seconds of CPU and bytes of memory of a process, or nothing where it is no more."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None
