"""Where do pods live? Each in a network namespace of its own, on a bridge in the one that is the node's.

The whole cluster is in these namespaces: its API server, its service addresses, its clients. Nothing of it
is reached from the machine around it, and nothing around it is reached from it.
"""

import pathlib
import subprocess
import threading

NODE = "bearergate-node"
POD = "bearergate-pod-"
ADDRESS = "10.77.0.1"
SERVICES = "10.96.0.0/24"
FIRST, LAST = 10, 250

_lock = threading.Lock()
_taken = set()


def build():
    """Makes the node's namespace anew."""
    remove()
    for line in (
        f"ip netns add {NODE}",
        f"ip -n {NODE} link set lo up",
        f"ip -n {NODE} link add pods type bridge",
        f"ip -n {NODE} addr add {ADDRESS}/24 dev pods",
        f"ip -n {NODE} link set pods up",
        # Service addresses are nobody's: kube-proxy translates them, but first there must be a way.
        f"ip -n {NODE} route add {SERVICES} dev pods",
    ):
        run(line)
    # Between pods and services: forwarded, and what comes back over the bridge is translated back.
    inside = f"nsenter --net=/run/netns/{NODE} sh -c"
    settings = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables || true"
    run(*inside.split(), settings)


def remove():
    for name in namespaces():
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def namespaces():
    folder = pathlib.Path("/run/netns")
    if not folder.is_dir():
        return []
    return [file.name for file in folder.iterdir() if file.name == NODE or file.name.startswith(POD)]


class PodNetwork:
    """A namespace with an address, until `close`."""

    def __init__(self):
        with _lock:
            self._number = next(n for n in range(FIRST, LAST) if n not in _taken)
            _taken.add(self._number)
        self.address = f"10.77.0.{self._number}"
        self.name = f"{POD}{self._number}"
        self.path = f"/run/netns/{self.name}"
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        veth = f"pod{self._number}"
        for line in (
            f"ip netns add {self.name}",
            f"ip -n {self.name} link set lo up",
            f"ip -n {NODE} link add {veth} type veth peer name eth0 netns {self.name}",
            f"ip -n {NODE} link set {veth} master pods up",
            f"ip -n {self.name} addr add {self.address}/24 dev eth0",
            f"ip -n {self.name} link set eth0 up",
            f"ip -n {self.name} route add default via {ADDRESS}",
        ):
            run(line)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        with _lock:
            _taken.discard(self._number)


def run(*line):
    command = line[0].split() if len(line) == 1 else line
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
