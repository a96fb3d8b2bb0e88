#!/usr/bin/env python3
"""D1's real engine for tests: starts workerd with a fresh D1 database behind the gateway Worker and behind our REST Worker.

    python3 tests/workerd/workerd.py            prints one JSON line when ready, ends at end of input or on SIGTERM

    {"gateway": {"url", "binding", "token"}, "rest": {"base_url", "account", "database", "token"},
     "faults": {"gateway_url", "rest_base_url", "rest_control"}, "rest_control", "pid"}

faults: the same two behind faults.js, which its /control makes fail. As a module: `with Workerd() as d1: d1.info`, `d1.batch(…)`.
The first start installs workerd, pinned in package-lock.json, with npm; nothing else of Node is needed. Standard library only.
"""
import argparse
import ctypes
import fcntl
import http.client
import json
import os
import pathlib
import platform
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import uuid

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = (HERE.parents[1] / "d1/gateway/worker/src/gateway.js", HERE / "rest.js", HERE / "faults.js")
PACKAGES = {"x86_64": "linux-64", "aarch64": "linux-arm64"}
READY_S = 30
# A further database of the gateway.
BINDING = """        (name = "{binding}", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [
          (name = "fetcher", service = (name = "d1", props = (json = "{{\\"database\\": \\"{name}-{binding}\\"}}")))])),"""


def installed():
    return HERE / "node_modules/@cloudflare" / ("workerd-" + PACKAGES[platform.machine()]) / "bin/workerd"


def binary():
    """The pinned workerd; installs it when it is missing or another version. PGD1_WORKERD names another to use."""
    if "PGD1_WORKERD" in os.environ:
        return pathlib.Path(os.environ["PGD1_WORKERD"])
    lock, mark = HERE / "package-lock.json", HERE / "node_modules/.pgd1-lock.json"
    with open(HERE / "package.json") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not installed().exists() or not mark.exists() or mark.read_bytes() != lock.read_bytes():
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True,
                           stdout=sys.stderr)
            mark.write_bytes(lock.read_bytes())
    return installed()


def _die_with_parent():
    """In the child: PR_SET_PDEATHSIG, so that it ends with us, however we end."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Workerd:
    """One workerd on free ports of 127.0.0.1. data: a folder that outlives it; default: a new one, removed at the end. more: names of
    further bindings of the gateway, each a database of its own."""

    def __init__(self, name="app", port=0, data=None, more=("OTHER",)):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgd1-workerd-"))
        self.child = None
        try:
            self._configure(name, port, data, more)
            self._start()
        except BaseException:
            self.stop()
            raise

    def _configure(self, name, port, data, more):
        for source in SOURCES:
            shutil.copy(source, self.folder)
        if data:
            pathlib.Path(data).mkdir(parents=True, exist_ok=True)
            (self.folder / "data").symlink_to(pathlib.Path(data).resolve())
        else:
            (self.folder / "data").mkdir()
        bindings = "\n".join(BINDING.format(binding=binding, name=name) for binding in more)
        config = (HERE / "workerd.capnp.in").read_text()
        for key, value in (("NAME", name), ("PORT", str(port)), ("MORE", bindings)):
            config = config.replace(f"@{key}@", value)
        (self.folder / "workerd.capnp").write_text(config)
        self.secrets = {"PGD1_GATEWAY_TOKEN": secrets.token_urlsafe(24), "PGD1_GATEWAY_TOKEN_PREVIOUS": secrets.token_urlsafe(24),
                        "PGD1_REST_TOKEN": secrets.token_urlsafe(24), "PGD1_REST_ACCOUNT": secrets.token_hex(16),
                        "PGD1_REST_DATABASE": str(uuid.uuid4())}

    def _start(self):
        read, write = os.pipe()
        with open(self.folder / "log", "wb") as log:
            self.child = subprocess.Popen([binary(), "serve", "--experimental", f"--control-fd={write}", "workerd.capnp"],
                                          cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[write],
                                          env={**os.environ, **self.secrets}, preexec_fn=_die_with_parent)
        os.close(write)
        ports = {}
        late = threading.Timer(READY_S, self.child.kill)
        late.start()
        with os.fdopen(read) as control:
            while len(ports) < 4 and (line := control.readline()):
                event = json.loads(line)
                if event["event"] == "listen":
                    ports[event["socket"]] = event["port"]
        late.cancel()
        if len(ports) < 4:
            self.child.kill()
            raise RuntimeError("workerd did not start:\n" + self.log())
        self._describe({socket: f"http://127.0.0.1:{port}" for socket, port in ports.items()})

    def _describe(self, urls):
        s = self.secrets
        self.info = {
            "gateway": {"url": urls["gateway"], "binding": "DB", "token": s["PGD1_GATEWAY_TOKEN"]},
            "rest": {"base_url": urls["rest"] + "/client/v4", "account": s["PGD1_REST_ACCOUNT"],
                     "database": s["PGD1_REST_DATABASE"], "token": s["PGD1_REST_TOKEN"]},
            "faults": {"gateway_url": urls["faults_gateway"], "rest_base_url": urls["faults_rest"] + "/client/v4",
                       "rest_control": urls["faults_rest"] + "/control"},
            "rest_control": urls["rest"] + "/control",
            "pid": self.child.pid,
        }

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def call(self, url, body=None, token=None, method=None, headers=None):
        """One HTTP exchange: (status, decoded body). body: bytes as they are, else JSON."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"authorization": f"Bearer {token}"} if token else {}
            try:
                connection.request(method or ("GET" if data is None else "POST"), parts.path, data, {**sent, **(headers or {})})
            except (BrokenPipeError, ConnectionResetError):
                pass  # answered before all of the request was read
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def batch(self, *statements, db="DB", session=None):
        """A batch through the gateway Worker: (status, body). A statement is SQL, (SQL, params) or a dict."""
        def form(s):
            return s if isinstance(s, dict) else {"sql": s} if isinstance(s, str) else {"sql": s[0], "params": list(s[1])}
        body = {"db": db, "statements": [form(s) for s in statements]}
        if session:
            body["session"] = session
        return self.call(self.info["gateway"]["url"] + "/v1/batch", body, self.info["gateway"]["token"])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("command", nargs="?", choices=("start", "install"), default="start")
    arguments.add_argument("--d1", metavar="NAME", default="app", help="name of the database (default app)")
    arguments.add_argument("--port", type=int, default=0, help="of the gateway (default: a free one)")
    arguments.add_argument("--data", metavar="FOLDER", help="keep the database there (default: fresh, removed at the end)")
    arguments.add_argument("--no-stdin", action="store_true", help="do not end at end of input")
    options = arguments.parse_args()
    if options.command == "install":
        print(binary())
        return
    wakeup = _catch(signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    with Workerd(options.d1, options.port, options.data) as d1:
        print(json.dumps(d1.info), flush=True)
        sources = [wakeup] if options.no_stdin else [wakeup, sys.stdin.fileno()]
        while not _is_end(sources, wakeup, d1):
            pass


def _catch(*signals):
    """Signals are told by bytes to read, so that none is lost between a look and a wait."""
    wakeup, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return wakeup


def _is_end(sources, wakeup, d1):
    """Waits for something to happen. True: a signal or the end of input. Exits when workerd ended by itself."""
    ready, _, _ = select.select(sources, [], [])
    if wakeup in ready and set(os.read(wakeup, 4096)) & {signal.SIGTERM, signal.SIGINT}:
        return True
    if d1.child.poll() is not None:
        sys.exit("workerd ended:\n" + d1.log())
    return any(not os.read(source, 4096) for source in ready if source != wakeup)


if __name__ == "__main__":
    main()
