"""Which medications interact: pairs of ATC classes, out of the two forms that are in use.

* a table ``atc_i, atc_j``, one pair a row;
* side effects of pairs of compounds in the form of TWOSIDES (``STITCH 1, STITCH 2, Polypharmacy
  Side Effect, Side Effect Name``) with a list from compound to ATC beside it (``CID, code, code …``
  without a header). Of the side effects the rarest are taken, 40 as in SafeDrug's code.

Codes match by their beginning, so that pairs of level 3 serve a vocabulary of level 4 and the other
way round.

Legend: V medications.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from palate.data.cases import Flags
from palate.data.hospital.tables import Table, beside, scan, separator_by_name
from palate.data.readers.text import read_bytes
from palate.errors import DataError

RAREST = 40  # side effects
PAIRS, TWOSIDES = ("ddi_pairs", "ddi-pairs", "interactions"), ("drug-ddi.csv", "twosides.csv")
COMPOUNDS = ("stitch_cid_to_atc.csv", "drug-atc.csv")
NONE = "no file of interactions was given, so none are known"


def find_interactions(folder: Path) -> Path | None:
    """The file of interactions in a folder.

    Raises:
        DataError: there are several.
    """
    files = beside(folder)
    named = [path for name, path in files.items() if name.startswith(PAIRS) and ".tsv" in name]
    found = named or [files[name] for name in TWOSIDES if name in files]
    if len(found) > 1:
        raise DataError(
            f"{folder}: several files of interactions {[p.name for p in found]}; choose one with "
            "--drug-interactions"
        )
    return found[0] if found else None


def read_pairs(path: Path) -> pl.DataFrame:
    """``i, j``: pairs of ATC codes out of a file of either form.

    Raises:
        DataError: the file is missing or of neither form.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of interactions")
    return pairs(scan(path, separator_by_name(path)))


def pairs(table: Table) -> pl.DataFrame:
    """``i, j``: pairs of ATC codes out of a table of either form."""
    if table.optional("stitch 1") is not None:
        return _from_side_effects(table)
    one, other = table.column("atc_i", "atc_1"), table.column("atc_j", "atc_2")
    return table.collect(table.frame.select(pl.col(one).alias("i"), pl.col(other).alias("j")))


def _from_side_effects(table: Table) -> pl.DataFrame:
    effect = table.column("polypharmacy side effect", "side effect name")
    rows = table.collect(
        table.frame.select(
            pl.col("stitch 1").alias("one"),
            pl.col(table.column("stitch 2")).alias("other"),
            pl.col(effect).alias("effect"),
        )
    )
    counts = rows["effect"].value_counts().sort(["count", "effect"])
    rarest = rows.filter(pl.col("effect").is_in(counts["effect"].head(RAREST).implode()))
    codes = _compounds(table.path.parent)
    first, second = codes.rename({"atc": "i"}), codes.rename({"atc": "j"})
    joined = rarest.join(first, left_on="one", right_on="cid").join(
        second, left_on="other", right_on="cid"
    )
    return joined.select("i", "j").unique(maintain_order=True)


def _compounds(folder: Path) -> pl.DataFrame:
    files = beside(folder)
    path = next((files[name] for name in COMPOUNDS if name in files), None)
    if path is None:
        raise DataError(
            f"{folder}: side effects are of compounds; put stitch_cid_to_atc.csv (CID, ATC codes) "
            "beside them"
        )
    lines = [line.split(",") for line in read_bytes(path).decode("utf-8", "replace").splitlines()]
    rows = [(cells[0].strip(), code.strip()) for cells in lines for code in cells[1:]]
    return pl.DataFrame(rows, schema=["cid", "atc"], orient="row").filter(pl.col("atc") != "")


def interaction_matrix(known: pl.DataFrame | None, keys: Sequence[str]) -> Flags:
    """[V, V] True where two medications interact; symmetric, nothing on the diagonal.

    Args:
        known: ``i, j``; None where nothing is known.
        keys: [V] ``ATC:A02B`` …; what is not of ATC interacts with nothing that is known.
    """
    matrix = np.zeros((len(keys), len(keys)), dtype=bool)
    if known is None:
        return matrix
    known = known.drop_nulls().filter(pl.all_horizontal(pl.col("i", "j").str.strip_chars() != ""))
    codes = [key.removeprefix("ATC:") if key.startswith("ATC:") else "" for key in keys]
    matches: dict[str, list[int]] = {}
    for code in pl.concat([known["i"], known["j"].alias("i")]).unique():
        plain = code.strip().upper()
        matches[code] = [
            n for n, c in enumerate(codes) if c and (c.startswith(plain) or plain.startswith(c))
        ]
    for one, other in known.iter_rows():
        matrix[np.ix_(matches[one], matches[other])] = True
    matrix |= matrix.T
    np.fill_diagonal(matrix, False)
    return matrix
