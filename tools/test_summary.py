#!/usr/bin/env python3
"""Count single test cases over all suites, tell failures, close with one line.

    tools/test_summary.py RESULTS...

RESULTS are meson's testlog.json, or JUnit XML of meson or pytest. A cmocka
program counts its cases, any other program counts one. The last line is
"N passed, N failed", with ", N skipped" where some were. Exits 1 on any
failure, on a file that cannot be read, and where no test ran.
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

TAIL_LINES = 40
CASE = re.compile(r"^\[ *(RUN|OK|FAILED|SKIPPED) *\] (\S+)", re.MULTILINE)


class Summary:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (name, output)
        self.skips = []  # (name, reason)

    def add(self, name, outcome, output, reason=""):
        """One program, or one case of pytest. outcome: 'pass', 'fail' or 'skip'."""
        cases = cmocka_cases(output)
        if outcome == "skip" or not cases:
            self.add_one(name, outcome, output, reason)
            return
        for case, result in cases.items():
            self.add_one(f"{name}: {case}", result, output, reason)
        if outcome == "fail" and "fail" not in cases.values():
            self.add_one(name, "fail", output, reason)  # every case well, and yet: a leak, a crash at the end

    def add_one(self, name, outcome, output, reason):
        if outcome == "pass":
            self.passed += 1
        elif outcome == "skip":
            self.skips.append((name, reason or last_line(output)))
        else:
            self.failures.append((name, (reason + "\n" + output).strip()))

    def report(self):
        lines = [f"skipped: {name}{': ' if reason else ''}{reason}" for name, reason in self.skips]
        shown = set()
        for name, output in self.failures:
            lines.append(f"FAILED: {name}")
            if output and output not in shown:  # once a program, not once a case
                shown.add(output)
                lines.extend("    " + line for line in output.splitlines()[-TAIL_LINES:])
        count = f"{self.passed} passed, {len(self.failures)} failed"
        if self.skips:
            count += f", {len(self.skips)} skipped"
        return "\n".join(lines + [count])

    def exit_code(self):
        return 1 if self.failures or self.passed == 0 else 0


def cmocka_cases(output):
    """Case -> outcome. A case that began and was never told to be well has failed: it may have crashed."""
    cases = {}
    for word, name in CASE.findall(output):
        if word == "RUN":
            cases[name] = "fail"
        elif name in cases and word in ("OK", "SKIPPED"):
            cases[name] = "pass" if word == "OK" else "skip"
    return cases


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def read_meson_json(text, summary):
    for line in text.splitlines():
        if not line.strip():
            continue
        test = json.loads(line)
        output = (test.get("stdout") or "") + (test.get("stderr") or "")
        result = test["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            outcome = "pass"
        else:
            outcome = "skip" if result == "SKIP" else "fail"
        reason = f"{result}, exit code {test.get('returncode')}" if outcome == "fail" else ""
        summary.add(test["name"], outcome, output, reason)


def read_junit(text, summary):
    for case in ElementTree.fromstring(text).iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        output = "".join((case.findtext(tag) or "") for tag in ("system-out", "system-err"))
        failed = case.find("failure")
        if failed is None:
            failed = case.find("error")
        skipped = case.find("skipped")
        if failed is not None:
            summary.add(name, "fail", output, (failed.get("message") or "") + "\n" + (failed.text or ""))
        elif skipped is not None:
            summary.add(name, "skip", output, skipped.get("message") or "")
        else:
            summary.add(name, "pass", output)


def read_results(path, summary):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if text.lstrip().startswith("<"):
            read_junit(text, summary)
        else:
            read_meson_json(text, summary)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        summary.add_one(path, "fail", str(error), "results cannot be read")


def main(arguments):
    if not arguments:
        print(__doc__)
        return 2
    summary = Summary()
    for path in arguments:
        read_results(path, summary)
    print(summary.report())
    return summary.exit_code()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
