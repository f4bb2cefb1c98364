"""systemd, nginx and curl: does a restart refuse nobody, under a service manager that holds the sockets, and
behind a balancer that has two of us? And are the units such as systemd takes?
"""

import concurrent.futures
import contextlib
import http.client
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

from court import PATIENCE, Answering, Serving, binary, check, eventually, sit

UNITS = pathlib.Path(__file__).parents[2] / "systemd"
BY_SOCKET = """
daemon off; worker_processes 1; pid {folder}/socket.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://unix:{socket}; proxy_http_version 1.1; proxy_set_header Host a.example;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream gateways {{ server 127.0.0.1:{one} max_fails=0; server 127.0.0.1:{other} max_fails=0; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://gateways; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


class Upstream(Answering):
    def do_GET(self):
        self.say("ok", x_seen_for=self.headers.get("X-Forwarded-For", "none"))


def ports(count):
    with contextlib.ExitStack() as doors:
        taken = [doors.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in taken]


def is_up(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


class Load:
    """Clients that ask without a pause, each on a connection that it keeps for as long as it may."""

    def __init__(self, port, clients=8):
        self._port, self._ends, self.answered, self.failed = port, threading.Event(), 0, []
        self._pool = concurrent.futures.ThreadPoolExecutor(clients)
        self._all = [self._pool.submit(self._ask) for _ in range(clients)]

    def _ask(self):
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        while not self._ends.is_set():
            try:
                line.request("GET", "/x")
                answer = line.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failed.append(answer.status)
                self.answered += 1
            except (OSError, http.client.HTTPException) as why:
                self.failed.append(repr(why))
                line.close()
            time.sleep(0.001)

    def end(self):
        self._ends.set()
        concurrent.futures.wait(self._all)
        assert not self.failed, f"{len(self.failed)} of {self.answered}: {self.failed[:5]}"
        return self.answered


class Room:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._folder.name)
        self.base.chmod(0o755)
        self._upstream = Serving(Upstream)
        self._running = []
        return self

    def __exit__(self, *_):
        for process in self._running:
            process.terminate()
            process.wait(timeout=PATIENCE)
        self._folder.cleanup()

    def config(self, name, port, admin):
        path = self.base / name
        path.write_text(
            f"version: 1\nlisteners: {{ apis: {{ address: 127.0.0.1:{port} }} }}\n"
            f"admin: {{ address: 127.0.0.1:{admin} }}\nshutdown: {{ delay: 1s, grace: 10s }}\n"
            "routes: [{ id: all, listener: apis, match: { path: /** }, callers: public, "
            f"upstream: {{ url: 'http://127.0.0.1:{self._upstream.server_port}' }} }}]\n"
        )
        return path

    def behind_socket(self, path, admin):
        config = self.config("socket.yaml", 1, admin)
        listener = f"address: 'unix:{path}', socket_mode: 0666, trusted_proxies: [unix]"
        config.write_text(config.read_text().replace("address: 127.0.0.1:1 ", listener, 1))
        return config

    def start(self, *command):
        with (self.base / "output.log").open("ab") as log:
            process = subprocess.Popen(
                [*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._running.append(process)
        return process

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0, self.output()
        self._running.remove(process)

    def output(self):
        return (self.base / "output.log").read_text(errors="replace")


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        print(f"skipped for want of {', '.join(missing)}")
    return not missing


@check
def systemd_holds_the_socket_over_a_restart(room):
    if not needs("systemd-socket-activate"):
        return
    port, admin = ports(2)
    config = room.config("activated.yaml", port, admin)

    def activated():
        address = f"--listen=127.0.0.1:{port}"
        command = ["systemd-socket-activate", address, binary(), "serve", "--config", config]
        return room.start(*command)

    process = activated()
    eventually(lambda: is_up(port), "systemd listens")
    url = f"http://127.0.0.1:{port}/x"
    assert urllib.request.urlopen(url, timeout=PATIENCE).read() == b"ok"
    # It has become the gateway: the same process, and that socket.
    assert "bearergate" in pathlib.Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")[0]
    assert urllib.request.urlopen(f"http://127.0.0.1:{admin}/livez", timeout=PATIENCE).status == 200
    room.stop(process)


@check
def systemd_takes_the_units(room):
    if not needs("systemd-analyze"):
        return
    units = []
    for unit in ("bearergate.service", "bearergate.socket"):
        text = (UNITS / unit).read_text().replace("/usr/local/bin/bearergate", binary())
        text = text.replace("User=bearergate", "User=root")
        (room.base / unit).write_text(text)
        units.append(str(room.base / unit))
    command = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(command, capture_output=True, text=True)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "bearergate" in line]
    assert done.returncode == 0 and not told, done.stdout + done.stderr
    command = ["systemd-analyze", "security", "--offline=true", units[0]]
    done = subprocess.run(command, capture_output=True, text=True)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure and float(exposure[1]) < 2.5, done.stdout + done.stderr


@check
def curl_and_nginx_come_by_a_unix_socket(room):
    port, admin = ports(2)
    path = room.base / "apis.sock"
    process = room.start(binary(), "serve", "--config", room.behind_socket(path, admin))
    eventually(lambda: is_up(admin), "it runs")

    def seen(*arguments):
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30", "--noproxy", "*"]
        command += ["--dump-header", "-", "--output", "/dev/null", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return re.search(r"(?im)^x-seen-for: *(.*?)\r?$", done.stdout)[1]

    by_socket = ["--unix-socket", str(path), "http://a.example/x"]
    assert seen(*by_socket) == "unknown"
    assert seen("-H", "X-Forwarded-For: 192.0.2.7", *by_socket) == "192.0.2.7"
    if needs("nginx"):
        conf = room.base / "socket.conf"
        conf.write_text(BY_SOCKET.format(folder=room.base, port=port, socket=path))
        room.start("nginx", "-c", conf, "-e", room.base / "error.log")
        eventually(lambda: is_up(port), "nginx listens")
        assert seen(f"http://127.0.0.1:{port}/x") == "127.0.0.1"
    room.stop(process)


@check
def two_behind_nginx_are_restarted_in_turn_and_no_request_fails(room):
    if not needs("nginx"):
        return
    port, one, one_admin, other, other_admin = ports(5)
    configs = {
        one: (room.config("one.yaml", one, one_admin), one_admin),
        other: (room.config("other.yaml", other, other_admin), other_admin),
    }

    def gateway(port):
        config, admin = configs[port]
        process = room.start(binary(), "serve", "--config", config)
        ready = f"http://127.0.0.1:{admin}/readyz"

        def is_ready():
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(ready, timeout=PATIENCE).status == 200

        eventually(is_ready, "a gateway is ready")
        return process

    running = {port: gateway(port) for port in configs}
    conf = room.base / "nginx.conf"
    conf.write_text(NGINX.format(folder=room.base, port=port, one=one, other=other))
    room.start("nginx", "-c", conf, "-e", room.base / "error.log")
    eventually(lambda: is_up(port), "nginx listens")
    load = Load(port)
    for _ in range(3):
        for each in configs:
            room.stop(running[each])
            running[each] = gateway(each)
            before = load.answered
            eventually(lambda: load.answered > before + 50, "clients go on")
    print(f"{load.end()} requests over 6 restarts")
    for process in running.values():
        room.stop(process)


if __name__ == "__main__":
    sit(Room)
