"""Lays out the schemas that kubeconform reads, of the kinds that the chart renders.

usage: schemas.py TARGET FIRST LAST MANIFESTS... -- CRDS...
Kubernetes' own come with the wheel kubernetes-validate, for each minor version from 1.FIRST to 1.LAST; those of others are
taken out of their CustomResourceDefinitions and closed, so that a misspelt field is one too many.
"""

import json
import pathlib
import re
import sys

import kubernetes_validate
import yaml

SOURCE = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def main(target, first, last, *files):
    manifests, definitions = files[: files.index("--")], files[files.index("--") + 1 :]
    target = pathlib.Path(target)
    kinds = {kind for file in manifests for kind in rendered(file)}
    own = {(group, version, kind) for group, version, kind in kinds if is_kubernetes(group)}
    for minor in range(int(first), int(last) + 1):
        folder = target / f"v1.{minor}.0-strict"
        folder.mkdir(parents=True, exist_ok=True)
        source = SOURCE / f"v1.{minor}.0-local-strict"
        names = {"-".join(filter(None, [kind.lower(), group.split(".")[0], version])) for group, version, kind in own}
        schemas = {name: read(source / f"{name}.json") for name in ["_definitions", *names]}
        schemas["_definitions"]["$defs"] = reached(schemas)
        for name, schema in schemas.items():
            (folder / f"{name}.json").write_text(json.dumps(schema))
    missing = kinds - own
    for crd in (d for file in definitions for d in yaml.safe_load_all(pathlib.Path(file).read_text()) if d):
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        for version in crd["spec"]["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            (target / f"{group}_{kind.lower()}_{version['name']}.json").write_text(json.dumps(schema))
            missing -= {(group, version["name"], kind)}
    assert not missing, f"no schema for {sorted(missing)}"


def read(file):
    """Its references are absolute: nothing would be found from here."""
    schema = json.loads(file.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
    schema.pop("$id", None)
    return schema


def reached(schemas):
    """Of all definitions those that the other schemas lead to: kubeconform is four times as fast with them."""
    definitions = schemas["_definitions"]["$defs"]
    found, left = {}, [text for name, text in schemas.items() if name != "_definitions"]
    while left:
        for name in set(re.findall(r'#/\$defs/([\w.-]+)"', json.dumps(left.pop()))) - found.keys():
            found[name] = definitions[name]
            left.append(definitions[name])
    return found


def rendered(file):
    for document in yaml.safe_load_all(pathlib.Path(file).read_text()):
        if document:
            group, _, version = document["apiVersion"].rpartition("/")
            yield group, version, document["kind"]


def is_kubernetes(group):
    return "." not in group or group.endswith(".k8s.io") and not group.startswith("gateway.")


def closed(schema):
    """With no room for a field that is not named, unless it says that it has."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
