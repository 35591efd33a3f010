"""Which of a drug's ATC classes fit the route it was given by.

ATC has classes of their own for what acts where it is put: on the eye, the skin, in the nose, the
gut. They fit where the route says so; else a drug's other classes do.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# Beginnings of ATC codes of local use, and routes as MIMIC writes them.
LOCAL = {
    r"^S0": r"EYE|EAR|OPHT|OTIC|^(OU|OS|OD|AU|AS|AD)$",
    r"^(D|M02|C05)": r"TOPIC|DERM|^(TP|TD)$",
    r"^R01": r"NASAL|^(NU|NAS|IN)$",
    r"^G0[12]": r"VAGIN|^(VG|VAG)$",
    r"^A01": r"DENT|MUCOUS|SWISH|^ORAL RINSE$",
    r"^A07A": r"TUBE|^(PO|NG|PR|PO/NG|NG/PO|ORAL)$",
}


def fits_route(pairs: pl.DataFrame, case: Sequence[str]) -> pl.DataFrame:
    """Of each case the classes that fit best: local ones of its route, else those of no place,
    else all.

    Args:
        pairs: ``atc``, ``route`` and the columns of *case*; one row for each class of a case.
    """
    local = pl.any_horizontal(pl.col("atc").str.contains(codes) for codes in LOCAL)
    there = pl.any_horizontal(
        pl.col("atc").str.contains(codes) & pl.col("route").str.contains(routes)
        for codes, routes in LOCAL.items()
    )
    fit = pl.when(there).then(2).when(~local).then(1).otherwise(0)
    return pairs.filter(fit == fit.max().over(case))
