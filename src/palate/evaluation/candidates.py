"""The sampled-candidate protocol: pick what came next out of a short list.

Kept to compare with papers that report nothing else (LLaRA, Liao et al., SIGIR 2024, and those
that reuse its data); whatever is reported by it says ``sampled-candidate``. It flatters: a model
that is at chance over the catalogue hits one time in twenty here. The lists are drawn once, kept
in a file, and are the same for every model that is compared.

Legend: u cases (one a user), i items of the catalogue, m candidates of a list.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from palate.data.cases import Cases
from palate.errors import ConfigError, DataError
from palate.evaluation.ranking import Indices, Scores, Values, check_scores

PROTOCOL = "sampled-candidate"


def candidate_list(
    visible: Sequence[int], target: int, n_items: int, m: int, random: np.random.Generator
) -> list[int]:
    """The target among m - 1 items drawn evenly from those outside the visible history, shuffled.

    Raises:
        ConfigError: the catalogue has too few items for it.
    """
    free = n_items - len({*visible, target})
    if m - 1 > free:
        raise ConfigError(f"lists of {m} candidates need {m - 1} other items; {free} are left")
    taken, found = {*visible, target}, [target]
    while len(found) < m:
        # Far faster than a choice among all items where the catalogue is large.
        for item in random.integers(n_items, size=2 * m).tolist():
            if item not in taken and len(found) < m:
                taken.add(item)
                found.append(item)
    return random.permutation(found).tolist()


@dataclass(frozen=True, eq=False)
class CandidateSets:
    """One list of candidates per case.

    Attributes:
        items: [u, m] item indices, the target among them, in the order in which they are shown.
        targets: [u] the item that came next.
        visible: newest events of a history, none of which is a candidate.
        seed: what the lists were drawn with.
    """

    items: Indices
    targets: Indices
    visible: int
    seed: int

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def draw(
        cls, cases: Cases, n_items: int, m: int = 20, visible: int = 10, seed: int = 0
    ) -> CandidateSets:
        """Lists for *cases*, each drawn apart: the same whatever other cases there are.

        Raises:
            ConfigError: the catalogue has too few items.
        """
        lists = [
            candidate_list(
                history[-visible:].tolist(),
                target,
                n_items,
                m,
                np.random.default_rng([seed, target, *history.tolist()]),
            )
            for history, target in zip(cases.histories, cases.targets.tolist(), strict=True)
        ]
        items = np.array(lists, dtype=np.int64).reshape(len(cases), m)
        return cls(items, cases.targets, visible, seed)

    def positions(self) -> Indices:
        """[u] where the target stands in its list."""
        return (self.items == self.targets[:, None]).argmax(1)

    def scores(self, full: Scores) -> Scores:
        """[u, m] scores of the candidates, out of those of all items [u, i]."""
        return np.take_along_axis(full, self.items, 1)

    def take(self, rows: Indices) -> CandidateSets:
        """The lists of some cases."""
        return CandidateSets(self.items[rows], self.targets[rows], self.visible, self.seed)

    def by_position(self, hits: npt.NDArray[np.bool_]) -> Values:
        """[m] hits [u] where the target stood there, over how often it did; NaN where it never did.

        Uneven values mean that a model looks at places rather than at items.
        """
        m, positions = self.items.shape[1], self.positions()
        there = np.bincount(positions, minlength=m)
        found = np.bincount(positions, hits, m)
        return np.where(there > 0, found / np.maximum(there, 1), np.nan)

    def save(self, path: Path) -> None:
        """Write JSON lines: how the lists were drawn, then a line per case."""
        head = {"protocol": PROTOCOL, "visible": self.visible, "seed": self.seed}
        lines = [json.dumps(head)]
        for target, items in zip(self.targets.tolist(), self.items.tolist(), strict=True):
            lines.append(json.dumps({"target": target, "candidates": items}))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    @classmethod
    def load(cls, path: Path, cases: Cases) -> CandidateSets:
        """Read what :meth:`save` wrote, for the cases it was drawn for.

        Raises:
            DataError: the file is no such file, is broken, or belongs to other cases.
        """
        try:
            head, *rows = map(json.loads, path.read_text().splitlines())
            targets = np.array([row["target"] for row in rows], dtype=np.int64)
            items = np.array([row["candidates"] for row in rows], dtype=np.int64)
            found = cls(items, targets, int(head["visible"]), int(head["seed"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}: no lists of candidates ({error}); draw them anew") from error
        if not np.array_equal(targets, cases.targets):
            raise DataError(f"{path}: the lists are of other cases; draw them for these")
        if items.ndim != 2 or not (items == targets[:, None]).any(1).all():
            raise DataError(f"{path}: a list lacks its target or differs in length; draw them anew")
        return found


def candidate_ranks(scores: Scores, sets: CandidateSets) -> Indices:
    """[u] rank of the target among its candidates, 0 is best; ties stand against the model.

    Args:
        scores: [u, m] of the candidates, as of :meth:`CandidateSets.scores`.
    """
    check_scores(scores, len(sets))
    own = np.take_along_axis(scores, sets.positions()[:, None], 1)
    return (scores >= own).sum(1) - 1


@dataclass(frozen=True, eq=False)
class Choices:
    """What answers in words come to.

    Attributes:
        valid: [u] exactly one candidate title occurs in the answer.
        correct: [u] and it is the target's.
    """

    valid: npt.NDArray[np.bool_]
    correct: npt.NDArray[np.bool_]

    def metrics(self) -> dict[str, float]:
        """Of all cases the share that is valid, and correct; and of the valid ones, correct.

        LLaRA's tables hold correct over all, and its code logs correct over valid.
        """
        valid = int(self.valid.sum())
        return {
            f"{PROTOCOL} valid_ratio": float(self.valid.mean()),
            f"{PROTOCOL} hr@1": float(self.correct.mean()),
            f"{PROTOCOL} hr@1 of valid": float(self.correct.sum() / valid) if valid else 0.0,
        }


def judge(answers: Sequence[str], sets: CandidateSets, titles: Sequence[str]) -> Choices:
    """Which answers name a candidate, and the right one.

    Args:
        answers: [u] what was written; only the first line counts.
        titles: [i] of the catalogue. Items with equal titles are the same answer.
    """
    named = [
        named_titles(answer, [titles[item] for item in items])
        for answer, items in zip(answers, sets.items.tolist(), strict=True)
    ]
    wanted = [normalised(titles[item]) for item in sets.targets.tolist()]
    valid = np.array([len(one) == 1 for one in named], dtype=bool)
    correct = [one == [title] for one, title in zip(named, wanted, strict=True)]
    return Choices(valid, np.array(correct, dtype=bool))


def named_titles(answer: str, titles: Sequence[str]) -> list[str]:
    """The distinct titles, normalised, that occur in the first line of an answer.

    An answer that is a title names that one alone, whatever stands inside it. Else the longest
    title is looked for first, and what it covers is not looked at again, so that ``Alien`` is not
    found in ``Alien Nation`` where both are candidates; nor is it in ``Aliens``, which goes on.
    An empty title is never named.
    """
    text = normalised(answer.strip().partition("\n")[0])
    distinct = sorted({normalised(title) for title in titles} - {""}, key=len, reverse=True)
    if text in distinct:
        return [text]
    found = []
    for title in distinct:
        rest = _without(text, title)
        if rest != text:
            found.append(title)
            text = rest
    return found


def normalised(title: str) -> str:
    """A title without differences of case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


def _without(text: str, title: str) -> str:
    """The text with each whole occurrence of a title replaced by a mark."""
    start = text.find(title)
    while start >= 0:
        end = start + len(title)
        if _joined(text[:start], title) or _joined(title, text[end:]):
            start = text.find(title, start + 1)
        else:
            text = f"{text[:start]}\0{text[end:]}"
            start = text.find(title, start + 1)
    return text


def _joined(left: str, right: str) -> bool:
    """True where two texts would meet inside a word; scripts without case have no such place."""
    if not left or not right:
        return False
    return all(
        letter.isdigit() or letter.upper() != letter.lower() for letter in left[-1] + right[0]
    )
