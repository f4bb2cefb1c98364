"""What is mounted into a pod, laid out as the kubelet does: files behind a link that is swapped as a whole."""

import base64
import os
import pathlib
import shutil
import time

from api import Refused

DATA = "..data"


class NotYet(Exception):
    """Something that the pod names is not there (any more)."""


class Volumes:
    def __init__(self, api, pod, folder):
        self._api, self._pod, self._folder = api, pod, pathlib.Path(folder)
        self._spec = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        self._group = (pod["spec"].get("securityContext") or {}).get("fsGroup")

    def mount(self):
        """Makes each volume, or brings it up to date. Fails with NotYet, and then what stands stays."""
        for name, volume in self._spec.items():
            place = self._folder / name
            if "emptyDir" in volume:
                place.mkdir(parents=True, exist_ok=True)
                self._own(place, 0o2777 if self._group is None else 0o2770)
            elif any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI")):
                self._write(place, self._files(volume))
            else:
                kind = next(key for key in volume if key != "name")
                raise NotYet(f'volume "{name}": {kind} is none that this node can mount')

    def path(self, mount):
        return self._folder / mount["name"] / mount.get("subPath", "")

    def remove(self):
        shutil.rmtree(self._folder, ignore_errors=True)

    def _files(self, volume):
        """Names, each with its content and mode."""
        files = {}
        given = volume.get("projected")
        sources = given["sources"] if given else [volume]
        for source in sources:
            for kind, reader in (
                ("configMap", self._config_map),
                ("secret", self._secret),
                ("serviceAccountToken", self._token),
                ("downwardAPI", self._downward),
            ):
                if kind in source:
                    asked = source[kind]
                    mode = asked.get("defaultMode", (given or {}).get("defaultMode", 0o644))
                    files |= {name: (content, mode) for name, content in reader(asked).items()}
        return files

    def _config_map(self, asked):
        found = self._object("configmaps", asked["name"], asked)
        return chosen({k: v.encode() for k, v in (found.get("data") or {}).items()}, asked)

    def _secret(self, asked):
        found = self._object("secrets", asked.get("secretName") or asked["name"], asked)
        return chosen({k: base64.b64decode(v) for k, v in (found.get("data") or {}).items()}, asked)

    def _object(self, kind, name, asked):
        found = self._api.find(f"/api/v1/namespaces/{self._pod['metadata']['namespace']}/{kind}/{name}")
        if found is None and not asked.get("optional"):
            raise NotYet(f'{kind.removesuffix("s")} "{name}" not found')
        return found or {}

    def _token(self, asked):
        meta, spec = self._pod["metadata"], self._pod["spec"]
        path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{spec['serviceAccountName']}/token"
        wish = {"expirationSeconds": asked.get("expirationSeconds", 3600)}
        wish |= {"audiences": [asked["audience"]]} if asked.get("audience") else {}
        wish["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
        try:
            return {asked["path"]: self._api.create(path, {"spec": wish})["status"]["token"].encode()}
        except Refused as refusal:
            raise NotYet(f"no token for the service account: {refusal}") from None

    def _downward(self, asked):
        return {item["path"]: field(self._pod, item["fieldRef"]["fieldPath"]).encode() for item in asked["items"]}

    def _write(self, place, files):
        place.mkdir(parents=True, exist_ok=True)
        current = place / DATA
        same = current.exists() and {f.name: f.read_bytes() for f in current.iterdir()} == {n: c for n, (c, _) in files.items()}
        if same:
            return
        fresh = place / f"..{time.time_ns()}"
        fresh.mkdir()
        os.chmod(fresh, 0o755)
        for name, (content, mode) in files.items():
            file = fresh / name
            file.write_bytes(content)
            self._own(file, mode if self._group is None else mode | (mode & 0o400) >> 3)
        # One rename: a reader sees all of the old or all of the new.
        link, old = place / "..link", current.resolve() if current.exists() else None
        link.symlink_to(fresh.name)
        link.replace(current)
        for name in files:
            if not (place / name).is_symlink():
                (place / name).symlink_to(f"{DATA}/{name}")
        for name in [f.name for f in place.iterdir() if not f.name.startswith("..") and f.name not in files]:
            (place / name).unlink()
        if old:
            shutil.rmtree(old, ignore_errors=True)

    def _own(self, path, mode):
        if self._group is not None:
            os.chown(path, 0, self._group)
        os.chmod(path, mode)


def chosen(content, asked):
    """All of it, or what `items` names, under the names that it gives."""
    items = asked.get("items")
    if not items:
        return content
    missing = [item["key"] for item in items if item["key"] not in content]
    if missing and not asked.get("optional"):
        raise NotYet(f"references non-existent key: {missing[0]}")
    return {item["path"]: content[item["key"]] for item in items if item["key"] in content}


def field(pod, path):
    """What the downward API tells of a pod."""
    if path == "status.podIP":
        return pod["status"].get("podIP", "")
    if path.endswith("']"):
        path, key = path[:-2].split("['")
        return pod["metadata"][path.removeprefix("metadata.")].get(key, "")
    found = pod
    for part in path.split("."):
        found = (found or {}).get(part)
    if isinstance(found, dict):
        return "\n".join(f'{name}="{text}"' for name, text in sorted(found.items()))
    return str(found or "")
