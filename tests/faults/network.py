"""A bad network between pgd1 and D1, as a program: an HTTP proxy that does to each request what `choose` says. Standard library only.

    with Network("http://127.0.0.1:8787") as network:
        network.choose = lambda number, body: "cut_after"       # number of the request since the last reset(), its bytes (or its target)
        … network.url …
        network.settle()                                         # what was held back has arrived now

FAULTS says what can happen. D1's own words stand in the bodies, in the gateway's form or the REST API's.
"""
import collections
import contextlib
import http.client
import json
import random
import socket
import struct
import threading
import time
import urllib.parse

INTERNAL = "internal error; reference = 0123456789"
OVERLOADED = "D1 DB is overloaded. Requests queued for too long."
PAGE = b"<html><body>Bad gateway</body></html>"

# name: (the request arrives: never, now, late, or twice; what becomes of the answer)
FAULTS = {
    "cut_before": ("never", "cut"),          # read, and the connection closed
    "reset_before": ("never", "reset"),
    "error_before": ("never", "internal"),   # 500 before anything was done
    "page_before": ("never", "page"),        # somebody else's page, status 200
    "gateway_before": ("never", "gateway"),  # the same, status 502
    "overloaded": ("never", "overloaded"),   # 429: D1's queue is full
    "cut_after": ("now", "cut"),             # the work is done, the answer lost
    "reset_after": ("now", "reset"),
    "half_after": ("now", "half"),           # the answer breaks off
    "error_after": ("now", "internal"),
    "page_after": ("now", "page"),
    "gateway_after": ("now", "gateway"),
    "late_cut": ("late", "cut"),             # the answer is given up, and the request arrives afterwards
    "late_error": ("late", "internal"),
    "twice": ("twice", "second"),            # the request is doubled, and the second answer comes
    "slow": ("now", "slow"),
}
LATE_S = 0.25
SLOW_S = 0.02


class Network:
    def __init__(self, upstream):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream, self.path = (parts.hostname, parts.port), parts.path
        self.is_rest = bool(parts.path)
        self.choose = None
        self.max_error_text = None  # D1's error texts are cut behind so many characters
        self.tears = False          # each statement of a batch runs by itself, up to the first that fails (the gateway's form only)
        self.injected, self.requests = collections.Counter(), 0
        self._lock, self._late, self._open = threading.Condition(), 0, set()

    # --- life

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{self.path}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()
        self.settle()

    def reset(self, choose=None):
        with self._lock:
            self.choose, self.requests = choose, 0

    def at_random(self, seed, share, faults=tuple(FAULTS)):
        """Each request fails with this probability, in one of these ways."""
        chance = random.Random(seed)
        self.reset(lambda number, body: chance.choice(faults) if chance.random() < share else None)

    def settle(self):
        """Until what was held back has arrived, and what has arrived is done."""
        with self._lock:
            while self._late:
                self._lock.wait()

    # --- connections

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        upstream = http.client.HTTPConnection(*self.upstream, timeout=60)
        with self._lock:
            self._open.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            while (request := read_request(stream, connection)) and self._answer(connection, upstream, *request):
                pass
        except OSError:
            pass  # pgd1 gave up, or was killed
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            upstream.close()

    def _answer(self, connection, upstream, target, headers, body):
        """False: the connection ends."""
        fault = self._next(body or target.encode())
        arrives, answer = FAULTS.get(fault, ("now", "pass"))
        reply = None
        with self._under_way():
            if arrives == "late":
                self._send_late(target, headers, body)
            for _ in range({"now": 1, "twice": 2}.get(arrives, 0)):
                reply = (self._torn if self.tears else forward)(upstream, target, headers, body)
        if self.max_error_text is not None and reply:
            reply = self._cut_error_text(reply)
        if answer == "slow":
            time.sleep(SLOW_S)
        if answer in ("pass", "slow", "second"):
            connection.sendall(reply)
        elif answer in ("cut", "half", "reset"):
            if answer == "half":
                connection.sendall(reply[:-max(1, len(reply) // 4)])
            if answer == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        else:
            connection.sendall(self._words(answer))
        return True

    def _next(self, body):
        """Counts the request as one under way at once: who is told of the fault by `choose` may wait for its end."""
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
            fault = self.choose(number, body) if self.choose else None
            if fault:
                self.injected[fault] += 1
            self._late += 1
            return fault

    @contextlib.contextmanager
    def _under_way(self):
        """Of a request that is counted already."""
        try:
            yield
        finally:
            with self._lock:
                self._late -= 1
                self._lock.notify_all()

    def _send_late(self, target, headers, body):
        def send():
            with self._under_way():
                time.sleep(LATE_S)
                forward(http.client.HTTPConnection(*self.upstream, timeout=60), target, headers, body)
        with self._lock:
            self._late += 1
        threading.Thread(target=send, daemon=True).start()

    def _torn(self, upstream, target, headers, body):
        batch, results = json.loads(body), []
        for statement in batch["statements"]:
            reply = forward(upstream, target, headers, json.dumps({**batch, "statements": [statement]}).encode())
            answer = json.loads(reply.partition(b"\r\n\r\n")[2])
            if "error" in answer:
                return reply
            results += answer["results"]
        return response(200, "application/json", json.dumps({**answer, "results": results}).encode())

    def _cut_error_text(self, reply):
        head, _, body = reply.partition(b"\r\n\r\n")
        answer = json.loads(body)
        error = (answer.get("errors") or [None])[0] if self.is_rest else answer.get("error")
        if not error:
            return reply
        error["message"] = error["message"][:self.max_error_text]
        return response(int(head.split()[1]), "application/json", json.dumps(answer).encode())

    def _words(self, answer):
        """An answer of ours in place of D1's."""
        if answer in ("page", "gateway"):
            return response(200 if answer == "page" else 502, "text/html", PAGE)
        status, code, text = (429, 7429, OVERLOADED) if answer == "overloaded" else (500, 7500, INTERNAL)
        if self.is_rest:
            body = {"success": False, "errors": [{"code": code, "message": text}], "messages": [], "result": None}
        else: # the Worker answers D1's errors with 422
            body, status = {"error": {"message": text}}, 422 if status == 500 else status
        return response(status, "application/json", json.dumps(body).encode())


def read_request(stream, connection):
    """(target, headers, body), or None at the end."""
    line = stream.readline()
    if not line:
        return None
    headers = {":method": line.split()[0].decode()}
    while (field := stream.readline().decode().strip()):
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while (size := int(stream.readline(), 16)):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return line.split()[1].decode(), headers, body


def forward(upstream, target, headers, body):
    """The bytes of the answer."""
    kept = {name: headers[name] for name in ("authorization", "content-type") if name in headers}
    try:
        upstream.request(headers[":method"], target, None if headers[":method"] == "GET" else body, kept)
        answer = upstream.getresponse()
        return response(answer.status, answer.headers.get("content-type", "text/plain"), answer.read())
    finally:
        upstream.close()


def response(status, kind, body):
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
