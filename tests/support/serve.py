#!/usr/bin/env python3
"""serve.py embedded|workerd|rest [COMMAND…]: the Python half of tests/serve."""
import os
import signal
import subprocess
import sys

from pgd1 import Pgd1


def run(command, env):
    """The command's status, as a shell gives it. Signals that end us are passed on; Ctrl-C reaches the command by itself."""
    try:
        child = subprocess.Popen(command, env={**os.environ, **env})
    except OSError as problem:
        print(f"serve: {command[0]}: {problem.strerror}", file=sys.stderr)
        return 127 if isinstance(problem, FileNotFoundError) else 126
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: child.send_signal(n))
    status = child.wait()
    return 128 - status if status < 0 else status


def main():
    command = sys.argv[2:] or [os.environ.get("SHELL", "/bin/sh")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = Pgd1(sys.argv[1])
    try:
        server.start()
    except (RuntimeError, TimeoutError, OSError) as problem:
        sys.exit(f"serve: {problem}")
    status = run(command, server.client_env())
    try:
        server.stop()
    except (AssertionError, RuntimeError) as problem: # the server ended badly: no green status
        print(f"serve: {problem}", file=sys.stderr)
        status = status or 70
    sys.exit(status)


if __name__ == "__main__":
    main()
