"""Text is UTF-8; where a file is not, the error says which row and column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from palate.errors import DataError


def utf8(
    raw: bytes,
    path: Path,
    separator: str,
    names: Sequence[str] | None = None,
    legacy: str | None = None,
) -> bytes:
    """*raw* as UTF-8.

    Args:
        separator: between columns; empty where there are none.
        names: of the columns; None where the first row says them.
        legacy: the encoding that files of this format have when they are not UTF-8.

    Raises:
        DataError: not UTF-8 and no *legacy* encoding, or some rows in one and some in the other.
    """
    try:
        raw.decode("utf-8")
        return raw
    except UnicodeDecodeError as error:
        bad = error.start
    other = _row_with_utf8(raw)
    if other is None and legacy is not None:
        return raw.decode(legacy).encode()
    row = raw.count(b"\n", 0, bad) + 1
    where = f"{path}: row {row}"
    if separator:
        where += f", column '{_column(raw, bad, separator, names)}'"
    where += f": byte 0x{raw[bad]:02x} is not UTF-8"
    if other is None:
        raise DataError(f"{where}; convert the file, for instance: iconv -f latin1 -t utf-8")
    raise DataError(
        f"{where} but row {other} is: the file mixes encodings; convert the parts before joining "
        "them"
    )


def _column(raw: bytes, at: int, separator: str, names: Sequence[str] | None) -> str:
    """The column that the byte at a position belongs to."""
    before = raw[raw.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace")
    if names is None:
        header = raw.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r\ufeff")
        names = [name.strip('"') for name in header.split(separator)]
    if len(separator) == 1 and before:
        number = len(next(csv.reader([before], delimiter=separator))) - 1
    else:
        number = before.count(separator)
    return names[min(number, len(names) - 1)]


def _row_with_utf8(raw: bytes) -> int | None:
    """The first row that is UTF-8 beyond ASCII."""
    for row, line in enumerate(raw.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            return row
        except UnicodeDecodeError:
            continue
    return None
