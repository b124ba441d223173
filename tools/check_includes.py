#!/usr/bin/env python3
"""Hold the architecture: who may include whom, names, and sizes.

    tools/check_includes.py [ROOT]

The tables below are the architecture. Prints one line for each breach and
exits 1 where there is any. Needs nothing but Python.
"""
import fnmatch
import os
import re
import sys
from pathlib import Path

# Which rooms a room may include beside itself. include/starling/<room>.h counts as the room.
ROOMS = {
    "base": set(),
    "coding": {"base"},
    "kernels": {"base"},
    "metrics": {"base"},
    "alert": {"base"},
    "lightcurve": {"base", "alert"},
    "gp": {"base", "kernels", "lightcurve"},
    "model": {"base", "coding", "kernels"},
    "train": {"base", "kernels", "model"},
    "prepare": {"base", "alert", "lightcurve", "gp", "train"},
    "compress": {"base", "kernels", "model", "train"},
    "simulate": {"base", "alert"},
    "pipeline": {"base", "alert", "lightcurve", "gp", "model", "metrics"},
}

# Public headers that are no room of their own.
HEADER_ROOM = {"answers": "train", "contract": "base", "feature": "base", "dataset": "train", "scores": "train",
               "sizing": "compress"}

# These see include/starling/ only, beside the headers in their own folder.
FRONT_DOOR_ONLY = ("cli", "examples", "python", "bench")

# A third-party header stays in one file or two.
THIRD_PARTY = {
    "archive.h": ["src/pipeline/source_tar.c"],
    "archive_entry.h": ["src/pipeline/source_tar.c"],
    "fitsio.h": ["src/lightcurve/snana.c"],
    "flatbuffers/*": ["src/model/model_flat.cc"],
    "model/model_generated.h": ["src/model/model_flat.cc"],
    "isa-l/*": ["src/pipeline/gunzip.c"],
    "jansson.h": ["src/alert/schema.c", "cli/inspect_json.c"],
    "libdeflate.h": ["src/alert/unpack.c"],
    "librdkafka/*": ["src/pipeline/*_kafka.c"],
    "microhttpd.h": ["src/metrics/httpd.c"],
    "snappy-c.h": ["src/alert/unpack.c"],
    "xxhash.h": ["src/alert/plan_cache.c", "src/model/model_open.c", "src/train/dataset.c"],
    "zlib.h": ["src/alert/unpack.c", "src/alert/avro_write.c", "src/simulate/stamps.c"],
    "zstd.h": ["src/alert/unpack.c"],
    "Python.h": ["python/*"],
}

# Made by the build from schema/: text to embed.
GENERATED = re.compile(r"schema/\w+\.h$")

# SIMD and processor headers belong to the kernels.
KERNELS_ONLY = {"immintrin.h", "arm_neon.h", "cpuid.h", "x86intrin.h"}

# The C and C++ libraries and POSIX: free for all.
SYSTEM = set(
    """assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h tgmath.h time.h
    uchar.h wchar.h wctype.h
    dirent.h dlfcn.h endian.h fcntl.h fnmatch.h ftw.h getopt.h glob.h langinfo.h libgen.h poll.h pthread.h sched.h strings.h
    termios.h unistd.h
    sys/auxv.h sys/file.h sys/ioctl.h sys/mman.h sys/resource.h sys/socket.h sys/stat.h sys/time.h sys/types.h
    sys/wait.h
    algorithm array cerrno cinttypes climits cmath cstddef cstdint cstdio cstdlib cstring limits memory new string
    string_view utility vector""".split()
)

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 100  # outside the kernels

SOURCE_FOLDERS = ("src", "include", "cli", "examples", "python", "bench", "tests", "fuzz")
SUFFIXES = (".c", ".h", ".cc", ".cpp", ".hpp")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(root):
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path.relative_to(root).as_posix()


def room_of(name):
    """The room of a file of ours, or None for the program, the tests and such."""
    parts = name.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if name.startswith("include/starling/"):
        stem = Path(name).stem
        return HEADER_ROOM.get(stem, stem)
    return None


def ours(root, name, target, quoted):
    """The file of the tree that an #include means, or None where it is not one of ours."""
    places = [f"include/{target}", f"src/{target}"]
    if quoted:
        places.insert(0, os.path.normpath(Path(name).parent / target))
    for place in places:
        if (root / place).is_file():
            return place
    return None


def check_own_include(name, target, found):
    room, other = room_of(name), room_of(found)
    top = name.split("/")[0]
    if top in FRONT_DOOR_ONLY:
        if not found.startswith(("include/starling/", top + "/")):
            return f'{top}/ may include <starling/...> only, not "{target}"'
    elif room is not None:
        if other == "starling":
            return "a room includes the headers it needs, not starling/starling.h"
        if other is None:
            return f'"{target}" is in no room'
        if room == "starling":
            return None
        if room not in ROOMS:
            return f"room {room} is not in the table of tools/check_includes.py"
        if other != room and other not in ROOMS[room]:
            allowed = ", ".join(sorted(ROOMS[room])) or "nothing of ours"
            return f'{room} may include {allowed}; not {other} ("{target}")'
    return None


def check_foreign_include(name, target):
    if target in SYSTEM or name.startswith(("tests/", "fuzz/")) or GENERATED.match(target):
        return None
    if target in KERNELS_ONLY:
        return None if room_of(name) == "kernels" else f"<{target}> belongs to kernels/"
    for pattern, files in THIRD_PARTY.items():
        if fnmatch.fnmatch(target, pattern):
            if any(fnmatch.fnmatch(name, file) for file in files):
                return None
            return f"<{target}> stays in {', '.join(files)}"
    return f"<{target}> is neither a system header nor in the table of tools/check_includes.py"


def check_includes(root, name, text):
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        target = match.group(2)
        found = ours(root, name, target, match.group(1) == '"')
        if found is not None:
            problem = check_own_include(name, target, found)
        elif target.startswith("starling/"):
            problem = f'"{target}" does not exist'
        else:
            problem = check_foreign_include(name, target)
        if problem:
            yield f"{name}:{line}: {problem}"


def check_sizes(name, lines):
    if len(lines) > MAX_FILE_LINES:
        yield f"{name}:1: {len(lines)} lines; split a file by {MAX_FILE_LINES}"
    if room_of(name) == "kernels":
        return
    # clang-format puts the braces of a function alone at the margin.
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            length = number - start + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{start}: function of {length} lines; {MAX_FUNCTION_LINES} at most"
            start = None


def check_names(names):
    """File names are unique in src/ and cli/; a header and its source share a stem."""
    homes = {}
    for name in names:
        if not name.startswith(("src/", "cli/", "include/")):
            continue
        path = Path(name)
        # A public header lives with its room.
        home = f"src/{room_of(name)}" if name.startswith("include/") else path.parent.as_posix()
        homes.setdefault(path.stem, {}).setdefault(home, []).append(name)
    for stem, places in sorted(homes.items()):
        if len(places) > 1:
            files = sorted(file for group in places.values() for file in group)
            yield f"{files[0]}:1: file name '{stem}' is used in several rooms: {', '.join(files)}"
        for files in places.values():
            suffixes = [Path(file).suffix for file in files]
            if len(set(suffixes)) < len(suffixes):
                yield f"{files[0]}:1: the same file name twice: {', '.join(sorted(files))}"


def check(root):
    names = list(sources(root))
    problems = list(check_names(names))
    for name in names:
        text = (root / name).read_text(encoding="utf-8", errors="replace")
        problems.extend(check_includes(root, name, text))
        problems.extend(check_sizes(name, text.splitlines()))
    return names, problems


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    names, problems = check(root)
    for problem in problems:
        print(problem)
    if not names:
        print(f"{root}: no source files here")
        return 1
    print(f"check_includes: {len(names)} files, {len(problems)} breaches")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
