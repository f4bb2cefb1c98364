"""The control plane: etcd, API server, controllers, scheduler and kube-proxy, all real, in the node's namespace."""

import json
import os
import pathlib
import secrets
import subprocess
import time

from api import Api
from network import ADDRESS, SERVICES
from pace import longest, written

ETCD = f"http://{ADDRESS}:2379"
SERVER = f"https://{ADDRESS}:6443"
PATIENCE = longest(180)


class Plane:
    def __init__(self, folder, binaries):
        self.folder, self._binaries = pathlib.Path(folder), pathlib.Path(binaries)
        self._running = []
        self.token = secrets.token_hex(16)
        self.kubeconfig = self.folder / "kubeconfig"
        self.certificate = self.folder / "certificates/apiserver.crt"

    def start(self):
        folder = self.folder
        key, public, tokens = folder / "sa.key", folder / "sa.pub", folder / "tokens.csv"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        openssl("rsa", "-in", key, "-pubout", "-out", public)
        tokens.write_text(f"{self.token},admin,admin,system:masters\n")
        peers = f"http://{ADDRESS}:2380"
        self._run(
            "etcd", f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )  # fmt: skip
        self._run(
            "kube-apiserver", f"--etcd-servers={ETCD}", f"--cert-dir={folder / 'certificates'}", "--secure-port=6443",
            f"--bind-address={ADDRESS}", f"--advertise-address={ADDRESS}", f"--service-cluster-ip-range={SERVICES}",
            f"--service-account-issuer={SERVER}", f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={key}", f"--token-auth-file={tokens}", "--authorization-mode=RBAC",
            "--kubelet-preferred-address-types=InternalIP", "--enable-aggregator-routing",
        )  # fmt: skip
        self._wait(lambda: self.certificate.is_file() and self.ready(), "kube-apiserver")
        self._write_kubeconfig()
        as_admin = [f"--kubeconfig={self.kubeconfig}", "--bind-address=127.0.0.1", "--leader-elect=false"]
        as_admin += [f"--authentication-kubeconfig={self.kubeconfig}", f"--authorization-kubeconfig={self.kubeconfig}"]
        self._run(
            "kube-controller-manager", *as_admin, f"--service-account-private-key-file={key}",
            f"--root-ca-file={self.certificate}", "--use-service-account-credentials",
            # HPA looks each 15 seconds; a run need not wait so long.
            "--horizontal-pod-autoscaler-sync-period=3s", "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
            # The nodes are a process like others, which a busy machine keeps waiting.
            f"--node-monitor-grace-period={written(50)}",
        )  # fmt: skip
        self._run("kube-scheduler", *as_admin)

    def start_proxy(self):
        """Once there is a node for it to be on."""
        self._run(
            "kube-proxy", f"--kubeconfig={self.kubeconfig}", "--hostname-override=n1", "--proxy-mode=iptables",
            "--masquerade-all", "--cluster-cidr=10.77.0.0/24", "--conntrack-max-per-core=0",
            "--metrics-bind-address=127.0.0.1:10249", "--healthz-bind-address=127.0.0.1:10256",
        )  # fmt: skip

    def api(self):
        return Api(SERVER, self.token, self.certificate)

    def ready(self):
        try:
            return self.api().get("/readyz") == b"ok"
        except Exception:  # noqa: BLE001: whatever it is, it is not ready
            return False

    def stop(self):
        """The other way round: the API server hangs without its etcd."""
        for name, process in reversed(self._running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                print(f"{name} does not end; killed")
                process.kill()
                process.wait()

    def dead(self):
        return [name for name, process in self._running if process.poll() is not None]

    def _run(self, name, *arguments):
        command = self._binaries / name
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(command) if command.exists() else name, *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, HOME=str(self.folder)),
                start_new_session=True,
            )  # fmt: skip
        self._running.append((name, process))

    def _wait(self, holds, what):
        ends = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > ends or self.dead():
                log = (self.folder / f"{what}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{what} is not ready; ended: {self.dead()}\n{log}")
            time.sleep(0.3)

    def _write_kubeconfig(self):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "cluster",
            "clusters": [{"name": "cluster", "cluster": {"server": SERVER, "certificate-authority": str(self.certificate)}}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "admin"}}],
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
