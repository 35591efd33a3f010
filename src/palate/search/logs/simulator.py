"""Logs of people who do not exist, with rewrites planted in them: what mining can be tested on.

Each person has a need, of which the right wording and its relevant documents are known. Some ask
it right at once. Some ask it badly first (a word misspelt, a telling word left out, or a vague one
in its place), are shown what a retriever finds for that, click as a dynamic Bayesian network has
them (:mod:`palate.search.judging.clicks`), and ask again. Sessions are noisy: people change the
subject, repeat themselves, click by accident. What was planted is told beside the log. Nothing in
it says anything of real people's behaviour; it is there to test what mines logs, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from palate.config import Config
from palate.errors import DataError
from palate.search.judging.clicks import DynamicBayesian, Shown
from palate.search.logs.log import SATISFIED, Click, Entry
from palate.search.results import Query, Retriever

START = 1_700_000_000.0  # the first session's time
VAGUE = ["thing", "things", "stuff", "info", "information", "about", "help"]


class SimulatorConfig(Config):
    """Settings of a simulated log."""

    sessions: int = Field(2000, ge=1)
    """Sessions in all."""
    users: int = Field(200, ge=1)
    """Different people."""
    wordings: int = Field(3, ge=1)
    """Bad wordings of each need."""
    bad: float = Field(0.6, ge=0, le=1)
    """Share of sessions that begin with a bad wording."""
    wander: float = Field(0.2, ge=0, le=1)
    """Share of sessions in which the subject is changed without a click before."""
    relevant: float = Field(0.85, gt=0, lt=1)
    """Chance that a relevant snippet is clicked when looked at."""
    accident: float = Field(0.03, gt=0, lt=1)
    """Chance that another one is."""
    pleases: float = Field(0.8, gt=0, lt=1)
    """Chance that a relevant document satisfies who clicked it."""
    goes_on: float = Field(0.9, gt=0, lt=1)
    """Chance that who is not satisfied looks at the next rank."""
    shown: int = Field(10, ge=1)
    """Results of a list."""


@dataclass(frozen=True)
class Simulated:
    """A log, and what is in it.

    Attributes:
        planted: pairs of a bad wording and the right one.
    """

    log: tuple[Entry, ...]
    planted: frozenset[tuple[str, str]]


class KnownUsers(DynamicBayesian):
    """The click model with its parameters given: liked and pleasing where relevant.

    Args:
        relevant: documents by query text.
    """

    def __init__(self, config: SimulatorConfig, relevant: Mapping[str, set[str]]) -> None:
        super().__init__()
        pairs = [(query, document) for query, several in relevant.items() for document in several]
        self._pairs = {pair: place for place, pair in enumerate(sorted(pairs))}
        known = len(self._pairs)
        self._likes = np.array([config.relevant] * known + [config.accident])
        self._pleases = np.array([config.pleases] * known + [0.02])
        self.goes_on = config.goes_on

    def pleases(self, query: str, document: str) -> float:
        """Chance that a clicked document satisfies."""
        place = self._pairs.get((query, document), len(self._pairs))
        return float(self._pleases[place])


def worse(text: str, random: np.random.Generator) -> str:
    """A bad wording of a query: a longer word misspelt, left out, or replaced by a vague one."""
    words = text.split()
    places = [place for place, word in enumerate(words) if len(word) >= 5]
    if not places or len(words) < 3:
        return ""
    weights = np.array([len(words[place]) for place in places], dtype=float)
    place = int(random.choice(places, p=weights / weights.sum()))
    how = int(random.integers(3))
    if how == 0:
        at = int(random.integers(1, len(words[place]) - 2))
        word = words[place]
        changed = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return " ".join([*words[:place], changed, *words[place + 1 :]]) if changed != word else ""
    rest = [*words[:place], *words[place + 1 :]]
    if how == 1 and len(rest) >= 2:
        return " ".join(rest)
    return " ".join([*rest, VAGUE[int(random.integers(len(VAGUE)))]])


def simulate(
    needs: Sequence[Query],
    relevant: Mapping[str, set[str]],
    retriever: Retriever,
    config: SimulatorConfig | None = None,
    seed: int = 0,
) -> Simulated:
    """A log of people with these needs.

    Args:
        needs: the right wordings.
        relevant: documents by the id of the need.
        retriever: finds what is shown. A need is left out of which it finds nothing relevant.

    Raises:
        DataError: no need is left.
    """
    config = config or SimulatorConfig()
    random = np.random.default_rng(seed)
    wordings = [_wordings(need.text, config.wordings, random) for need in needs]
    texts = dict.fromkeys(text for some in wordings for text in some)
    found = retriever.retrieve([Query(text, text) for text in texts], config.shown)
    lists = {text: tuple(one.documents) for text, one in zip(texts, found, strict=True)}
    # A person's need is what documents are relevant to, however it is worded.
    by_text: dict[str, set[str]] = {}
    usable: list[int] = []
    for place, (need, some) in enumerate(zip(needs, wordings, strict=True)):
        for text in some:
            by_text.setdefault(text, set()).update(relevant.get(need.id, set()))
        if relevant.get(need.id, set()).intersection(lists[some[0]]):
            usable.append(place)
    if not usable:
        raise DataError("a simulated log needs queries of which something relevant is found")
    users = KnownUsers(config, by_text)
    log: list[Entry] = []
    popular = 1 / np.arange(1, len(usable) + 1)  # as queries are: some far more than others
    for number in range(config.sessions):
        place = usable[int(random.choice(len(usable), p=popular / popular.sum()))]
        asked = list(_asked(place, usable, wordings, config, random))
        user = f"user-{int(random.integers(config.users))}"
        time = START + 600.0 * number
        for text in asked:
            log.append(_entry(f"session-{number}", user, time, text, lists[text], users, random))
            time += float(random.uniform(10, 300))
    pairs = {(bad, some[0]) for some in wordings for bad in some[1:]}
    return Simulated(tuple(log), frozenset(pairs))


def _wordings(text: str, count: int, random: np.random.Generator) -> list[str]:
    """The right wording in lower case, then bad ones."""
    right = " ".join(text.lower().split())
    bad = [worse(right, random) for _ in range(count)]
    return list(dict.fromkeys([right, *(one for one in bad if one)]))


def _asked(
    place: int,
    usable: Sequence[int],
    wordings: Sequence[Sequence[str]],
    config: SimulatorConfig,
    random: np.random.Generator,
) -> list[str]:
    """The queries of a session."""
    right, *bad = wordings[place]
    asked = []
    if bad and random.random() < config.bad:
        asked.append(bad[int(random.integers(len(bad)))])
    asked.append(right)
    if random.random() < config.wander:  # something else, asked badly, comes first
        other, *others = wordings[usable[int(random.integers(len(usable)))]]
        asked.insert(0, others[0] if others else other)
    if random.random() < 0.05:
        asked.append(right)
    return asked


def _entry(
    session: str,
    user: str,
    time: float,
    text: str,
    ranking: tuple[str, ...],
    users: KnownUsers,
    random: np.random.Generator,
) -> Entry:
    if not ranking:
        return Entry(session, user, time, text)
    shown = Shown(text, ranking, (False,) * len(ranking))
    (seen,) = users.sample([shown], seed=int(random.integers(2**31)))
    clicked = [place for place, one in enumerate(seen.clicks) if one]
    clicks = []
    for place in clicked:
        # Who clicks again was not satisfied before.
        last = place == clicked[-1]
        happy = last and random.random() < users.pleases(text, ranking[place])
        dwell = SATISFIED + random.exponential(60) if happy else random.uniform(1, SATISFIED - 1)
        clicks.append(Click(ranking[place], place + 1, math.floor(10 * dwell) / 10))
    return Entry(session, user, time, text, ranking, tuple(clicks))
