"""Help is instant, and teaches."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

PALATE = Path(sys.executable).parent / "palate"
HEAVY = {
    "torch",
    "transformers",
    "polars",
    "numpy",
    "scipy",
    "matplotlib",
    "pandas",
    "yaml",
    "fastapi",
}
COMMANDS = [
    "demo",
    "methods",
    "train",
    "update",
    "pretrain",
    "distil",
    "compare",
    "recommend",
    "chat",
    "explain",
    "prompts",
    "evaluate",
    "report",
    "serve",
    "keys",
    "doctor",
]
WITHOUT_EXAMPLE = {"demo", "methods", "keys", "doctor"}


def test_help_takes_less_than_three_tenths_of_a_second() -> None:
    seconds = []
    for _ in range(8):  # the best of some: beside other tests, a processor has half its speed
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([PALATE, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor seconds: the wall clock of a machine that has nothing else to do.
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.3, seconds


@pytest.mark.parametrize(
    "words", ["--help", "methods", "train --help", "data --help", "serve --help"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(words: str) -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('|', *sorted({m.split('.')[0] for m in sys.modules})))\n"
        f"sys.argv = ['palate', *{words.split()!r}]\n"
        "from palate.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("|")[2].split())
    assert "typer" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, palate) -> None:
    answer = palate(command, "--help")
    assert answer.code == 0
    assert f"Usage: palate {command}" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITHOUT_EXAMPLE))
def test_help_has_an_example_that_can_be_typed(command: str, palate) -> None:
    assert f"palate {command} " in palate(command, "--help").out.partition("Example")[2]


def test_help_fits_an_ordinary_terminal(palate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        lines = palate(command, "--help").out.splitlines()
        assert max(map(len, lines)) <= 80
        # An example that wraps cannot be copied.
        assert [line for line in lines if line.strip().startswith("palate ")] == [
            line for line in lines if line.startswith("   palate ")
        ]


def test_version(palate) -> None:
    from palate import __version__

    assert palate("--version").out == f"palate {__version__}\n"


def test_shell_completion_offers_methods_with_their_line() -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "_PALATE_COMPLETE": "complete_zsh",
        "_TYPER_COMPLETE_ARGS": "palate train sas",
    }
    done = subprocess.run([PALATE], env=environment, capture_output=True, text=True, check=False)
    assert "sasrec" in done.stdout
    assert "ease" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_can_be_installed(shell: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "_PALATE_COMPLETE": f"source_{shell}"}
    done = subprocess.run([PALATE], env=environment, capture_output=True, text=True, check=True)
    assert "_PALATE_COMPLETE" in done.stdout
