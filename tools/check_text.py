#!/usr/bin/env python3
"""What no file of the tree may hold: machine paths, package hosts, tabs, blanks at line ends, notes to self.

    tools/check_text.py [ROOT]

Looks at the files that git tracks; outside a checkout at all but the folders that .gitignore names.
Prints one line for each find and exits 1 where there is any.
"""
import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

# Copied texts keep their own form.
EXCEPT = ("LICENSE",)
# Inputs for tests may hold anything, but stay small.
SAMPLES = ("fuzz/corpus/", "tests/golden/")
MAX_SAMPLE_BYTES = 4096
# What a program printed is kept as it came; its words count all the same.
AS_PRINTED = ".expected"
# Binary on purpose.
BINARY = ("models/",)

# The patterns are written so that this file does not hold what they find.
RULES = [
    (re.compile(r"(?<![\w.}/-])/(?:work|root|home)\b"), "a path of one machine"),
    (re.compile(r"/tmp/(?:wt|venv|d)\b"), "a path of one machine"),
    (re.compile(r"\b(?:pypi|debian|pythonhosted|npmjs|anaconda|crates)[.](?:org|io|com)\b"), "a package host"),
    (re.compile(r"--(?:extra-)?index[-]url|--trusted[-]host"), "a package host"),
    (re.compile(r"https?://(?!127[.]0[.]0[.]1)\d+[.]\d+[.]\d+[.]\d+"), "a machine's address"),
    (re.compile(r"\b(?:TO[D]O|FIX[M]E)\b"), "a note to self"),
    (re.compile(r"\bissue #?[0-9]+\b", re.IGNORECASE), "an issue's number"),
]
LAYOUT = [
    (re.compile(r"\t"), "a tab"),
    (re.compile(r"[ \r\f\v]+$"), "blanks at the end of the line"),
]


def tracked(root):
    run = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True)
    if run.returncode == 0:
        return [name for name in run.stdout.split("\0") if name]
    ignored = [line.rstrip("/") for line in (root / ".gitignore").read_text().splitlines() if line.endswith("/")] \
        if (root / ".gitignore").is_file() else []
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not any(fnmatch.fnmatch(f, pattern) for pattern in ignored)]
        names += [(Path(folder) / file).relative_to(root).as_posix() for file in files]
    return sorted(names)


def check_file(name, data):
    if name.startswith(SAMPLES):
        if len(data) > MAX_SAMPLE_BYTES:
            yield f"{name}:1: {len(data)} bytes; a sample has {MAX_SAMPLE_BYTES} at most"
        return
    if name in EXCEPT or name.startswith(BINARY):
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        yield f"{name}:1: not UTF-8 text"
        return
    if "\0" in text:
        yield f"{name}:1: a binary file"
        return
    if text and not text.endswith("\n"):
        yield f"{name}:{text.count(chr(10)) + 1}: no newline at the end"
    rules = RULES if name.endswith(AS_PRINTED) else RULES + LAYOUT
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, what in rules:
            if pattern.search(line):
                yield f"{name}:{number}: {what}"


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    problems, count = [], 0
    for name in tracked(root):
        path = root / name
        if path.is_file():
            count += 1
            problems.extend(check_file(name, path.read_bytes()))
    for problem in problems:
        print(problem)
    if count == 0:
        print(f"{root}: no files here")
        return 1
    print(f"check_text: {count} files, {len(problems)} finds")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
