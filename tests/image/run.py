"""The image as it is meant to run: read-only, without a right, in 64 MiB, under load; and how it ends as process 1.

usage: TAG=localhost/bearergate:dev run.py [--most MEGABYTES]     (podman; `scripts/image try`)
"""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "judges"))
from court import PATIENCE, check, eventually, sit  # noqa: E402

TAG = os.environ.get("TAG", "localhost/bearergate:dev")
MOST = int(sys.argv[2]) if sys.argv[1:2] == ["--most"] else None
LOCKED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
REQUESTS, CLIENTS = 4000, 16
MEMORY = 64 * 1024 * 1024


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = threading.Event()
    answer = threading.Event()

    def do_GET(self):
        if self.path == "/slow":
            self.asked.set()
            self.answer.wait(PATIENCE)
        self.send_response(200)
        self.send_header("Content-Length", "4096")
        # One write with the head: two would wait for each other.
        self._headers_buffer.append(b"\r\n" + b"x" * 4096)
        self.flush_headers()

    def log_message(self, *_):
        pass


class Image:
    """The image's own description, and a container of it."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.base = pathlib.Path(self._folder.name)
        self.base.chmod(0o755)
        self._upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self._upstream.serve_forever, daemon=True).start()
        self.said = json.loads(podman("image", "inspect", TAG))[0]
        self.port, admin = ports(2)
        (self.base / "config.yaml").write_text(
            f"version: 1\nlisteners: {{ apis: {{ address: 127.0.0.1:{self.port} }} }}\n"
            # Where the image's HEALTHCHECK looks is what a configuration has by habit.
            f"admin: {{ address: 127.0.0.1:{9090 if free(9090) else admin} }}\n"
            "shutdown: { delay: 1s, grace: 30s }\nroutes: [{ id: all, listener: apis, match: { path: /** }, "
            f"callers: public, upstream: {{ url: 'http://127.0.0.1:{self._upstream.server_port}' }} }}]\n"
        )
        self.name = f"bearergate-try-{os.getpid()}"
        self.run("serve", "--config", "/etc/bearergate/config.yaml", detach=True)
        return self

    def __exit__(self, *_):
        podman("rm", "--force", "--time", "0", self.name)
        self._folder.cleanup()

    def run(self, *arguments, detach=False, config=None):
        how = ["--detach", "--name", self.name] if detach else ["--rm"]
        done = subprocess.run(
            ["podman", "run", *how, "--network", "host", *LOCKED, "--memory", "64m",
             "--volume", f"{config or self.base}:/etc/bearergate:ro", TAG, *arguments],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert not detach or done.returncode == 0, done.stderr
        return done

    def get(self, path, connection=None):
        line = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read()

    def output(self):
        done = subprocess.run(["podman", "logs", self.name], capture_output=True, text=True)
        return done.stdout[-4000:] + done.stderr[-4000:]


@check
def it_says_what_it_is_and_is_nobody(image):
    config = image.said["Config"]
    assert config["User"] == "65532:65532", config["User"]
    assert config["Entrypoint"] == ["/usr/local/bin/bearergate"] and not config.get("Cmd"), config
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    for name in ("title", "description", "licenses", "version", "revision", "source"):
        assert labels.get(name), f"the label {name} is missing: {labels}"
    assert labels["version"] in image.run("version").stdout, labels
    if MOST:
        size = image.said["Size"] / 1_000_000
        print(f"        {size:.1f} MB")
        assert size <= MOST, f"{size:.1f} MB, at most {MOST}"


@check
def there_is_no_shell_in_it_and_no_program_that_gains_rights(image):
    files = subprocess.run(
        f"set -e; folder=$(podman image mount {TAG}); cd $folder; find . -perm /6000 -type f; "
        f"ls bin/sh bin/bash bin/busybox usr/bin/apt 2>/dev/null || true; podman image unmount {TAG} >/dev/null",
        shell=True, capture_output=True, text=True,
    )  # fmt: skip
    assert files.returncode == 0, files.stderr
    assert not files.stdout.strip(), files.stdout


@check
def it_becomes_healthy_by_its_own_check(image):
    if ":9090" not in (image.base / "config.yaml").read_text():
        print("        not looked at: port 9090 of this machine is taken")
        return
    eventually(lambda: subprocess.run(["podman", "healthcheck", "run", image.name], capture_output=True).returncode == 0, "it is not healthy")


@check
def it_serves_under_load_in_64_mebibytes_without_a_right(image):
    eventually(lambda: answers(image), "it does not answer")

    def ask(count):
        line = http.client.HTTPConnection("127.0.0.1", image.port, timeout=PATIENCE)
        return [image.get("/x", line) for _ in range(count)]

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        answers_ = [a for some in pool.map(ask, [REQUESTS // CLIENTS] * CLIENTS) for a in some]
    took = time.monotonic() - began
    assert {(status, len(body)) for status, body in answers_} == {(200, 4096)}
    pid = json.loads(podman("inspect", image.name))[0]["State"]["Pid"]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
    print(f"        {len(answers_)} requests in {took:.1f} s, {resident / 1048576:.1f} MiB resident at most")
    assert resident < MEMORY, resident
    assert re.search(r"Uid:\s+65532\s+65532\s+65532\s+65532", status), status
    assert re.findall(r"Cap(?:Prm|Eff|Bnd|Inh|Amb):\s+0{16}", status).__len__() == 5, status
    assert "NoNewPrivs:\t1" in status, status
    assert not pathlib.Path(f"/proc/{pid}/root/tmp").exists() or read_only(pid), "/tmp can be written"


@check
def a_configuration_that_is_wrong_is_said_and_ends_it_with_2(image):
    wrong = image.base / "wrong"
    wrong.mkdir(exist_ok=True)
    wrong.chmod(0o755)
    (wrong / "config.yaml").write_text("version: 1\nlistners: {}\nroutes: []\n")
    done = image.run("serve", "--config", "/etc/bearergate/config.yaml", config=wrong)
    assert done.returncode == 2 and "listeners" in done.stderr, done


@check
def as_process_1_it_ends_on_term_and_lets_what_runs_end(image):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = pool.submit(image.get, "/slow")
        assert Upstream.asked.wait(PATIENCE)
        began = time.monotonic()
        stop = pool.submit(podman, "stop", "--time", "60", image.name)
        eventually(lambda: not answers(image), "it still takes connections")
        assert not slow.done() and not stop.done(), "it did not wait for the request"
        Upstream.answer.set()
        assert slow.result()[0] == 200
        stop.result()
    state = json.loads(podman("inspect", image.name))[0]["State"]
    print(f"        exit code {state['ExitCode']} after {time.monotonic() - began:.1f} s")
    assert state["ExitCode"] == 0 and not state["OOMKilled"], state


def podman(*arguments):
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def answers(image):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return image.get("/x")[0] == 200
    return False


def read_only(pid):
    mounts = pathlib.Path(f"/proc/{pid}/mounts").read_text().splitlines()
    root = next(line.split() for line in mounts if line.split()[1] == "/")
    return "ro" in root[3].split(",") and not any(line.split()[1] == "/tmp" for line in mounts)


def ports(count):
    with contextlib.ExitStack() as doors:
        taken = [doors.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in taken]


def free(port):
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


sit(Image)
