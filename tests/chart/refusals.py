"""Does the chart refuse what would install and then not work, and say why in words?

usage: refusals.py HELM KUBERNETES_VERSION
What templates refuse is in charts/bearergate/tests; here is what the schema does, and what helm makes of both.
"""

import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import yaml

CHART = pathlib.Path(__file__).parents[2] / "charts/bearergate"

# What the values say, and the words that the refusal must hold.
REFUSED = {
    "a typo": ("replcas: 3", "replcas"),
    "a typo inside": ("image: { tags: x }", "tags"),
    "a typo in a Service": ("service: { loadBalancerSourceRange: [] }", "loadBalancerSourceRange"),
    "a typo in a Service beside it": ("services: { b: { listeners: [a], prot: 1 } }", "prot"),
    "a secret in clear": ("secrets: { mail: { value: hunter2 } }", "value"),
    "a secret without its name": ("secrets: { mail: {} }", "existingSecret"),
    "a secret from two places": ("secrets: { mail: { existingSecret: a, secretProviderClass: b } }", "/secrets/mail"),
    "a mount over the service account's": ("secrets: { kubernetes.io: { existingSecret: x } }", "kubernetes.io"),
    "a Service with the admin Service's name": ("services: { admin: { listeners: [apis] } }", "admin"),
    "a digest that is none": ("image: { digest: latest }", "digest"),
    "no replicas": ("replicas: 0", "replicas"),
    "config as a map": ("config: { version: 1 }", "config"),
    "config taken away": ("config: null", "config"),
    "a part taken away": ("image: null", "image"),
    "a number for a port's name": ("service: { port: http }", "port"),
    "a token that ends before Kubernetes lets it": ("workloadIdentity: { expirationSeconds: 60 }", "expirationSeconds"),
    "config that is no YAML": ('config: "a: [1"', "values.config is not valid YAML"),
    "config with a template": ("config: '{{ .Release.Name }}'", "templates are not resolved in it"),
    "an image with a space": ("image: { registry: my registry }", "registry"),
    "config that is a list": ('config: "- a"', "values.config must be a mapping"),
    "a number for a duration": (
        'config: |\n  listeners: { apis: { address: "0.0.0.0:8080" } }\n  admin: { address: "0.0.0.0:9090" }\n  shutdown: { delay: 5 }\n',
        "5 is not a duration; write a number with its unit",
    ),
    "no number for a duration": (
        'config: |\n  listeners: { apis: { address: "0.0.0.0:8080" } }\n  admin: { address: "0.0.0.0:9090" }\n  shutdown: { grace: 40 parsecs }\n',
        '"40 parsecs" is not a duration',
    ),
    "shutdown that is a list": (
        'config: |\n  listeners: { apis: { address: "0.0.0.0:8080" } }\n  admin: { address: "0.0.0.0:9090" }\n  shutdown: [5s]\n',
        "shutdown must be a mapping",
    ),
    "admin that is an address": (
        'config: |\n  listeners: { apis: { address: "0.0.0.0:8080" } }\n  admin: "0.0.0.0:9090"\n',
        "admin must be a mapping, such as { address: 0.0.0.0:9090 }",
    ),
    "no admin": ('config: "listeners: { apis: { address: 0.0.0.0:8080 } }"', "admin.address must be 0.0.0.0:9090"),
    "a listener that is an address": (
        'config: |\n  listeners: { apis: "0.0.0.0:8080" }\n  admin: { address: 0.0.0.0:9090 }\n',
        "listeners.apis must be a mapping",
    ),
    "an address that is a number": (
        "config: |\n  listeners: { apis: { address: 8080 } }\n  admin: { address: 0.0.0.0:9090 }\n",
        "listeners.apis.address must be 0.0.0.0:PORT",
    ),
    "a port that the kernel picks": (
        "config: |\n  listeners: { apis: { address: 0.0.0.0:0 } }\n  admin: { address: 0.0.0.0:9090 }\n",
        "listeners.apis.address must be 0.0.0.0:PORT",
    ),
}
# What Go and helm say when nobody thought of a case.
UNTHOUGHT = ["nil pointer", "interface {}", "error calling", "wrong type", "can't evaluate", "%!", "YAML parse error", "panic"]


def main(helm, kubernetes):
    for name, (values, words) in REFUSED.items():
        done = render(helm, kubernetes, values)
        assert done.returncode != 0, f"{name}: was rendered"
        assert words in done.stderr, f"{name}: the refusal does not say {words!r}:\n{done.stderr}"
        assert not any(word in done.stderr for word in UNTHOUGHT), f"{name}: not in words:\n{done.stderr}"
    check_readme(helm, kubernetes)
    print(f"chart: {len(REFUSED)} refused by helm, {closed_everywhere()} by the schema")


def render(helm, kubernetes, values):
    command = [helm, "template", "x", CHART, "--kube-version", kubernetes, "--values", "-"]
    return subprocess.run(command, input=values, capture_output=True, text=True, timeout=60)


def check_readme(helm, kubernetes):
    """What it shows are values, and the first of them are whole."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    blocks = [block for block in blocks if not block.startswith("# Chart.yaml")]
    judge = jsonschema.Draft7Validator(json.loads((CHART / "values.schema.json").read_text()))
    for block in blocks:
        shown = yaml.safe_load((CHART / "values.yaml").read_text()) | yaml.safe_load(block)
        problems = [p.message for p in judge.iter_errors(shown) if "is a required property" not in p.message]
        assert not problems, f"README: {problems}\n{block}"
    done = render(helm, kubernetes, blocks[0])
    assert done.returncode == 0, f"README: {done.stderr}"


def closed_everywhere():
    """At each key: nothing of another type, nothing beside what is known, nothing taken away that templates read."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    judge = jsonschema.Draft7Validator(json.loads((CHART / "values.schema.json").read_text()))
    assert judge.is_valid(values), list(judge.iter_errors(values))
    count = 0
    for path, default in keys_of(values):
        wrong = [value for value in (7.5, [[7]], {"typo": {"typo": 7}}) if path[0] != "global" or not isinstance(value, dict)]
        # An object of Kubernetes' own may hold what Kubernetes will know tomorrow.
        where = ".".join(path)
        if where in FREE:
            wrong = wrong[:2]
        for value in wrong:
            assert not judge.is_valid(changed(values, path, value)), f"{where} may be {value!r}"
            count += 1
    return count


# Shapes of Kubernetes' own, which it checks itself.
FREE = {
    "autoscaling.behavior", "strategy", "strategy.rollingUpdate", "lifecycle", "httpRoute.timeouts", "podSecurityContext",
    "podSecurityContext.seccompProfile", "securityContext", "securityContext.capabilities", "serviceMonitor.tlsConfig",
    "affinity", "dnsConfig", "resources.requests", "resources.limits",
}


def keys_of(values, path=()):
    for key, value in values.items():
        here = (*path, key)
        if path and ".".join(path) in FREE:
            continue
        yield here, value
        if isinstance(value, dict):
            yield from keys_of(value, here)


def changed(values, path, value):
    copy = json.loads(json.dumps(values))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


if __name__ == "__main__":
    main(*sys.argv[1:])
