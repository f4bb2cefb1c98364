"""Is what the chart rendered a configuration that the gateway accepts, in a pod that is locked down?

usage: check_rendered.py BEARERGATE MANIFESTS
Takes each config.yaml out of the ConfigMaps, lets its secrets point to files made here, and runs
`bearergate check` on it. Nothing else of the text changes, so that places in problems are right.
"""

import datetime
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

MOUNTS = "/run/secrets/"
# Every secret text is this one, so that a passphrase fits the file that it opens.
SECRET = b"rendered-config-check-0123456789abcdef"


def main(binary, manifests):
    documents = [d for d in yaml.safe_load_all(pathlib.Path(manifests).read_text()) if d]
    configs = [d["data"]["config.yaml"] for d in documents if d["kind"] == "ConfigMap"]
    assert configs, f"{manifests}: no ConfigMap was rendered"
    for deployment in (d for d in documents if d["kind"] == "Deployment"):
        check_pod(deployment["spec"]["template"]["spec"], configs)
    for config in configs:
        check_config(binary, config)


def check_pod(pod, configs):
    """The restricted profile of the pod security standards, and secrets that are mounted."""
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True and context["runAsUser"] == 65532
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
        assert all(m["readOnly"] is True for m in mounts.values())
        for file in secret_files(configs):
            assert str(pathlib.Path(file).parent) in mounts, f"{file} is not under any mount"


def secret_files(configs):
    return sorted({f for c in configs for f in re.findall(re.escape(MOUNTS) + r"[\w./-]+", c)})


def check_config(binary, config):
    with tempfile.TemporaryDirectory() as directory:
        base = pathlib.Path(directory)
        for file in secret_files([config]):
            make_secret(base / file.removeprefix(MOUNTS))
        path = base / "config.yaml"
        path.write_text(config.replace(MOUNTS, f"{base}/"))
        done = subprocess.run(
            [binary, "check", "--config", str(path)], capture_output=True, text=True, timeout=60
        )
        print(done.stdout, end="")
        assert done.returncode == 0, f"check refused the rendered config:\n{done.stderr}"


def make_secret(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".pfx":
        key, certificate = KEY_PAIR
        encryption = serialization.BestAvailableEncryption(SECRET)
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(b"check", key, certificate, None, encryption)
        )
    elif path.suffix in {".crt", ".pem"}:
        key, certificate = KEY_PAIR
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        pem += key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(pem)
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
