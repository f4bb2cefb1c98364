"""Does the chart work as a dependency of another, switched by a condition and fed by `global`?

usage: dependency.py HELM KUBERNETES_VERSION
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

CHART = pathlib.Path(__file__).parents[2] / "charts/bearergate"
PARENT = """
apiVersion: v2
name: platform
version: 1.0.0
dependencies: [{ name: bearergate, version: "*", condition: bearergate.enabled }]
"""
VALUES = """
global: { imageRegistry: mirror.example, team: platform }
bearergate:
  podSecurityContext: { runAsUser: null }
  commonLabels: { team: "{{ .Values.global.team }}" }
"""


def main(helm, kubernetes):
    with tempfile.TemporaryDirectory() as folder:
        parent = pathlib.Path(folder, "platform")
        shutil.copytree(CHART, parent / "charts/bearergate")
        (parent / "Chart.yaml").write_text(PARENT)
        (parent / "values.yaml").write_text(VALUES)
        command = [helm, "template", "x", parent, "--kube-version", kubernetes]
        there = rendered(command)
        pod = next(d for d in there if d["kind"] == "Deployment")["spec"]["template"]
        assert pod["spec"]["containers"][0]["image"].startswith("mirror.example/bearergate:"), pod
        assert pod["metadata"]["labels"]["team"] == "platform", pod
        assert "runAsUser" not in pod["spec"]["securityContext"], pod
        assert {d["metadata"]["name"] for d in there if d["kind"] == "Service"} == {"x-bearergate", "x-bearergate-admin"}
        assert rendered([*command, "--set", "bearergate.enabled=false"]) == [], "the condition switches nothing"
        refused = subprocess.run([*command, "--set", "bearergate.replcas=3"], capture_output=True, text=True)
        assert refused.returncode != 0 and "replcas" in refused.stderr, refused.stderr
    print("chart: a dependency of another")


def rendered(command):
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]


if __name__ == "__main__":
    main(*sys.argv[1:])
