"""Files beside each other, gzipped or not."""

from __future__ import annotations

from pathlib import Path

from palate.errors import DataError


def strip_gz(path: Path) -> Path:
    """The path without ``.gz``."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def member(folder: Path, *names: str) -> Path | None:
    """The first of *names* in *folder*, plain before gzipped."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def sibling(path: Path, *names: str) -> Path | None:
    """The first of *names* beside *path*."""
    return member(path.parent, *names)


def only(folder: Path, suffix: str) -> Path | None:
    """The one file in *folder* with a suffix.

    Raises:
        DataError: there are several.
    """
    found = sorted(p for p in folder.iterdir() if p.is_file() and strip_gz(p).suffix == suffix)
    if len(found) > 1:
        raise DataError(f"{folder}: several {suffix} files {[p.name for p in found]}; name one")
    return found[0] if found else None
