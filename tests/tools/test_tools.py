"""The tools that guard the tree: each finds what it is there to find."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
HAVE_COMPILER = bool(shutil.which("cc") and shutil.which("ar") and shutil.which("objdump"))


def run(tool, *arguments):
    command = [sys.executable] if tool.endswith(".py") else ["sh"]
    done = subprocess.run(command + [str(TOOLS / tool), *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


HOUSE = {
    "include/starling/base.h": "\n",
    "include/starling/gp.h": '#include "starling/base.h"\n',
    "src/base/arena.h": '#include "starling/base.h"\n',
    "src/base/arena.c": '#include "base/arena.h"\n#include <stdlib.h>\n',
    "src/gp/fit.c": '#include "base/arena.h"\n#include "starling/gp.h"\n',
    "src/kernels/kernels.c": "#include <immintrin.h>\n",
    "src/lightcurve/snana.c": "#include <fitsio.h>\n",
    "cli/main.c": '#include "starling/gp.h"\n',
}


def test_a_tidy_house_passes(tmp_path):
    code, output = run("check_includes.py", tree(tmp_path, HOUSE))
    assert code == 0, output


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("src/base/log.c", '\n#include "starling/gp.h"\n', "src/base/log.c:2: base may include nothing of ours; not gp"),
        ("src/model/run.c", '#include "starling/gp.h"\n', "model may include base, coding, kernels; not gp"),
        ("src/gp/run.c", '#include "starling/nowhere.h"\n', '"starling/nowhere.h" does not exist'),
        ("src/attic/run.c", '#include "base/arena.h"\n', "room attic is not in the table"),
        ("cli/cmd_fit.c", '#include "base/arena.h"\n', "cli/ may include <starling/...> only"),
        ("examples/one.c", '#include "../src/base/arena.h"\n', "examples/ may include <starling/...> only"),
        ("src/gp/numbers.c", "#include <fitsio.h>\n", "<fitsio.h> stays in src/lightcurve/snana.c"),
        ("src/gp/numbers.c", "#include <lapacke.h>\n", "<lapacke.h> is neither a system header nor in the table"),
        ("src/gp/numbers.c", "  #  include <immintrin.h>\n", "<immintrin.h> belongs to kernels/"),
        ("src/gp/arena.c", "\n", "file name 'arena' is used in several rooms"),
        ("src/gp/long.c", "int x;\n" * 601, "601 lines; split a file by 600"),
        ("src/gp/long.c", "int f(void)\n{\n" + "    x++;\n" * 99 + "}\n", "long.c:2: function of 101 lines; 100 at most"),
    ],
)
def test_a_breach_of_the_house_is_told(tmp_path, name, text, said):
    code, output = run("check_includes.py", tree(tmp_path, {**HOUSE, name: text}))
    assert code == 1
    assert said in output
    assert "1 breaches" in output


def test_long_functions_are_free_in_the_kernels_and_structs_are_no_functions(tmp_path):
    body = "    x++;\n" * 200
    files = {
        "src/kernels/unrolled.c": "int f(void)\n{\n" + body + "}\n",
        "src/gp/table.c": "static const int t[] = {\n" + "    1,\n" * 200 + "};\n",
    }
    code, output = run("check_includes.py", tree(tmp_path, {**HOUSE, **files}))
    assert code == 0, output


def test_an_empty_folder_is_no_success(tmp_path):
    assert run("check_includes.py", tmp_path)[0] == 1
    assert run("check_text.py", tmp_path)[0] == 1


@pytest.mark.parametrize(
    "text, said",
    [
        ("see /" + "work/main for it\n", "a path of one machine"),
        ("path=/" + "root/x\n", "a path of one machine"),
        ("pip install -i https://pypi" + ".org/simple\n", "a package host"),
        ("curl http://10.0.0" + ".7/x\n", "a machine's address"),
        ("\tx = 1\n", "a tab"),
        ("x = 1 \n", "blanks at the end of the line"),
        ("/* TO" + "DO: write it */\n", "a note to self"),
        ("as issue #" + "12 asks\n", "an issue's number"),
        ("x = 1", "no newline at the end"),
        ("a\0b\n", "a binary file"),
    ],
)
def test_what_no_file_may_hold_is_found(tmp_path, text, said):
    code, output = run("check_text.py", tree(tmp_path, {"good.c": "int x;\n", "bad.c": text}))
    assert code == 1
    assert f"bad.c:1: {said}" in output


def test_clean_text_passes(tmp_path):
    files = {
        "a.c": "int x; /* src/work/x http://127.0.0.1:9 */\n",
        "LICENSE": "\tFree \n",
        "tests/cli/help.expected": "$ starling \n",
        "fuzz/corpus/csv/tabbed": "a\tb \n",
    }
    code, output = run("check_text.py", tree(tmp_path, files))
    assert code == 0, output


def test_what_gitignore_names_is_passed_over(tmp_path):
    root = tree(tmp_path, {".gitignore": "build*/\n", "good.c": "int x;\n", "build-asan/bad.o": "\0", "sub/build/b": "\0"})
    code, output = run("check_text.py", root)
    assert code == 0, output


def test_a_large_fuzz_input_is_told(tmp_path):
    code, output = run("check_text.py", tree(tmp_path, {"fuzz/corpus/csv/big": "x" * 5000}))
    assert code == 1 and "5000 bytes" in output


# --- test_summary ----------------------------------------------------------------------------------------------------


def meson_log(path, *tests):
    keys = ("name", "result", "returncode", "stdout", "stderr")
    path.write_text("".join(json.dumps(dict(zip(keys, test))) + "\n" for test in tests))
    return path


CASES_WELL = "[ RUN      ] one\n[       OK ] one\n[ RUN      ] two\n[       OK ] two\n"


def test_single_cases_are_counted(tmp_path):
    log = meson_log(tmp_path / "log.json", ("unit/a", "OK", 0, CASES_WELL, ""), ("cli/b", "OK", 0, "fine\n", ""))
    code, output = run("test_summary.py", log)
    assert code == 0
    assert output.splitlines()[-1] == "3 passed, 0 failed"


def test_a_failed_case_is_told_with_its_output(tmp_path):
    text = CASES_WELL + "[ RUN      ] three\n1 != 2 at line 7\n[  FAILED  ] three\n"
    listed = "[  FAILED  ] tests: 1 test(s), listed below:\n[  FAILED  ] three\n"
    code, output = run("test_summary.py", meson_log(tmp_path / "log.json", ("unit/a", "FAIL", 1, text, listed)))
    assert code == 1
    assert "FAILED: unit/a: three" in output and "1 != 2 at line 7" in output
    assert output.splitlines()[-1] == "2 passed, 1 failed"


def test_a_case_that_crashed_has_failed(tmp_path):
    text = CASES_WELL + "[ RUN      ] three\n"
    code, output = run("test_summary.py", meson_log(tmp_path / "log.json", ("unit/a", "FAIL", -11, text, "")))
    assert code == 1
    assert output.splitlines()[-1] == "2 passed, 1 failed"


def test_a_leak_behind_the_last_case_is_a_failure(tmp_path):
    log = meson_log(tmp_path / "log.json", ("unit/a", "FAIL", 1, CASES_WELL, "LeakSanitizer: 8 bytes\n"))
    code, output = run("test_summary.py", log)
    assert code == 1
    assert "LeakSanitizer" in output
    assert output.splitlines()[-1] == "2 passed, 1 failed"


def test_skips_are_counted_and_say_why(tmp_path):
    some = "[ RUN      ] one\n[       OK ] one\n[ RUN      ] two\n[  SKIPPED ] two\n"
    log = meson_log(
        tmp_path / "log.json", ("unit/a", "OK", 0, some, ""), ("oracle", "SKIP", 77, "SKIP: no shared data\n", "")
    )
    code, output = run("test_summary.py", log)
    assert code == 0
    assert "skipped: oracle: SKIP: no shared data" in output
    assert output.splitlines()[-1] == "1 passed, 0 failed, 2 skipped"


def test_junit_of_pytest_is_read(tmp_path):
    xml = tmp_path / "p.xml"
    xml.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="t" name="a"/>'
        '<testcase classname="t" name="b"><failure message="assert 1 == 2">trace</failure></testcase>'
        '<testcase classname="t" name="c"><skipped message="no data"/></testcase>'
        '<testcase classname="t" name="d"><error message="setup">x</error></testcase>'
        "</testsuite></testsuites>"
    )
    code, output = run("test_summary.py", xml)
    assert code == 1
    assert "FAILED: t::b" in output and "assert 1 == 2" in output and "skipped: t::c: no data" in output
    assert output.splitlines()[-1] == "1 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize("text", [None, "", "{broken", "<testsuites>", "<testsuites/>"])
def test_no_result_is_no_success(tmp_path, text):
    path = tmp_path / "results"
    if text is not None:
        path.write_text(text)
    code, output = run("test_summary.py", path)
    assert code == 1
    assert output.splitlines()[-1].startswith("0 passed")


# --- check_symbols and check_isa -------------------------------------------------------------------------------------


def library(root, code, flags=()):
    """A small libstarling.so and .a of C text by file name."""
    build = root / "build" / "src"
    build.mkdir(parents=True)
    (root / "include" / "starling").mkdir(parents=True)
    (root / "include" / "starling" / "base.h").write_text("SL_API const char *sl_one(int a,\n    int b);\n")
    objects = []
    for name, text in code.items():
        (root / name).write_text(text)
        objects.append(str(build / (Path(name).stem + ".o")))
        subprocess.run(["cc", "-fPIC", "-O2", "-c", str(root / name), "-o", objects[-1], *flags], check=True)
    subprocess.run(["cc", "-shared", "-o", str(build / "libstarling.so"), *objects], check=True)
    subprocess.run(["ar", "rcs", str(build / "libstarling.a"), *objects], check=True)
    return root / "build", root


ONE = "const char *sl_one(int a, int b) { return a > b ? \"a\" : \"b\"; }\n"


@pytest.mark.skipif(not HAVE_COMPILER, reason="no compiler or binutils here")
@pytest.mark.parametrize(
    "code, said",
    [
        (ONE, None),
        (ONE + "int helper(void) { return 1; }\n", "libstarling.so exports helper"),
        (ONE + '__attribute__((visibility("hidden"))) int helper(void) { return 1; }\n', "libstarling.a defines"),
        ("int sl_two(void) { return 2; }\n", "sl_one is declared with SL_API and not exported"),
        (ONE + "int sl_two(void) { return 2; }\n", "exports sl_two, which include/starling does not declare"),
    ],
)
def test_the_symbols_of_the_library_are_checked(tmp_path, code, said):
    status, output = run("check_symbols.sh", *library(tmp_path, {"one.c": code}))
    assert status == (1 if said else 0), output
    assert said is None or said in output


WIDE = """
__attribute__((target("avx2"))) void wide(float *restrict a, const float *restrict b)
{
    for (int i = 0; i < 64; i++) a[i] += b[i];
}
"""


@pytest.mark.skipif(not HAVE_COMPILER or os.uname().machine != "x86_64", reason="needs an x86-64 compiler")
@pytest.mark.parametrize("name, status", [("kernels_avx2.c", 0), ("fit.c", 1)])
def test_wide_instructions_outside_their_file_are_told(tmp_path, name, status):
    code, output = run("check_isa.sh", *library(tmp_path, {"one.c": ONE, name: WIDE}, flags=("-ftree-vectorize",)))
    assert code == status, output
    assert ("<wide>" in output) == (status == 1)


def test_tools_say_when_there_is_no_build(tmp_path):
    for tool in ("check_symbols.sh", "check_isa.sh"):
        code, output = run(tool, tmp_path / "nothing", ROOT)
        assert code == 1 and "build first" in output
