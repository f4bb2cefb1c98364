"""The cluster's DNS: services by name, A records only, as much of it as pods here need."""

import socket
import struct
import threading

from network import ADDRESS

ZONE = "svc.cluster.local"


class Names(threading.Thread):
    def __init__(self, api):
        super().__init__(daemon=True)
        self._api = api
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 53))

    def run(self):
        while True:
            question, asker = self._socket.recvfrom(512)
            try:
                self._socket.sendto(self._answer(question), asker)
            except Exception as why:  # noqa: BLE001: one bad question must not end the names of all
                print(f"        a question of DNS was not answered: {why!r}", flush=True)

    def _answer(self, question):
        name, at = [], 12
        while question[at]:
            name.append(question[at + 1 : at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        kind = struct.unpack("!H", question[at + 1 : at + 3])[0]
        known = self._find(".".join(name))
        records = [known] if known and kind == 1 else []
        flags = 0x8580 | (0 if known else 3)
        head = question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        answer = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(r) for r in records)
        return head + question[12 : at + 5] + answer

    def _find(self, name):
        if not name.endswith(f".{ZONE}"):
            return None
        parts = name.removesuffix(f".{ZONE}").split(".")
        if len(parts) != 2:
            return None
        service = self._api.find(f"/api/v1/namespaces/{parts[1]}/services/{parts[0]}")
        address = (service or {}).get("spec", {}).get("clusterIP")
        return address if address and address != "None" else None
