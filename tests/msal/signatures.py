"""MSAL Python's signatures, walked by reflection: does docs/from-msal.md have a line for each parameter, and
no line for one that there is not?"""

import inspect
import pathlib
import re
import sys

import msal

PAGE = pathlib.Path(__file__).parents[2] / "docs/from-msal.md"


def documented():
    """The parameters of each section, by its heading."""
    sections, heading = {}, ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
            sections[heading] = []
        elif row := re.match(r"\| `(\w+)` \| (.+) \|$", line):
            assert row[2].strip(), f"{heading}: nothing is said of {row[1]}"
            sections[heading].append(row[1])
    return sections


def callables():
    """Heading of its section, and the callable."""
    application = msal.ConfidentialClientApplication
    yield application.__name__, application.__init__
    for name, method in inspect.getmembers(application, inspect.isfunction):
        if not name.startswith("_"):
            yield name, method
    managed = msal.ManagedIdentityClient
    yield managed.__name__, managed.__init__
    for name, method in inspect.getmembers(managed, inspect.isfunction):
        if not name.startswith("_"):
            yield f"{name} of a managed identity", method


def main():
    sections, wrong, parameters = documented(), [], 0
    for heading, function in callables():
        real = [name for name in inspect.signature(function).parameters if name != "self"]
        parameters += len(real)
        if heading not in sections:
            wrong.append(f"{heading}: it has no section")
            continue
        told = sections.pop(heading)
        wrong += [f"{heading}: no line for `{name}`" for name in real if name not in told]
        wrong += [f"{heading}: there is no `{name}`" for name in told if name not in real]
        wrong += [f"{heading}: `{name}` twice" for name in set(told) if told.count(name) > 1]
    # What client_credential may hold is no signature; MSAL's own text names each.
    text = msal.ClientApplication.__init__.__doc__
    for name in sections.pop("client_credential"):
        if f'"{name}"' not in text:
            wrong.append(f"client_credential: MSAL does not know `{name}`")
    for name in re.findall(r'^\s+"(\w+)": ', text.split("client_claims")[0], re.MULTILINE):
        if f"| `{name}` |" not in PAGE.read_text():
            wrong.append(f"client_credential: no line for `{name}`")
    wrong += [f"{heading}: no such callable" for heading, told in sections.items() if told]
    for name in vars(msal.ClientApplication):
        if isinstance(vars(msal.ClientApplication)[name], bool) and name.isupper():
            wrong += [] if f"`{name}`" in PAGE.read_text() else [f"the constant {name} is not told"]
    print("\n".join(wrong) or f"{parameters} parameters, each with its line")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
