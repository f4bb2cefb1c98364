"""Is what the chart rendered a configuration that the gateway accepts, in pods that are locked down?

usage: check_rendered.py BEARERGATE MANIFESTS
Takes each config.yaml out of the ConfigMaps, lets its secrets point to files made here, and runs
`bearergate check` on it with the pod's variables. Nothing else of the text changes, so that places in problems are right.
"""

import base64
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

MOUNTS = re.compile(r"/run/(?:secrets|ca|workload-identity)/[\w./-]+")
# Every secret text is this one, so that a passphrase fits the file that it opens.
SECRET = b"rendered-config-check-0123456789abcdef"


def main(binary, manifests):
    documents = [d for d in yaml.safe_load_all(pathlib.Path(manifests).read_text()) if d]
    maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap" and "data" in d}
    pods = list(pods_of(documents))
    assert len(pods) >= 2, f"{manifests}: the gateway and its test at least"
    configs = set()
    for name, pod, who in pods:
        check_pod(pod, f"{name}: {who}")
        for config in [maps[m]["config.yaml"] for m in config_maps(pod) if m in maps]:
            variables = variables_of(pod)
            check_mounts(pod, config + str(variables))
            configs.add((config, variables))
    for config, variables in configs:
        check_config(binary, config, variables)


def pods_of(documents):
    for document in documents:
        spec = document.get("spec", {})
        pod = {"Pod": spec}.get(document["kind"]) or spec.get("template", {}).get("spec")
        if pod:
            yield document["kind"], pod, document["metadata"]["name"]


def variables_of(pod):
    """Those whose values stand in the pod."""
    return tuple((v["name"], v["value"]) for v in pod["containers"][0].get("env", []) if "value" in v)


def config_maps(pod):
    return [v["configMap"]["name"] for v in pod.get("volumes", []) if v["name"] == "config"]


def check_pod(pod, where):
    """The restricted profile of the pod security standards, and what the chart promises beyond it."""
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True and context.get("runAsUser") != 0, where
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}, where
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, where
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), where
    kinds = {"configMap", "secret", "csi", "projected", "emptyDir"}
    assert all(set(v) - {"name"} <= kinds for v in pod.get("volumes", [])), where
    for container in pod["containers"] + pod.get("initContainers", []):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, where
        assert context["capabilities"] == {"drop": ["ALL"]}, where
        assert "privileged" not in context and not any("hostPort" in p for p in container.get("ports", [])), where
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True, where


def check_mounts(pod, config):
    """Every file that the configuration names is in something that is mounted, and nobody writes there."""
    mounts = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"]}
    volumes = {v["name"] for v in pod["volumes"]}
    for file in files_in(config):
        mount = mounts.get(str(pathlib.Path(file).parent))
        assert mount, f"{file} is not under any mount"
        assert mount["readOnly"] is True and mount["name"] in volumes, file


def files_in(config):
    return sorted(set(MOUNTS.findall(config)))


def check_config(binary, config, variables):
    with tempfile.TemporaryDirectory() as directory:
        for file in files_in(config + str(variables)):
            make_file(pathlib.Path(directory + file))
        environment = {name: MOUNTS.sub(lambda file: directory + file.group(), value) for name, value in variables}
        path = pathlib.Path(directory, "config.yaml")
        path.write_text(MOUNTS.sub(lambda file: directory + file.group(), config))
        command = [binary, "check", "--config", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | environment)
        assert done.returncode == 0, f"check refused the rendered config:\n{done.stderr}"


def make_file(path):
    """What the name says: a PFX, a certificate or authority, its key, a cluster's token, the key of the state store, else a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key, certificate = KEY_PAIR
    if path.suffix == ".pfx":
        encryption = serialization.BestAvailableEncryption(SECRET)
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(b"check", key, certificate, None, encryption)
        )
    elif path.suffix == ".crt":
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    elif path.name == "tls.key":
        form = serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    elif path.name == "state.key":
        path.write_bytes(base64.b64encode(bytes(32)))
    elif path.parent.name == "workload-identity":
        parts = (b'{"alg":"RS256"}', b'{"iss":"https://cluster.example/","sub":"system:serviceaccount:gateway:bearergate"}', b"signature")
        path.write_bytes(b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts))
    else:
        path.write_bytes(SECRET + b"\n")
    path.chmod(0o440)


def key_pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rendered-config-check")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


KEY_PAIR = key_pair()

if __name__ == "__main__":
    main(*sys.argv[1:])
