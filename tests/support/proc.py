"""Child processes of tests: a port nobody else takes, a log file, readiness by connecting, an end that is checked."""
import ctypes
import fcntl
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Below the range that Linux hands out for outgoing connections, so that no client takes one of ours by chance.
PORTS = range(20000, 30000)
# What a sanitizer writes when it found something.
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ")


class Port:
    """A TCP port of 127.0.0.1, reserved among all tests of this machine by a file lock until release()."""

    def __init__(self):
        folder = pathlib.Path(tempfile.gettempdir()) / f"pgd1-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        start = os.getpid() * 7 % len(PORTS)
        for i in range(len(PORTS)):
            number = PORTS[(start + i) % len(PORTS)]
            lock = os.open(folder / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
            except OSError:
                os.close(lock)
                continue
            self.number, self._lock = number, lock
            return
        raise RuntimeError("no free port")

    def release(self):
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def answers(port, timeout=1.0):
    """Whether a PostgreSQL server answers an SSLRequest there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
            s.sendall(struct.pack("!ii", 8, 80877103))
            return s.recv(1) in (b"S", b"N")
    except OSError:
        return False


LIBC = ctypes.CDLL(None)


def die_with_parent():
    """In the child, before exec: PR_SET_PDEATHSIG, so that it does not outlive a test run that is killed."""
    LIBC.prctl(1, signal.SIGKILL)


class Process:
    """A child in a session of its own, its output in a log file; it dies with us."""

    def __init__(self, argv, log, **popen):
        self.argv, self.log_path = [str(a) for a in argv], pathlib.Path(log)
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          start_new_session=True, preexec_fn=die_with_parent, **popen)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_contains(self, text):
        return text in self.log()

    def wait_for_log(self, text, timeout=10):
        self.wait_until(lambda: self.log_contains(text), f"{text!r} in the log", timeout)

    def wait_until(self, ready, what, timeout=30):
        end = time.monotonic() + timeout
        while not ready():
            if not self.running():
                raise RuntimeError(f"{self.argv[0]} ended with status {self.child.returncode}:\n{self.tail()}")
            if time.monotonic() > end:
                raise TimeoutError(f"{self.argv[0]}: no {what} within {timeout} s:\n{self.tail()}")
            time.sleep(0.02)

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def send(self, number):
        if self.running():
            self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Asks it to end, and after timeout seconds kills all of its session. Gives the exit status."""
        self.send(number)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.argv[0]} did not end within {timeout} s of signal {number}:\n{self.tail()}")

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
