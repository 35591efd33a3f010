"""How much of a field's headings a tree has, whatever their order and nesting.

Heading soft recall and heading entity recall of STORM (Shao et al., arXiv:2402.14207), as
ResearchArena uses them (Kang and Xiong, arXiv:2406.10291, section 4.3), with what shows their
weak side: soft precision falls where recall was bought with many headings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from palate.errors import ConfigError

Vectors = npt.NDArray[np.floating]
Embed = Callable[[Sequence[str]], Vectors]
Entities = Callable[[str], Sequence[str]]

SPAN = re.compile(r"\b[A-Z][\w&.+-]*(?:[ /-](?:of |for |and |the )?[A-Z0-9][\w&.+-]*)*")
ACRONYM = re.compile(r"^(?=(?:.*[A-Z]){2})[\w&.+-]+$")


@dataclass(frozen=True)
class HeadingScores:
    """Headings of a tree against those that are right.

    Attributes:
        soft_recall: may exceed 1 a little where vectors are odd; show at most 1.
        soft_precision: the same, over the tree's own headings.
        f1: harmonic mean of both, each cut to 1.
    """

    soft_recall: float
    soft_precision: float
    f1: float


def soft_cardinality(vectors: Vectors) -> float:
    """How many different things some texts are about: sum over i of 1 / sum over j of cos(i, j).

    Negative cosines count as 0: else a sum could come near 0, and the cardinality without bound.

    Args:
        vectors: [n, h] one per distinct text, of any length but 0.
    """
    if not len(vectors):
        return 0.0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths == 0, 1, lengths)
    cosines = np.clip(unit @ unit.T, 0, 1)
    np.fill_diagonal(cosines, 1)
    return float((1 / cosines.sum(axis=1)).sum())


def heading_scores(
    gold: Sequence[str],
    predicted: Sequence[str],
    embed: Embed,
    denominator: Literal["gold", "predicted"] = "gold",
) -> HeadingScores:
    """Soft recall ``[C(G) + C(P) - C(G ∪ P)] / C(G)``, the same over C(P), and their F1.

    Args:
        gold: labels of the right tree; equal ones count once, without regard to case.
        predicted: labels of the tree to judge.
        embed: [n] texts to [n, h] vectors. The paper's is a Sentence-BERT.
        denominator: of recall; the paper's formula can be read with either, STORM's code has gold.

    Raises:
        ConfigError: there is no gold heading.
    """
    right, ours = _distinct(gold), _distinct(predicted)
    if not right:
        raise ConfigError("the right tree has no heading to compare with")
    if not ours:
        return HeadingScores(0.0, 0.0, 0.0)
    union = list(dict.fromkeys([*right, *ours]))
    vectors = dict(zip(union, embed(union), strict=True))

    def cardinality(texts: Sequence[str]) -> float:
        return soft_cardinality(np.stack([vectors[text] for text in texts]))

    of_gold, of_ours = cardinality(right), cardinality(ours)
    shared = max(0.0, of_gold + of_ours - cardinality(union))
    recall = shared / (of_gold if denominator == "gold" else of_ours)
    precision = shared / of_ours
    cut, kept = min(recall, 1.0), min(precision, 1.0)
    return HeadingScores(recall, precision, 2 * cut * kept / (cut + kept) if cut + kept else 0.0)


@dataclass(frozen=True)
class EntityRecall:
    """Names of things in headings.

    Attributes:
        recall: share of the right tree's entities that the other tree has too; NaN where the
            right tree has none. (STORM's code says 1 then, which inflates means.)
        entities: how many the right tree has.
        coverage: share of its headings that have any: how much the recall speaks for.
    """

    recall: float
    entities: int
    coverage: float


def entity_recall(
    gold: Sequence[str], predicted: Sequence[str], entities: Entities
) -> EntityRecall:
    """Heading entity recall ``|E(G) ∩ E(P)| / |E(G)|``, in lower case.

    Args:
        entities: what finds them in one heading.
    """
    found = [{one.lower() for one in entities(text)} for text in gold]
    right = set[str]().union(*found)
    ours = {one.lower() for text in predicted for one in entities(text)}
    return EntityRecall(
        len(right & ours) / len(right) if right else float("nan"),
        len(right),
        sum(map(bool, found)) / len(found) if found else 0.0,
    )


def named_by_rule(text: str) -> list[str]:
    """Acronyms, and spans of capitalised words that do not merely begin the heading.

    A stand-in for a model of named entities, to be named wherever its numbers are shown. In
    title case every word is capitalised and tells nothing; there only acronyms count.

    Example:
        >>> named_by_rule("Recommendation with BERT4Rec on Amazon Reviews")
        ['BERT4Rec', 'Amazon Reviews']
    """
    words = re.findall(r"[A-Za-z][\w&.+-]*", text)
    long = [word for word in words if len(word) > 3]
    titled = len(long) > 1 and all(word[0].isupper() for word in long)
    found: list[str] = []
    for match in SPAN.finditer(text):
        span = match.group().strip(" .")
        pieces = [piece for piece in re.split(r"[ /]", span) if ACRONYM.match(piece)]
        if titled or (match.start() == 0 and not pieces) or (pieces and match.start() == 0):
            found += pieces
        else:
            found.append(span)
    return list(dict.fromkeys(found))


def named_by_spacy(model: str = "en_core_web_sm") -> Entities:
    """Named entities by a spaCy pipeline that is installed as a package.

    Raises:
        ConfigError: spaCy or the pipeline is not installed.
    """
    try:
        import spacy

        pipeline = spacy.load(model)
    except ImportError:
        raise ConfigError(
            "entities by a model need spaCy: pip install 'palate[entities]'"
        ) from None
    except OSError:
        raise ConfigError(
            f"no spaCy pipeline '{model}' is installed; see spacy.io/models"
        ) from None
    return lambda text: [entity.text for entity in pipeline(text).ents]


def _distinct(labels: Sequence[str]) -> list[str]:
    folded = (" ".join(label.split()).casefold() for label in labels)
    return list(dict.fromkeys(label for label in folded if label))
