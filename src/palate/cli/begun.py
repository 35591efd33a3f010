"""What commands that train have in common: a folder of their own, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from palate.cli import completion, console
from palate.errors import RunError


def new_folder(out: Path | None, name: str, marks: Sequence[str]) -> Path:
    """Where a result goes: never over another.

    Args:
        out: what was typed; None takes ``runs/NAME``, numbered.
        marks: files by which a folder is known to be taken.

    Raises:
        RunError: *out* is taken.
    """
    if out is not None:
        if any((out / mark).exists() for mark in marks):
            raise RunError(f"{out} holds a run already; name another folder with --out")
        return out
    taken = (completion.RUNS / (name if n == 1 else f"{name}-{n}") for n in range(1, 10_000))
    return next(folder for folder in taken if not folder.exists())


@contextmanager
def says_how_to_resume(folder: Path, mark: str, command: str) -> Iterator[None]:
    """Where Ctrl-C ends what began in *folder*, say how to go on.

    Args:
        mark: file that is there once something can be gone on with.
    """
    try:
        yield
    except KeyboardInterrupt:
        if (folder / mark).exists():
            console.remark(f"interrupted; to go on: {command} {folder}")
        raise
