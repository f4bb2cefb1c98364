"""`just cluster`: the chart and the image on a real control plane, through what breaks releases at night.

Run by scripts/cluster/run, inside of the node's network namespace. Each step is a function of scenario.py.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

import network
import scenario
from metrics import Metrics
from names import Names
from node import Nodes
from plane import Plane
from stage import Stage

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main(helm, binaries, *chosen):
    steps = [s for s in scenario.STEPS if not chosen or s.__name__ in chosen]
    figures, failed = {}, []
    with tempfile.TemporaryDirectory(prefix="bearergate-cluster-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        plane, nodes, stage = Plane(folder, binaries), None, None
        began = time.monotonic()
        try:
            plane.start()
            nodes = Nodes(plane.api(), folder, plane.certificate.parent)
            nodes.start()
            plane.start_proxy()
            Names(plane.api()).start()
            Metrics(plane.api(), nodes, plane.certificate.parent).start()
            print(f"the cluster is up: {time.monotonic() - began:.1f} s", flush=True)
            stage = Stage(ROOT, folder, plane, nodes, helm)
            for step in steps:
                name = step.__name__.replace("_", " ")
                print(f"== {name}", flush=True)
                began = time.monotonic()
                try:
                    figures[name] = step(stage) or ""
                    print(f"ok      {name}: {figures[name]} ({time.monotonic() - began:.0f} s)", flush=True)
                except Exception:  # noqa: BLE001: whatever it is, the step failed
                    failed.append(name)
                    print(f"FAILED  {name}", flush=True)
                    traceback.print_exc(limit=-3, file=sys.stdout)
                    stage.show()
        finally:
            for part in (stage, nodes, plane):
                if part:
                    part.stop()
    print(json.dumps(figures, indent=2))
    print(f"{len(steps) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    inside = subprocess.run(["ip", "netns", "identify"], capture_output=True, text=True).stdout.strip()
    if inside != network.NODE:
        sys.exit("scripts/cluster/run starts this")
    sys.exit(main(*sys.argv[1:]))
