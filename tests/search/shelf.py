"""A shelf of short documents, and a search over them that needs no index on disk."""

from __future__ import annotations

from collections.abc import Sequence

from palate.search.results import Hit, Query, Results
from palate.search.statistics import CollectionStatistics, plain_words

SHELF = {
    "tea": ("Green tea", "Green tea is brewed from leaves that are not oxidised. Water of 80 "
            "degrees keeps it from turning bitter."),
    "coffee": ("Espresso", "Espresso is coffee that is brewed by forcing hot water under pressure "
               "through finely ground beans."),
    "bread": ("Sourdough bread", "Sourdough bread rises with wild yeast and bacteria. The dough "
              "ferments for a day before it is baked."),
    "mars": ("Mars rover", "A rover on Mars drives over the red planet's dust and drills into "
             "rocks to look for traces of water."),
    "moon": ("Phases of the moon", "The moon shows phases because the sun lights one half of it, "
             "and we see a part of that half."),
    "bees": ("Honey bees", "Honey bees dance to tell the hive where flowers are. A dance points "
             "the way by its angle to the sun."),
    "piano": ("Tuning a piano", "A piano is tuned by turning pins until the strings of each note "
              "sound together. Pianos drift with humidity."),
    "knots": ("Bowline knot", "The bowline knot makes a loop that does not slip. Sailors tie it to "
              "hold a boat at a pier."),
}  # fmt: skip


class Shelf:
    """The documents, and BM25 over them, one by one."""

    name = "shelf"

    def __init__(self) -> None:
        self.statistics = CollectionStatistics.of(
            (f"{title} {text}" for title, text in SHELF.values()), plain_words
        )

    def text(self, document: str) -> str:
        return SHELF[document][1]

    def title(self, document: str) -> str:
        return SHELF[document][0]

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        return [self._one(query, k) for query in queries]

    def _one(self, query: Query, k: int) -> Results:
        scores = {
            name: self.statistics.bm25(query.text, f"{title} {text}")
            for name, (title, text) in SHELF.items()
        }
        ranked = Results.ranked(query, [Hit(d, s) for d, s in scores.items() if s > 0], k)
        return ranked.reordered(range(len(ranked)), self.name)
