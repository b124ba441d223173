"""bench/check.py reads callgrind's files rightly, and says what costs more."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import check  # noqa: E402

PROFILE = """\
positions: line
events: Ir

fl=bench_time.c
fn=bench_time
10 5
cfi=bench_stages.c
cfn=stage_decode
calls=4 20
11 4000
cfn=stage_network
calls=2 30
+1 600
12 7

fl=bench_stages.c
fn=stage_decode
20 3000
cfn=sl_alert_decode
calls=4 1
* 1000
fn=other
40 1
cfn=stage_decode
calls=1 20
41 1000
"""


def test_instructions_are_inclusive_and_a_call():
    found = check.instructions(PROFILE, lambda name: name.startswith("stage_"))
    assert found == {"stage_decode": 1000, "stage_network": 300}


def test_what_costs_more_is_counted_and_told(capsys):
    before = {"same": 1000, "more": 1000, "less": 1000, "gone": 5}
    now = {"same": 1029, "more": 1031, "less": 900, "new": 7}
    assert check.compare("avx2, gcc", now, before, 3) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "MORE" in lines["more"] and "+3.1 %" in lines["more"]
    assert lines["same"].rstrip().endswith("%")
    assert "--update" in lines["less"] and "--update" in lines["gone"] and "new" in lines["new"]
