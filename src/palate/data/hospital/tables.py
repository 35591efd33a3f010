"""The tables of a hospital's folder: where they are, and how one is read.

MIMIC-III and MIMIC-IV, the demos or all of it: CSV or gzipped CSV, headers and file names in any
case, below ``hosp/`` or not. Tables are scanned: only the columns that are asked for are ever held.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from palate.data.readers.delimited import separator_of
from palate.data.readers.paths import strip_gz
from palate.data.readers.text import first_line, head, read_bytes, table
from palate.errors import DataError

NEEDED = ("admissions", "diagnoses_icd", "procedures_icd", "prescriptions")
TITLES = ("d_icd_diagnoses", "d_icd_procedures")
PICKLES = (".pkl", ".pickle", ".dill", ".joblib")
SYNTHETIC = "synthetic"  # in place of a folder: synthetic, synthetic:N or synthetic:N:SEED
RELEASED = ("records_final.pkl", "data_final.pkl", "voc_final.pkl")  # of GAMENet, SafeDrug, LEADER
MARKER = "SYNTHETIC"  # a folder that holds it has no real patient


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        path: what errors call it.
        names: of its columns, lower case.
        frame: all columns text, with those names.
        separator: between its columns, where it is a file.
    """

    path: Path
    names: Sequence[str]
    frame: pl.LazyFrame
    separator: str = ","

    @classmethod
    def of(cls, name: str, frame: pl.DataFrame) -> Table:
        """A table that is in memory."""
        return cls(Path(name), frame.columns, frame.lazy())

    def column(self, *names: str) -> str:
        """The first of *names* that the table has.

        Raises:
            DataError: it has none of them.
        """
        found = self.optional(*names)
        if found is not None:
            return found
        near = difflib.get_close_matches(names[0], self.names, n=2, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; it has {list(self.names)}"
        raise DataError(f"{self.path}: row 1: no column '{names[0]}'{hint}")

    def optional(self, *names: str) -> str | None:
        """The first of *names* that the table has, or None."""
        return next((name for name in names if name in self.names), None)

    def collect(self, query: pl.LazyFrame) -> pl.DataFrame:
        """The result of a query on :attr:`frame`.

        Raises:
            DataError: the file cannot be read; names the row where that can be told.
        """
        try:
            if self.path.is_file() and self._has_wide_row():
                table(read_bytes(self.path), self.path, self.separator)
            return query.collect(engine="streaming")
        except PolarsError:
            if self.path.is_file():
                table(read_bytes(self.path), self.path, self.separator)  # slow, but says where
            raise DataError(
                f"{self.path}: a row cannot be read as CSV; export the table again"
            ) from None

    def _has_wide_row(self) -> bool:
        """Whether some line seems to have more columns than the first.

        Polars says so only of tables that are read whole, and shifts the columns of others.
        """
        lines = pl.scan_csv(
            self.path,
            separator="\x01",
            quote_char=None,
            has_header=False,
            infer_schema=False,
            new_columns=["line"],
        ).select(pl.col("line").fill_null(""))
        plain = ~pl.col("line").str.contains('"', literal=True)
        wide = pl.col("line").str.count_matches(self.separator, literal=True) >= len(self.names)
        found = lines.filter(plain & wide).head(1).collect(engine="streaming")
        return not found.is_empty()


@dataclass(frozen=True)
class Tables:
    """The tables of one hospital by lower-case name without ending."""

    place: Path
    tables: Mapping[str, Table]

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def get(self, name: str) -> Table | None:
        return self.tables.get(name)


def is_hospital_data(data: str) -> bool:
    """Whether *data* means a hospital: a synthetic one, or a folder that holds two or more of the
    tables, enough to say what is missing."""
    path = Path(data).expanduser()
    if data.partition(":")[0] == SYNTHETIC and not path.exists():
        return True
    if path.is_dir():
        pickles = any((path / name).is_file() for name in RELEASED)
        return pickles or len(set(_files(path)) & set(NEEDED)) >= 2
    return path.name in RELEASED


def find_tables(folder: Path) -> Tables:
    """The tables of a folder.

    Raises:
        DataError: no such folder, a pickle, a table that is missing or not comma-separated.
    """
    if folder.suffix.lower() in PICKLES:
        raise DataError(
            f"{folder}: a pickle can run code when it is opened, and is never loaded; give the "
            "folder with the tables of MIMIC as CSV"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = _files(folder)
    missing = [name for name in NEEDED if name not in files]
    if missing:
        pickles = [p.name for p in sorted(folder.iterdir()) if p.suffix.lower() in PICKLES]
        more = f"; {pickles[0]} is a pickle, and is never loaded" if pickles else ""
        raise DataError(
            f"{folder}: no {', '.join(f'{name}.csv[.gz]' for name in missing)} there or in hosp/; "
            f"needed are {', '.join(NEEDED)}{more}"
        )
    return Tables(folder, {name: scan(files[name]) for name in (*NEEDED, *TITLES) if name in files})


def _files(folder: Path) -> dict[str, Path]:
    """Each table's file; of several, a plain one before a gzipped one, ``hosp/`` first."""
    found: dict[str, Path] = {}
    for place in (folder / "hosp", folder):
        paths = place.iterdir() if place.is_dir() else []
        for path in sorted(paths, key=lambda p: (p.suffix.lower() == ".gz", p.name)):
            plain = strip_gz(path.with_suffix(path.suffix.lower()))
            if plain.suffix.lower() == ".csv" and path.is_file():
                found.setdefault(plain.stem.lower(), path)
    return found


def beside(folder: Path) -> dict[str, Path]:
    """Files of a folder and of ``hosp/`` in it, by lower-case name."""
    places = [place for place in (folder / "hosp", folder) if place.is_dir()]
    return {p.name.lower(): p for place in places for p in sorted(place.iterdir()) if p.is_file()}


def separator_by_name(path: Path) -> str:
    """The separator that a file's name tells: a tab for ``.tsv``, else a comma."""
    return "\t" if ".tsv" in path.name.lower() else ","


def scan(path: Path, separator: str = ",") -> Table:
    """A file as a table whose rows are not read yet.

    Raises:
        DataError: the file is empty, UTF-16 or damaged, or has another separator.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    line = first_line(head(path))
    if not line.strip() or "\x00" in line:
        read_bytes(path)  # says what is wrong with it
    if separator not in line and separator_of(line) in line:
        there = separator_of(line)
        raise DataError(
            f"{path}: row 1: its columns are separated by {there!r}, not by {separator!r}; export "
            "it again with the separator of the original"
        )
    quote = None if separator == "\t" else '"'
    names = [name.strip().strip('"').lower() for name in line.split(separator)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: row 1: two columns are called '{twice}'; rename one")
    frame = pl.scan_csv(
        path,
        separator=separator,
        infer_schema=False,
        quote_char=quote,
        with_column_names=lambda _: names,
    )
    return Table(path, names, frame, separator)
