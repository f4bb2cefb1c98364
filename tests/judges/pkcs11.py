"""SoftHSM and OpenSC: does a key that never leaves its token sign for the gateway? SOFTHSM is the path of SoftHSM's
module; `pkcs11-tool` makes the keys, and `cc` modules that do what no module should. The commands are those of
docs/guides/hsm.md.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import assertions
import court
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from court import binary, check, eventually

# Those of `assertions` are its own.
court._checks.clear()

PIN = "97531864"
GUIDE = pathlib.Path(__file__).parents[2] / "docs/guides/hsm.md"

# Each a module that loads, and does one thing that none should.
MODULES = {
    # Says that it has begun, so that nobody kills it too early, and never answers.
    "hangs": 'FILE *it = fopen(getenv("BEGUN"), "w"); fclose(it); for (;;) pause();',
    "crashes": "abort();",
    # As if it were the answer.
    "prints": 'puts("\\"Opened\\""); puts("{\\"Signed\\":\\"AAAA\\"}"); fflush(stdout); return 5;',
    "lacks": "static unsigned char none[4096]; *list = none; none[0] = 2; none[1] = 40; return 0;",
}


class Token(assertions.Court):
    """The token endpoint, and a token with two keys, of one of which we have a certificate."""

    def __enter__(self):
        super().__enter__()
        tokens = self.base / "tokens"
        tokens.mkdir()
        conf = self.base / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
        os.environ["SOFTHSM2_CONF"] = str(conf)
        self.module = os.environ["SOFTHSM"]
        (self.base / "hsm.pin").write_text(PIN + "\n")
        (self.base / "wrong.pin").write_text("13579246\n")
        self.walk()
        for name, body in MODULES.items():
            self.compile(name, body)
        self.kept = x509.load_pem_x509_certificate((self.base / "mail.pem").read_bytes())
        return self

    def walk(self):
        """What the guide says, as it is written."""
        page = GUIDE.read_text()
        lines = re.findall(r"<!-- judged -->\n```sh\n(.*?)```", page, re.S)
        assert len(lines) == 2, "the guide's commands are not found"
        script = "".join(lines).replace("/usr/lib/softhsm/libsofthsm2.so", self.module)
        self.run(["sh", "-euc", script], PIN=PIN, SO_PIN="86420864")
        # Two of one label.
        tool = ["pkcs11-tool", "--module", self.module, "--token-label", "gateway", "--login", "--pin", PIN]
        self.run([*tool, "--keypairgen", "--key-type", "rsa:2048", "--label", "other", "--id", "02"])
        self.run([*tool, "--keypairgen", "--key-type", "rsa:2048", "--label", "other", "--id", "03"])

    def run(self, command, **environment):
        environment = {**os.environ, **environment}
        done = subprocess.run(command, cwd=self.base, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def compile(self, name, body):
        source = self.base / f"{name}.c"
        source.write_text(
            "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
            f"unsigned long C_GetFunctionList(void **list) {{ {body} }}\n"
        )
        self.run(["cc", "-shared", "-fPIC", "-o", f"{name}.so", source.name])

    @contextlib.contextmanager
    def of_the_kept_key(self):
        """What is verified meanwhile is verified by the certificate of the token's key."""
        ours, self.certificate = self.certificate, self.kept
        try:
            yield
        finally:
            self.certificate = ours

    def credential(self, key="label: mail", token="token: gateway", pin="hsm.pin", module=None, more="", own=""):
        module = module or self.module
        where = f"module: {module}, {token}, {key}, pin: {{ file: $/{pin} }}"
        where = f"{where}, environment: [SOFTHSM2_CONF{own}]"
        return f"certificate: {{ file: $mail.pem, sign: {{ pkcs11: {{ {where} }} }}{more} }}".replace("$/", "$")


@check
def a_key_that_its_token_keeps_signs_for_us(token):
    with token.of_the_kept_key():
        header, _ = token.assertion(token.credential())
        assert header["x5t#S256"] == token.thumbprint(hashes.SHA256()), header
        header, _ = token.assertion(token.credential(key="id: 'a1:01', label: mail", more=", assertion: RS256"))
        assert header["alg"] == "RS256" and "x5t" in header, header
        slots = re.split(r"^Slot ", token.run(["softhsm2-util", "--show-slots"]), flags=re.M)
        number = next(slot.split()[0] for slot in slots if re.search(r"Label: +gateway", slot))
        token.assertion(token.credential(token=f"slot: {number}", key="id: a101"))


@check
def what_is_not_there_is_said_with_what_is(token):
    for credential, why in [
        (dict(key="label: male"), 'the token has no private RSA key male; it has "'),
        (dict(key="label: other"), "several private RSA keys that are key other; name `id` too"),
        (dict(token="token: gatweay"), 'the module has no token gatweay; it has "gateway" in slot'),
        (dict(token="slot: 4711"), 'the module has no slot 4711; it has "gateway" in slot'),
        (dict(module="/lib/x86_64-linux-gnu/libm.so.6"), "is no PKCS#11 module"),
        (dict(module=f"{token.base}/mail.pem"), "the module cannot be loaded"),
    ]:
        module = credential.get("module")
        if module and not os.path.exists(module):
            continue
        said = refused(token, token.credential(**credential))
        assert why in said, said


@check
def what_another_key_signed_goes_nowhere(token):
    said = refused(token, token.credential(key="id: '02'"))
    assert "its signature does not fit the certificate" in said, said


@check
def a_wrong_pin_is_told_and_never_printed(token):
    said = refused(token, token.credential(pin="wrong.pin"))
    assert "does not take the PIN (C_Login: PinIncorrect)" in said, said
    assert "13579246" not in said, said


@check
def a_module_that_misbehaves_harms_nobody_but_itself(token):
    for name, why in [
        ("crashes", "ended (signal: 6"),
        ("prints", "C_GetFunctionList: "),
        ("lacks", "lacks a function that each must have"),
    ]:
        said = refused(token, token.credential(module=f"{token.base}/{name}.so"))
        assert why in said, f"{name}: {said}"


@check
def a_module_that_hangs_is_killed(token):
    begun = token.base / "begun"
    os.environ["BEGUN"] = str(begun)
    credential = token.credential(module=f"{token.base}/hangs.so", own=", BEGUN")
    said = refused(token, credential.replace("environment:", "timeout: 2s, environment:"))
    assert "it did not within 2s" in said, said
    assert begun.exists(), "it was never loaded"
    assert not loaded("hangs.so"), "its process lives on"


def loaded(module):
    """The processes that have it in their memory."""
    found = []
    for maps in pathlib.Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if module in maps.read_text():
                found.append(int(maps.parent.name))
    return found


@check
def a_gateway_keeps_one_process_and_survives_its_end(token):
    """One process, which is replaced where it is lost, and ends with the gateway."""
    config = token.base / "serve.yaml"
    text = assertions.CONFIG.format(
        tenant=assertions.TENANT,
        client=assertions.CLIENT,
        authority=token.authority,
        endpoint="v2",
        credential=token.credential().replace("$", f"{token.base}/"),
        digest="0" * 64,
        scope=assertions.SCOPE,
    )
    config.write_text(text.replace("127.0.0.1:8080", "127.0.0.1:0"))
    token.asked.clear()
    name = os.path.basename(token.module)
    with token.of_the_kept_key():
        gateway = subprocess.Popen(
            [binary(), "serve", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            eventually(lambda: len(token.asked) == 1 and len(loaded(name)) == 1, "the first token")
            [signs] = loaded(name)
            os.kill(signs, signal.SIGKILL)
            eventually(lambda: not loaded(name), "the end of the process")
            gateway.send_signal(signal.SIGUSR2)
            eventually(lambda: len(token.asked) == 2 and len(loaded(name)) == 1, "the second token")
        finally:
            # Not asked to stop: nobody tells the other one.
            gateway.kill()
            gateway.wait(20)
        eventually(lambda: not loaded(name), "the end of the process with its gateway")


def refused(token, credential):
    try:
        token.ask(credential)
    except AssertionError as why:
        assert not token.asked, "something was sent"
        return str(why)
    raise AssertionError("it was not refused")


if __name__ == "__main__":
    if "SOFTHSM" not in os.environ:
        sys.exit("SOFTHSM must be the path of SoftHSM's libsofthsm2.so (Debian: softhsm2)")
    if not shutil.which("pkcs11-tool"):
        sys.exit("pkcs11-tool is needed (Debian: opensc)")
    court.sit(Token)
