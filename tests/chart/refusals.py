"""Does the chart refuse what would install and then not work, and say why?

usage: refusals.py HELM KUBERNETES_VERSION
"""

import pathlib
import subprocess
import sys

CHART = pathlib.Path(__file__).parents[2] / "charts/bearergate"
CONFIG = """config: |
  version: 1
  listeners: {{ apis: {{ address: {listener} }} }}
  admin: {{ address: {admin} }}
  shutdown: {shutdown}
  routes: []
"""


def config(listener="0.0.0.0:8080", admin="0.0.0.0:9090", shutdown="{}"):
    return CONFIG.format(listener=listener, admin=admin, shutdown=shutdown)


# What the values say, and the words that the refusal must hold.
REFUSED = {
    "a typo": ("replcas: 3", "replcas"),
    "a typo inside": ("image: { tags: x }", "tags"),
    "a secret in clear": ("secrets: { mail: { value: hunter2 } }", "value"),
    "a secret without its name": ("secrets: { mail: {} }", "existingSecret"),
    "a mount over the service account's": ("secrets: { kubernetes.io: { existingSecret: x } }", "kubernetes.io"),
    "a digest that is none": ("image: { digest: latest }", "digest"),
    "no replicas": ("replicas: 0", "replicas"),
    "config as a map": ("config: { version: 1 }", "config"),
    "config that is no YAML": ('config: "a: [1"', "not valid YAML"),
    "admin where no probe looks": (config(admin="127.0.0.1:9090"), "admin.address must be"),
    "no listener for the Service": (config(listener="127.0.0.1:8080"), "0.0.0.0:8080"),
    "a duration without unit": (config(shutdown="{ grace: 40 parsecs }"), "not a duration"),
    "a number for a duration": (config(shutdown="{ delay: 5 }"), "5 is not a duration; write a number with its unit"),
    "no number for a duration": (config(shutdown="{ grace: soon }"), "\"soon\" is not a duration"),
    "shutdown that is a list": (config(shutdown="[5s]"), "shutdown must be a mapping"),
    "admin that is an address": (
        'config: |\n  version: 1\n  listeners: { apis: { address: "0.0.0.0:8080" } }\n  admin: "0.0.0.0:9090"\n',
        "admin must be a mapping, such as { address: 0.0.0.0:9090 }",
    ),
    "a listener that is an address": (
        'config: |\n  version: 1\n  listeners: { apis: "0.0.0.0:8080" }\n  admin: { address: 0.0.0.0:9090 }\n',
        "listeners.apis must be a mapping",
    ),
    "an address that is a number": (config(listener="8080"), "0.0.0.0:8080"),
    "foreign config without a grace period": ("existingConfigMap: mine", "terminationGracePeriodSeconds"),
}

# What the values say, and a line that must be rendered.
RENDERED = {
    "the grace period by default": ("{}", "terminationGracePeriodSeconds: 35"),
    "the grace period without shutdown": (config(), "terminationGracePeriodSeconds: 30"),
    "the grace period computed": (
        config(shutdown="{ delay: 500ms, grace: 1m 30s }"),
        "terminationGracePeriodSeconds: 96",
    ),
    "the listener on IPv6": (config(listener='"[::]:8080"', admin='"[::]:9090"'), "kind: ConfigMap"),
    "the digest before the tag": (
        f"image: {{ registry: r.example, tag: x, digest: sha256:{'0' * 64} }}",
        f"image: r.example/bearergate@sha256:{'0' * 64}",
    ),
    "why it ended": ("{}", "terminationMessagePolicy: FallbackToLogsOnError"),
    "foreign config": (
        "existingConfigMap: mine\nterminationGracePeriodSeconds: 60",
        "name: mine",
    ),
}


def render(values):
    return subprocess.run(
        [HELM, "template", "x", CHART, "--kube-version", KUBERNETES, "--values", "-"],
        input=values,
        capture_output=True,
        text=True,
        timeout=60,
    )


HELM, KUBERNETES = sys.argv[1:]
for name, (values, words) in REFUSED.items():
    done = render(values)
    assert done.returncode != 0, f"{name}: was rendered"
    assert words in done.stderr, f"{name}: the refusal does not say {words!r}:\n{done.stderr}"
for name, (values, line) in RENDERED.items():
    done = render(values)
    assert done.returncode == 0, f"{name}: {done.stderr}"
    assert line in done.stdout, f"{name}: {line!r} was not rendered"
print(f"chart: {len(REFUSED)} refused, {len(RENDERED)} rendered")
