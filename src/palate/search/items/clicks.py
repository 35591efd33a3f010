"""What people sought and found as events that recommenders learn from."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from palate.search.logs.log import SATISFIED, Entry

SCHEMA = {"user": pl.String, "item": pl.String, "time": pl.Int64}


def training_events(
    log: Iterable[Entry], items: Collection[str] | None = None, dwell: float = SATISFIED
) -> pl.DataFrame:
    """``user, item, time`` of the clicks after which somebody stayed, in the order of time.

    An item that somebody sought again counts once, when it was found first. Clicks without a stay
    are left out: most are accidents of the list that was shown.

    Args:
        items: ids of the catalogue; clicks on anything else are left out. None takes all.
        dwell: seconds of a stay, at least.
    """
    rows = [
        (one.user, click.document, int(one.time))
        for one in log
        for click in one.satisfied(dwell)
        if items is None or click.document in items
    ]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return frame.sort("time", maintain_order=True).unique(["user", "item"], keep="first",
                                                          maintain_order=True)  # fmt: skip
