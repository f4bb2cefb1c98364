"""What helm's own code does with the chart: install, upgrade, a bad upgrade, uninstall.

usage: lifecycle.py LIFECYCLE BEARERGATE
LIFECYCLE is tests/chart/tools/lifecycle. The API server is tests/chart/objects.py: it keeps what it is given, runs the
checking Job by `BEARERGATE check`, and makes a ReplicaSet of each pod template.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from objects import Objects

CHART = pathlib.Path(__file__).parents[2] / "charts/bearergate"
CONFIG = """config: |
  version: 1
  listeners: {{ apis: {{ address: 0.0.0.0:8080 }} }}
  admin: {{ address: 0.0.0.0:9090 }}
  {}
"""
NO_SECRET = """
  routes:
    - id: calc
      listener: apis
      match: { path: /calc }
      callers: [{ api_key: { id: payroll, key: { file: /run/secrets/callers/payroll.key } } }]
      upstream: { url: "http://calc:8080" }
secrets: { callers: { existingSecret: callers } }
"""
# What each upgrade's configuration says beside its listeners, and what helm must say to it.
STEPS = [
    ("routes: []", ["ok"]),
    ("routes: [] # another", ["ok"]),
    ("rotues: []", ["unknown key `rotues`", "did you mean `routes`?", "failed: pre-upgrade hooks failed"]),
    (NO_SECRET, ["there is no /run/secrets/callers/payroll.key", "failed: pre-upgrade hooks failed"]),
    ("routes: [] # a third", ["ok"]),
]


def main(lifecycle, binary):
    with tempfile.TemporaryDirectory() as folder, Objects(binary) as server:
        files = []
        for at, (config, _) in enumerate(STEPS):
            files.append(pathlib.Path(folder, f"{at}.yaml"))
            files[-1].write_text(CONFIG.format(config.strip() if "\n" not in config else config))
        access = pathlib.Path(folder, "kubeconfig")
        access.write_text(server.kubeconfig())
        said = subprocess.run(
            [lifecycle, CHART, *files], env={**os.environ, "KUBECONFIG": str(access)}, text=True, capture_output=True, timeout=300
        )
        assert said.returncode == 0, said.stderr
        steps = told(said.stdout)
        for (config, expected), text in zip([*STEPS, ("uninstall", ["ok"])], steps, strict=True):
            assert all(word in text for word in expected), f"{config}: helm said\n{text}"
        check_configurations(server)
    print(f"chart: {len(steps)} steps of a release's life by helm's own code")


def told(output):
    """What was said in each step: up to its `ok` or `failed:`."""
    steps, said = [], ""
    for line in output.splitlines():
        said += line + "\n"
        if line == "ok" or line.startswith("failed:"):
            steps.append(said)
            said = ""
    return steps


def check_configurations(server):
    """While a ReplicaSet names a configuration it is there; a bad upgrade changed nothing; in the end nothing is left."""
    for moment in server.moments:
        missing = moment["named"] - moment["configurations"]
        assert not missing, f"{moment['after']}: pods could not start any more without {missing}"
    assert [m["after"] for m in server.moments].count("ReplicaSet") == 3, "an upgrade that was refused made a ReplicaSet"
    left = {kind for kind, _ in server.objects} - {"replicasets", "pods"}
    assert left <= set(), f"left after uninstall: {left}"


if __name__ == "__main__":
    main(*sys.argv[1:])
