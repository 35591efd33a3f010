"""Text files, plain or gzipped: fast when all is well, exact about what is wrong when it is not."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from palate.data.readers.encoding import utf8
from palate.errors import DataError

UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzipped.

    Raises:
        DataError: the file is absent, empty, UTF-16, or a gzip that is broken.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(
                f"{path}: the gzip breaks off or is damaged ({error}); download it again"
            ) from None
    if raw[:2] in UTF16:
        raise DataError(f"{path}: row 1: the file is UTF-16; save it as UTF-8")
    if not raw.strip():
        raise DataError(f"{path}: the file is empty; check the export or the download")
    return raw


def first_line(raw: bytes) -> str:
    """The first line, without byte order mark and line end."""
    line = raw[: raw.find(b"\n")] if b"\n" in raw else raw
    return line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r").decode("utf-8", "replace")


def head(path: Path, size: int = 65536) -> bytes:
    """The first bytes of a file, unpacked; as many as can be read of a broken gzip."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                file.seek(0)
                return file.read(size)
        with gzip.open(path) as unpacked:
            return unpacked.read(size)
    except (OSError, EOFError, zlib.error):
        return b""


def table(
    raw: bytes,
    path: Path,
    separator: str,
    names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    quoted: bool = True,
) -> pl.DataFrame:
    """A delimited text as a table of strings.

    Args:
        names: of the columns, for a file without a header.
        columns: the ones to read; all if None.
        quoted: whether double quotes enclose values.

    Raises:
        DataError: no rows, a row with too many columns, a quote that never closes, not UTF-8.
    """
    try:
        frame = pl.read_csv(
            io.BytesIO(raw),
            separator=separator,
            has_header=names is None,
            new_columns=list(names) if names is not None else None,
            columns=list(columns) if columns is not None else None,
            infer_schema=False,
            quote_char='"' if quoted else None,
        )
    except PolarsError as error:
        utf8(raw, path, separator, names)
        raise DataError(_why(raw, path, separator, quoted, str(error))) from None
    if frame.is_empty():
        raise DataError(f"{path}: row 1 is the header and no row follows; the file holds no data")
    return frame


def has_quotes(raw: bytes) -> bool:
    """Whether double quotes enclose values of a tab-separated text.

    Few TSV files quote, and titles hold quotes of their own (``7" single``, ``"Weird Al"``). A
    file quotes if all its quotes open a value, end one, or stand doubled inside one.
    """
    opening = len(re.findall(rb'(?:^|[\t\n])"', raw))
    ending = len(re.findall(rb'"(?=\t|\r?\n|\Z)', raw))
    return 0 < opening == ending and raw.replace(b'""', b"").count(b'"') == opening + ending


def _why(raw: bytes, path: Path, separator: str, quoted: bool, reason: str) -> str:
    """The row that a table could not be read at."""
    wide = first_line(raw).count(separator)
    opened, open_now = 0, False
    for row, line in enumerate(raw.split(b"\n"), start=1):
        cells = line.decode("utf-8", "replace")
        if quoted and cells.count('"') % 2:
            open_now = not open_now
            opened = row if open_now else opened
        elif '"' not in cells and not open_now and cells.count(separator) > wide:
            return (
                f"{path}: row {row}: {cells.count(separator) + 1} columns where row 1 has "
                f"{wide + 1}; put the value that holds {separator!r} in double quotes"
            )
    if open_now:
        return (
            f'{path}: row {opened}: a double quote opens and does not close; double it ("") '
            "inside a value, or remove it"
        )
    return f"{path}: {reason.splitlines()[0]}"
