"""An API server of Kubernetes for helm: keeps objects of one namespace, and plays what controllers would do to them.

Knows no schema, no user and no order of events; a merge is a plain one. Enough for a chart's hooks and upgrades.
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = {
    "v1": {"pods": "Pod", "secrets": "Secret", "configmaps": "ConfigMap", "services": "Service", "serviceaccounts": "ServiceAccount"},
    "apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"},
    "batch/v1": {"jobs": "Job"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
}
OBJECT = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)/namespaces/[^/]+/([a-z]+)(?:/([^/]+))?(/log)?")


class Objects:
    def __init__(self, binary):
        self.binary, self.objects, self.logs, self.moments = binary, {}, {}, []
        self.lock, self.version = threading.RLock(), 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"api": self}))

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def kubeconfig(self):
        named = {"cluster": "here", "user": "anybody"}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}}],
                "users": [{"name": "anybody", "user": {}}],
                "contexts": [{"name": "here", "context": named}],
                "current-context": "here",
            }
        )

    def put(self, resource, item):
        self.version += 1
        item["metadata"] |= {"resourceVersion": str(self.version), "uid": f"{resource}-{item['metadata']['name']}"}
        self.objects[resource, item["metadata"]["name"]] = item
        if resource == "deployments":
            self.roll(item)
        if resource == "jobs" and "status" not in item:
            self.run(item)

    def remove(self, resource, name):
        del self.objects[resource, name]
        self.look(f"removal of {resource} {name}")

    def look(self, after):
        """Which configurations there are, and which a ReplicaSet of a living Deployment names."""
        living = any(kind == "deployments" for kind, _ in self.objects)
        sets = [item for (kind, _), item in self.objects.items() if kind == "replicasets" and living]
        volumes = [volume for item in sets for volume in item["spec"]["template"]["spec"]["volumes"]]
        self.moments.append(
            {
                "after": after,
                "configurations": {name for kind, name in self.objects if kind == "configmaps"},
                "named": {volume["configMap"]["name"] for volume in volumes if volume["name"] == "config"},
            }
        )

    def roll(self, deployment):
        template = deployment["spec"]["template"]
        mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{deployment['metadata']['name']}-{mark}"
        if ("replicasets", name) not in self.objects:
            metadata = {"name": name, "labels": dict(template["metadata"]["labels"])}
            copy = json.loads(json.dumps(template))
            self.put("replicasets", {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"template": copy}})
            self.look("ReplicaSet")

    def run(self, job):
        """The one Job there is: `check` of a ConfigMap beside Secrets."""
        pod = job["spec"]["template"]["spec"]
        with tempfile.TemporaryDirectory() as folder:
            for volume in pod["volumes"]:
                if "secret" in volume:
                    self.mount(volume, pathlib.Path(folder))
            config = next(v["configMap"]["name"] for v in pod["volumes"] if v["name"] == "config")
            file = pathlib.Path(folder, "config.yaml")
            file.write_text(self.objects["configmaps", config]["data"]["config.yaml"].replace("/run/secrets/", f"{folder}/run/secrets/"))
            arguments = [str(file) if a == "/etc/bearergate/config.yaml" else a for a in pod["containers"][0]["args"]]
            done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60)
        name = f"{job['metadata']['name']}-pod"
        labels = {"job-name": job["metadata"]["name"]}
        self.put("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod})
        self.logs[name] = done.stdout + done.stderr.replace(folder, "")
        end = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"} if done.returncode else {"type": "Complete", "status": "True"}
        job["status"] = {"conditions": [end]}

    def mount(self, volume, folder):
        secret = self.objects.get(("secrets", volume["secret"]["secretName"]))
        assert secret or volume["secret"].get("optional"), f"a pod would wait for {volume}"
        for key, value in (secret or {}).get("data", {}).items():
            place = folder / "run/secrets" / volume["name"].removeprefix("secret-")
            place.mkdir(parents=True, exist_ok=True)
            (place / key).write_bytes(base64.b64decode(value))


def merge(item, change):
    for key, value in change.items():
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict) and isinstance(item.get(key), dict):
            merge(item[key], value)
        elif not key.startswith("$"):
            item[key] = value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        found = OBJECT.fullmatch(url.path)
        with self.api.lock:
            self.send(*(self.of_objects(*found.groups(), query, body) if found else self.of_itself(url.path.rstrip("/"))))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def of_itself(self, path):
        groups = [name for name in KINDS if "/" in name]
        if path == "/version":
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [{"groupVersion": name, "version": name.split("/")[1]} for name in groups]
            listed = [{"name": v["groupVersion"].split("/")[0], "versions": [v], "preferredVersion": v} for v in versions]
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        name = path.removeprefix("/apis/").removeprefix("/api/")
        if name in KINDS:
            verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
            kinds = [{"name": r, "singularName": "", "namespaced": True, "kind": k, "verbs": verbs} for r, k in KINDS[name].items()]
            return 200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": kinds}
        return self.missing()

    def of_objects(self, resource, name, log, query, body):
        if log:
            return 200, self.api.logs[name]
        if not name and self.command == "GET":
            return self.listed(resource, query)
        if self.command == "POST":
            self.api.put(resource, body)
            return 201, body
        item = self.api.objects.get((resource, name))
        if item is None:
            return self.missing()
        if self.command == "DELETE":
            self.api.remove(resource, name)
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        if self.command == "PATCH":
            assert not (item.get("immutable") and "data" in body), f"{name} is immutable"
            merge(item, body)
            self.api.put(resource, item)
        return 200, item

    def listed(self, resource, query):
        if query.get("watch") in ("1", "true"):
            # Nothing more will happen: what is listed has its end already.
            return 200, ""
        version, kind = next((v, kinds[resource]) for v, kinds in KINDS.items() if resource in kinds)
        wanted = dict(pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair)
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
        items = [
            item
            for (r, n), item in self.api.objects.items()
            if r == resource and name in ("", n) and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]
        return 200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {"resourceVersion": str(self.api.version)}, "items": items}

    def missing(self):
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}

    def send(self, status, body):
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) and body else "application/json")
        self.send_header("Content-Length", str(len(content)))
        try:
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            # A watch whose end was seen already is not read to its end.
            self.close_connection = True
