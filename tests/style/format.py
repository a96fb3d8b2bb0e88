#!/usr/bin/env python3
"""format.py: whether clang-format-14 would leave every C file as it is. format.py --fix FILE… formats the files named."""
import concurrent.futures
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("config", "d1", "pgwire", "proxy", "tests")
SUFFIXES = (".c", ".h", ".cc")
FORMATTER = "clang-format-14"  # pinned: another version formats otherwise


def files():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and "node_modules" not in path.parts:
                yield path


def differs(path):
    formatted = subprocess.run([FORMATTER, path], capture_output=True, text=True, check=True).stdout.splitlines()
    lines = path.read_text().splitlines()
    for number, (have, want) in enumerate(zip(lines, formatted), 1):
        if have != want:
            return f"{path.relative_to(ROOT)}:{number}: {want.strip()}"
    return None if len(lines) == len(formatted) else f"{path.relative_to(ROOT)}: lines at its end"


def main():
    if sys.argv[1:2] == ["--fix"]:
        others = [name for name in sys.argv[2:] if not name.endswith(SUFFIXES)]
        if others:
            sys.exit(f"not C: {' '.join(others)}")
        sys.exit(subprocess.run([FORMATTER, "-i", *sys.argv[2:]], check=False).returncode)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        bad = [complaint for complaint in pool.map(differs, files()) if complaint]
    print("\n".join(bad) or "formatted")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
