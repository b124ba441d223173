"""What the documents say of the tree is true of the tree: names of files, links, tables that are also code."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_includes  # noqa: E402

DOCS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
SUFFIX = r"\.(?:c|cc|h|py|sh|md|fbs|avsc|build)"
FOLDERS = "src|include|cli|tests|tools|fuzz|bench|docs|examples|schema|alert|base|gp|kernels|lightcurve|model|pipeline|prepare|simulate|train"


def tracked():
    run = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    return run.stdout.split("\n") if run.returncode == 0 else [p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*")]


FILES = [name for name in tracked() if name]


def words(text):
    """What stands in `code`, outside of code blocks."""
    prose = "\n".join(line for line in text.split("\n") if not line.startswith("    "))
    return set(re.findall(r"`([^`\n]+)`", prose))


def is_there(word):
    pattern = re.escape(word).replace(r"\*", "[^/]*")
    return any(re.search(rf"(?:^|/){pattern}$", name) for name in FILES)


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_every_file_named_is_there(doc):
    named = {
        word
        for word in words(doc.read_text(encoding="utf-8"))
        if re.fullmatch(rf"[\w./*-]+{SUFFIX}", word) or re.fullmatch(rf"(?:{FOLDERS})/[\w./*-]*\w", word)
    }
    folders = {"/".join(name.split("/")[:i]) for name in FILES for i in range(1, name.count("/") + 1)}
    missing = [word for word in sorted(named) if not is_there(word) and word.rstrip("/") not in folders]
    assert not missing


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(doc):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", doc.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (doc.parent / target).exists(), target


def test_hacking_has_the_table_that_is_held():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", (ROOT / "HACKING.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {room: set(re.findall(r"`(\w+)`", allowed)) for room, allowed in rows}
    assert told == check_includes.ROOMS


def test_output_tells_every_reason():
    names = re.findall(r'\[SL_REASON_\w+\] = \{"(\w+)"', (ROOT / "src/base/reason.c").read_text(encoding="utf-8"))
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/output.md").read_text(encoding="utf-8").split("## Reasons")[1], re.MULTILINE)
    assert told[: len(names) - 1] == names[1:]  # the first means that there is none


def test_input_tells_every_column_of_a_table():
    names = re.findall(r'\{"(\w+)", SL_ROLE_', (ROOT / "src/lightcurve/columns.c").read_text(encoding="utf-8"))
    told = words((ROOT / "docs/input.md").read_text(encoding="utf-8"))
    assert names and not set(names) - told
