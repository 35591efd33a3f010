"""The README and the page of claims show what was measured, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def printed(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_results_table_is_that_of_the_committed_result() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = readme.split("<!-- results:begin -->")[1].split("<!-- results:end -->")[0]
    assert printed("claims/lite_llm4rec.py", "table") in shown


def test_the_page_of_claims_is_that_of_the_committed_results() -> None:
    page = (ROOT / "docs" / "claims.md").read_text("utf-8")
    assert printed("claims/overview.py") == page.strip()
