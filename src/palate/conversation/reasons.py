"""Why an item is shown: facts about it and its place, nothing that sounds good beside them."""

from __future__ import annotations

from collections.abc import Sequence

from palate.conversation.ranking import KIN, PERSON, SIMILAR, WISHED, WORDS, Ranking
from palate.conversation.texts import Texts
from palate.conversation.vocabulary import Vocabulary
from palate.conversation.wishes import Wishes


def reasons(
    item: int,
    ranking: Ranking,
    wishes: Wishes,
    vocabulary: Vocabulary,
    texts: Texts,
    known: bool,
) -> tuple[str, ...]:
    """What brought an item into the list, the signal that weighed most first.

    Args:
        known: something is known of the person.
    """
    told = {
        SIMILAR: _place(SIMILAR, item, ranking, f"near {_named(wishes.similar_to, vocabulary)}"),
        KIN: _shared(item, wishes, vocabulary),
        WISHED: _wished(item, wishes, vocabulary),
        WORDS: _words(item, ranking, wishes, texts),
        PERSON: _place(PERSON, item, ranking, "for you" if known else "for someone new"),
    }
    spoken = sorted(
        (name for name in told if name in ranking.parts and ranking.parts[name][item] > 0),
        key=lambda name: -ranking.parts[name][item],
    )
    # What the recommender knows is said once: of the example, else of the person.
    if SIMILAR in spoken and PERSON in spoken:
        spoken.remove(max(SIMILAR, PERSON, key=spoken.index))
    return tuple(line for name in spoken if (line := told[name]))


def _place(signal: str, item: int, ranking: Ranking, of: str) -> str:
    if signal not in ranking.parts:
        return ""
    return f"{_ordinal(ranking.place(signal, item))} of {len(ranking.order):,} {of}"


def _shared(item: int, wishes: Wishes, vocabulary: Vocabulary) -> str:
    """The genres in common with the example that has the most of them in common."""
    own = vocabulary.genres_of(item)
    best: tuple[list[str], str] = ([], "")
    for other in wishes.similar_to:
        common = [genre for genre in own if genre in vocabulary.genres_of(other)]
        if len(common) > len(best[0]):
            best = (common, vocabulary.catalogue.titles[other])
    return f"{', '.join(best[0])} like {best[1]}" if best[0] else ""


def _wished(item: int, wishes: Wishes, vocabulary: Vocabulary) -> str:
    own = vocabulary.genres_of(item)
    met = [genre for genre in own if any(genre in group for group in wishes.wished)]
    return f"{', '.join(met)} as wished" if met else ""


def _words(item: int, ranking: Ranking, wishes: Wishes, texts: Texts) -> str:
    held = [word for word in wishes.words if texts.holding(word)[item]]
    if held:
        return f"its text says “{' '.join(held)}”"
    heeded = " ".join(word for word in wishes.words if texts.heeds(word))
    return _place(WORDS, item, ranking, f"by what “{heeded}” means")


def _named(items: Sequence[int], vocabulary: Vocabulary) -> str:
    titles = list(dict.fromkeys(vocabulary.catalogue.titles[item] for item in items))
    return titles[0] if len(titles) == 1 else f"the {len(titles)} examples"


def _ordinal(number: int) -> str:
    ending = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number:,}{ending}"
