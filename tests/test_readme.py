"""The README shows what was measured, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_results_table_is_that_of_the_committed_result() -> None:
    done = subprocess.run(
        [sys.executable, "claims/lite_llm4rec.py", "table"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = readme.split("<!-- results:begin -->")[1].split("<!-- results:end -->")[0]
    assert done.stdout.strip() in shown
