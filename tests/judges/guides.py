"""The two programs of the guide for users of MSAL, as they stand on the page: one gets its token by MSAL
and asks Graph, the other shows a key and asks the gateway. They must get the same."""

import functools
import pathlib
import re
import types

import msal

import court
from court import check

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs/guides/from-msal-in-the-app.md"


def program(index, places, names):
    """A block of Python of the page, its places moved, as a module."""
    text = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[index]
    for documented, real in places.items():
        assert documented in text, f"the page does not name {documented}"
        text = text.replace(documented, real)
    module = types.ModuleType(f"program_{index}")
    vars(module).update(names)
    # What it imports by this name is what is given here.
    if "msal" in names:
        text = text.replace("import msal\n", "")
    exec(compile(text, str(PAGE), "exec"), vars(module))
    return module


@check
def both_programs_read_the_same_messages(dev):
    daemon = dev.clients["mail-daemon"]
    key = pathlib.Path(daemon.key_file).read_text()
    application = functools.partial(
        msal.ConfidentialClientApplication, instance_discovery=False, verify=dev.ca_file
    )
    before = program(
        0,
        {
            "https://login.microsoftonline.com": dev.authority,
            "https://graph.microsoft.com/v1.0": f"{dev.mailbox}/v1.0",
        },
        {
            "msal": types.SimpleNamespace(ConfidentialClientApplication=application),
            "CLIENT_ID": daemon.client_id,
            "TENANT": daemon.tenant,
            # A secret on the page; MSAL takes either under the same name.
            "SECRET": {"private_key": key, "thumbprint": daemon.thumbprint_sha1_hex},
        },
    )
    after = program(1, {"http://127.0.0.1:8081": dev.gateway.legacy}, {"KEY": dev.api_key})
    mailbox = dev.mailboxes.readable
    told = before.messages(mailbox)
    assert len(told) == 5 and all(told), told
    assert after.messages(mailbox) == told


if __name__ == "__main__":
    court.sit()
