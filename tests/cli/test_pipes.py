"""Output that other programs read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from palate.cli.console import _jsonable

PALATE = Path(sys.executable).parent / "palate"


def test_no_colour_in_a_pipe() -> None:
    done = subprocess.run([PALATE, "methods"], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert "sasrec" in done.stdout


def test_methods_for_machines(palate) -> None:
    told = json.loads(palate("methods", "--json").out)
    assert {"name", "summary", "source", "target", "kind"} == set(told[0])
    assert "lite-llm4rec" in {method["name"] for method in told}


def test_a_reader_that_has_had_enough() -> None:
    command = f"{PALATE} methods | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_lines_in_a_pipe_are_not_cut(palate) -> None:
    told = palate("data", "ls").out
    assert "100,000 film ratings by 943 people, 1997-98" in told


def test_json_has_no_nan() -> None:
    assert _jsonable({"a": float("nan"), 1: (Path("x"), None, True)}) == {
        "a": None,
        "1": ["x", None, True],
    }


def test_data_sets_for_machines(palate) -> None:
    told = json.loads(palate("data", "ls", "--json").out)
    assert {"name", "what", "here", "licence", "homepage"} == set(told[0])


def test_fetch_says_where_and_on_what_terms(palate) -> None:
    answer = palate("data", "fetch", "ml-100k")
    assert answer.code == 0
    assert Path(answer.out.strip()).is_dir()
    assert "please cite" in answer.err
