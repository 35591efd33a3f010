"""The example of docs/third-party.md, installed as written: found, configured, run, conforming."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "third-party.md"


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The documented package, as files."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(), flags=re.S)
    python = [text for language, text in blocks if language == "python"]
    [toml] = [text for language, text in blocks if language == "toml"]
    folder = tmp_path_factory.mktemp("package")
    (folder / "markov.py").write_text(python[0])
    (folder / "test_markov.py").write_text(python[1])
    (folder / "pyproject.toml").write_text(toml)
    return folder


@pytest.fixture(scope="module")
def site(package, tmp_path_factory) -> Path:
    """A folder into which pip installed the package, from nothing but its files."""
    target = tmp_path_factory.mktemp("site")
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *offline]
    subprocess.run([*command, "--target", str(target), str(package)], check=True)
    return target


def run(site: Path, *command: str, cwd: Path | None = None) -> str:
    """What a Python with the package on its path prints."""
    path = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *command], env=path, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_method_is_about_thirty_lines(package):
    lines = (package / "markov.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 36


def test_it_is_listed_last_with_its_package(site):
    script = """
import dataclasses, json
from palate.recommenders import registry
print(json.dumps([dataclasses.asdict(method) for method in registry.methods()]))
"""
    *ours, last = json.loads(run(site, "-c", script))
    assert last == {
        "name": "markov",
        "summary": "what came after the last item",
        "source": "palate-markov",
        "target": "markov:Markov",
    }
    assert {method["source"] for method in ours} == {"palate"}


def test_it_is_found_and_configured_like_the_others(site):
    script = """
from palate.recommenders import registry
from palate.errors import ConfigError
method = registry.get("markov")
print(method(registry.configure("markov", {"smoothing": "0.5"})).config.smoothing)
for name, settings in [("markow", {}), ("markov", {"smooting": 1}), ("markov", {"smoothing": 0})]:
    try:
        registry.configure(name, settings)
    except ConfigError as error:
        print(error)
"""
    assert run(site, "-c", script).splitlines() == [
        "0.5",
        "no method is called 'markow'; did you mean markov?",
        "markov: no setting is called 'smooting'; did you mean smoothing?",
        "markov: smoothing=0: input should be greater than 0",
    ]


def test_its_own_tests_pass(site, package):
    out = run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_markov.py", cwd=package)
    assert re.search(r"\b16 passed\b", out), out
