#!/usr/bin/env python3
"""compiles.py headers|clang BUILD: what must compile, without making anything.

headers   each header alone, first in an otherwise empty file, under the options of BUILD's compile_commands.json
clang     each source of ours under clang-14 with the same options: its warnings are errors too
"""
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("config", "d1", "pgwire", "proxy", "tests")
SHOWN = 20


def commands(build):
    """(source, options) of each C file of ours. Options of the sanitizers and the output are left out: nothing is generated."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if not source.is_relative_to(ROOT) or source.relative_to(ROOT).parts[0] not in FOLDERS or source.suffix != ".c":
            continue
        words = shlex.split(entry["command"])
        start = next(i for i, word in enumerate(words) if word.startswith("-"))
        options, skip = [], False
        for word in words[start:]:
            if skip or word == "-c" or word == entry["file"] or word.startswith(("-fsanitize", "-fno-sanitize", "-O", "-g")):
                skip = False
            elif word in ("-o", "-MF", "-MT"):
                skip = True
            elif word != "-MD":
                options.append(word)
        yield source, options


def compile_all(jobs):
    """jobs: (what, argv, text for standard input or None). Prints complaints; whether all compiled."""
    def one(job):
        what, argv, text = job
        done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
        return None if done.returncode == 0 else f"{what}:\n" + "\n".join(done.stderr.splitlines()[:SHOWN])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        bad = [complaint for complaint in pool.map(one, jobs) if complaint]
    print("\n".join(bad) or f"{len(jobs)} compile")
    return bool(jobs) and not bad


def headers(build):
    options_of, anywhere = {}, []
    for source, options in commands(build):
        options_of.setdefault(source.parent, options)
        anywhere = anywhere or options
    for folder in FOLDERS:
        for header in sorted((ROOT / folder).rglob("*.h")):
            if "node_modules" in header.parts:
                continue
            options = options_of.get(header.parent, options_of.get(header.parent.parent, anywhere))
            # A static inline function that nothing here calls is no fault of the header.
            yield header, ["gcc", *options, "-Wno-unused-function", "-fsyntax-only", "-xc", "-"], f'#include "{header.relative_to(ROOT)}"\n'


def clang(build):
    for source, options in commands(build):
        # gcc finds its own headers by itself; clang has none of gcc's few options that our flags do not share
        yield source, ["clang-14", *options, "-Qunused-arguments", "-fsyntax-only", str(source)], None


def main():
    build = pathlib.Path(sys.argv[2])
    sys.exit(0 if compile_all(list({"headers": headers, "clang": clang}[sys.argv[1]](build))) else 1)


if __name__ == "__main__":
    main()
