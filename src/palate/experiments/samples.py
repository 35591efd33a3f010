"""Sample users: what they had, what they took next, and what every method recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from palate.experiments.run import Run

SHARES = (0.1, 0.5, 0.9)  # of all test users by activity: one who did little, some, much
LENGTH = 10


@dataclass(frozen=True)
class Listed:
    """A recommended item."""

    title: str
    score: float
    hit: bool
    """True for the item that the user took next."""


@dataclass(frozen=True)
class Sample:
    """One test user.

    Attributes:
        user: the user's id.
        events: how many events the history has.
        recent: titles of the newest of them, oldest first.
        target: title of the item that came next, hidden from the methods.
        lists: for each label the top of its list.
        ranks: for each label the rank of the target, 1 is best.
    """

    user: str
    events: int
    recent: list[str]
    target: str
    lists: dict[str, list[Listed]]
    ranks: dict[str, int]


def sample_users(
    runs: Mapping[str, Run], users: Sequence[str] | None = None, k: int = LENGTH
) -> list[Sample]:
    """Three test users with the lists they got; never picked for how good the lists look.

    Args:
        runs: one run per label, all on the same split.
        users: ids to show; by default those at one, five and nine tenths of activity.
    """
    if not runs:
        return []
    first = next(iter(runs.values()))
    catalogue = first.catalogue()
    titles = dict(zip(catalogue.items, catalogue.titles, strict=True))
    cases = first.cases()
    if users is None:
        ordered = cases.sort("events", "user")["user"]
        wanted = [ordered[int(share * (len(ordered) - 1))] for share in SHARES]
    else:
        wanted = list(users)
    wanted = list(dict.fromkeys(wanted))
    tops = {label: _of_users(run.predictions(), wanted) for label, run in runs.items()}
    ranks = {label: _of_users(run.cases(), wanted) for label, run in runs.items()}
    samples = []
    for user in wanted:
        case = cases.row(by_predicate=pl.col("user") == user, named=True)
        samples.append(
            Sample(
                user,
                case["events"],
                [titles[item] for item in case["recent"]],
                titles[case["target"]],
                {
                    label: _listed(top, user, case["target"], titles, k)
                    for label, top in tops.items()
                },
                {label: int(one.filter(user=user)["rank"][0]) for label, one in ranks.items()},
            )
        )
    return samples


def _of_users(frame: pl.DataFrame, users: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col("user").is_in(list(users)))


def _listed(
    top: pl.DataFrame, user: str, target: str, titles: Mapping[str, str], k: int
) -> list[Listed]:
    rows = top.filter((pl.col("user") == user) & (pl.col("rank") <= k)).sort("rank")
    return [
        Listed(titles[item], score, item == target)
        for item, score in rows.select("item", "score").iter_rows()
    ]
