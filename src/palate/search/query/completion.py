"""What a query that is being typed may become: popular ones first, and ones never asked before."""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from palate.config import Config
from palate.language.questions import ChatModel, Continue, Write
from palate.search.asking import Steps, ask, run
from palate.search.query.rewriters import shown
from palate.search.query.written import lines
from palate.search.statistics import plain_words

DAY = 86_400.0
COMPLETED = (
    ("how to b", "how to boil an egg\nhow to build a shed\nhow to brew coffee"),
    ("weather in ", "weather in london\nweather in may\nweather in the alps"),
)


class CompletionConfig(Config):
    """Settings of completion."""

    half_life: float = Field(30.0, gt=0)
    """Days after which a query that was asked counts half."""
    proposals: int = Field(5, ge=0)
    """Completions that a language model, if there is one, is asked to propose."""
    considered: int = Field(20, ge=1)
    """Popular completions that a language model re-scores."""


@dataclass
class _Node:
    """Attributes: best: log2 of the largest weight at or below it."""

    children: dict[str, _Node] = field(default_factory=dict)
    weight: float = -math.inf
    best: float = -math.inf
    count: int = 0


class PrefixTrie:
    """Queries that were asked, letter by letter, with weights that fade.

    A query asked at time t weighs ``2 ** (t / half life)``: all weights fade at one rate, so their
    order never changes by waiting, and nothing has to be counted anew.
    """

    def __init__(self, half_life: float = 30 * DAY) -> None:
        """
        Args:
            half_life: seconds.
        """
        self._root, self._half_life = _Node(), half_life
        self.newest = -math.inf

    def add(self, text: str, time: float = 0.0, count: int = 1) -> None:
        """A query was asked at a time (in seconds), so many times."""
        self.newest = max(self.newest, time)
        node, path = self._root, [self._root]
        for character in text:
            node = node.children.setdefault(character, _Node())
            path.append(node)
        new = time / self._half_life + math.log2(count)
        node.weight = float(add_logs(node.weight, new))
        node.count += count
        for one in path:
            one.best = max(one.best, node.weight)

    def count(self, text: str) -> int:
        """How often a query was asked, whenever."""
        node = self._find(text)
        return 0 if node is None else node.count

    def weight(self, text: str) -> float:
        """How often it was asked, faded to the time of the newest query."""
        node = self._find(text)
        return 0.0 if node is None else 2 ** (node.weight - self.newest / self._half_life)

    def top(self, prefix: str, k: int) -> list[str]:
        """The *k* heaviest queries that begin with *prefix*; ties in the order of the alphabet."""
        start = self._find(prefix)
        if start is None:
            return []
        found: list[str] = []
        queue: list[tuple[float, str, bool, _Node]] = [(-start.best, prefix, False, start)]
        while queue and len(found) < k:
            _, text, whole, node = heapq.heappop(queue)
            if whole:
                found.append(text)
                continue
            if node.weight > -math.inf:
                heapq.heappush(queue, (-node.weight, text, True, node))
            for character, child in node.children.items():
                heapq.heappush(queue, (-child.best, text + character, False, child))
        return found

    def _find(self, prefix: str) -> _Node | None:
        node: _Node | None = self._root
        for character in prefix:
            node = node.children.get(character) if node else None
        return node


def add_logs(a: float, b: float) -> float:
    """log2(2 ** a + 2 ** b)"""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log2(1 + 2 ** (low - high))


class Completer:
    """Most popular completion, with a language model for what nobody asked before.

    What begins with the prefix comes from the log; where too little does, ends of queries that
    begin with its last words are put in their place (Mitra and Craswell, CIKM 2015), and a
    language model proposes more. All are then ordered by ``log p(rest | prefix) + log(1 +
    count)``; without a model, by count. Nothing that has a word outside *known* is shown.
    """

    def __init__(
        self,
        log: Iterable[tuple[str, float]],
        config: CompletionConfig | None = None,
        model: ChatModel | None = None,
        known: Collection[str] | None = None,
    ) -> None:
        """
        Args:
            log: queries and when they were asked, in seconds.
            model: re-scores, and proposes.
            known: words that may be shown; None is any.
        """
        self.config, self.model, self._known = config or CompletionConfig(), model, known
        half_life = self.config.half_life * DAY
        self._queries, self._ends = PrefixTrie(half_life), PrefixTrie(half_life)
        for text, time in log:
            query = normal(text)
            if not query:
                continue
            self._queries.add(query, time)
            words = query.split(" ")
            for start in range(1, len(words)):
                self._ends.add(" ".join(words[start:]), time)

    def complete(self, prefix: str, k: int = 10) -> list[str]:
        """At most *k* whole queries, the best first."""
        return self.complete_all([prefix], k)[0]

    def complete_all(self, prefixes: Sequence[str], k: int = 10) -> list[list[str]]:
        """The same for several prefixes at once."""
        wanted = [normal(one, end=True) for one in prefixes]
        if self.model is None:
            return [self._popular(one, k) for one in wanted]
        spent = run(self.model, [self._scored(one, k) for one in wanted])
        return [one.found for one in spent]

    def _popular(self, prefix: str, k: int) -> list[str]:
        """From the log: whole queries, then ends put after the prefix's first words."""
        found = self._queries.top(prefix, 4 * k)
        words = prefix.split(" ")
        for start in range(1, len(words)):
            if len(found) >= k:
                break
            head, tail = " ".join(words[:start]), " ".join(words[start:])
            if tail:
                found += [f"{head} {end}" for end in self._ends.top(tail, k)]
        return [one for one in dict.fromkeys(found) if self._safe(one, prefix)][:k]

    def _scored(self, prefix: str, k: int) -> Steps[list[str]]:
        found = self._popular(prefix, self.config.considered)
        if self.config.proposals:
            (reply,) = yield from ask([completion_question(prefix, self.config.proposals)])
            for line in lines(reply.text):
                line = normal(line)
                if line.startswith(prefix) and line != prefix and self._safe(line, prefix):
                    found.append(line)
        found = list(dict.fromkeys(found))
        if not found:
            return []
        rests = [one[len(prefix) :] for one in found]
        asked = [Continue(f"Search query: {prefix}", rest) for rest in rests if rest.strip()]
        replies = iter((yield from ask(asked)) if asked else [])
        scores = []
        for one, rest in zip(found, rests, strict=True):
            told = next(replies).log_probs[0] if rest.strip() else 0.0
            scores.append(told + math.log1p(self._queries.weight(one)))
        order = sorted(range(len(found)), key=lambda i: -scores[i])
        return [found[i] for i in order[:k]]

    def _safe(self, text: str, prefix: str) -> bool:
        """Nothing but known words, those apart that the person typed whole."""
        if self._known is None:
            return True
        typed = set(plain_words(prefix)[:-1])
        return all(word in self._known or word in typed for word in plain_words(text))


def completion_question(prefix: str, count: int) -> Write:
    """Whole queries that begin so."""
    task = f"Write {count} search queries that begin with these words. One per line."
    return Write(shown(task, COMPLETED, prefix), max_tokens=16 * count)


def normal(text: str, end: bool = False) -> str:
    """Lower case and single spaces; with *end*, a space at the end is kept, as it ends a word."""
    found = " ".join(text.lower().split())
    return found + " " if end and found and text[-1:].isspace() else found
