"""Several data sets as one: the domains of a multi-domain training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from palate.data.cases import Cases, Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError


def joined(splits: Mapping[str, Split]) -> Split:
    """One split over one catalogue: the items of the first domain, then those of the second, …

    Ids of items and users are written ``domain:id``, so that the same id in two domains stays two;
    the catalogue's column ``domain`` names each item's. Other columns are text, and empty in
    domains that lack them. Histories keep to their domain.

    Args:
        splits: the split of each domain, by its name.

    Raises:
        ConfigError: there is no domain.
    """
    if not splits:
        raise ConfigError("no domain to learn from; name at least one data set")
    sizes = [split.n_items for split in splits.values()]
    shifts = dict(zip(splits, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    def cases(part: str) -> Cases:
        return _joined_cases({d: getattr(s, part) for d, s in splits.items()}, shifts)

    return Split(
        catalogue=_joined_catalogue({d: s.catalogue for d, s in splits.items()}),
        train=cases("train"),
        validation=cases("validation"),
        test=cases("test"),
        name=" + ".join(f"{domain} ({split.name})" for domain, split in splits.items()),
        notes=tuple(f"{d}: {note}" for d, split in splits.items() for note in split.notes),
    )


def _joined_catalogue(catalogues: Mapping[str, Catalogue]) -> Catalogue:
    frames = []
    for domain, catalogue in catalogues.items():
        frame = catalogue.frame.select(
            pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(", ")
            if isinstance(kind, pl.List)
            else pl.col(name).cast(pl.String)
            for name, kind in catalogue.frame.schema.items()
            if name != "domain"
        )
        frames.append(
            frame.with_columns(
                pl.concat_str(pl.lit(f"{domain}:"), "item").alias("item"),
                pl.lit(domain).alias("domain"),
            )
        )
    return Catalogue(pl.concat(frames, how="diagonal"))


def _joined_cases(parts: Mapping[str, Cases], shifts: Mapping[str, int]) -> Cases:
    lengths = np.concatenate([part.histories.lengths for part in parts.values()])
    users: Sequence[str] = [f"{d}:{user}" for d, part in parts.items() for user in _users(part)]
    histories = Histories(
        np.concatenate([part.histories.items + shifts[d] for d, part in parts.items()]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        list(users),
    )
    targets = np.concatenate([part.targets + shifts[d] for d, part in parts.items()])
    return Cases(histories, targets)


def _users(part: Cases) -> Sequence[str]:
    return part.histories.users or [str(row) for row in range(len(part))]
