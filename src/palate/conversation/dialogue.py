"""A dialogue: it remembers what was asked, shown, liked and refused, turn after turn.

What may be shown is decided by masks over the catalogue before anything is ranked or worded, so
that no recommender and no language model can break a constraint.

Legend: i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from palate.conversation.answers import Answer, Choice, Loosening, plain
from palate.conversation.everyday import GENRE_WORDS
from palate.conversation.parser import parse
from palate.conversation.ranking import Ranker, Ranking, RankingConfig
from palate.conversation.reasons import reasons
from palate.conversation.references import resolved
from palate.conversation.requests import Request
from palate.conversation.texts import Texts, TextSearch
from palate.conversation.vocabulary import Mask, Vocabulary
from palate.conversation.wishes import Limit, Wishes
from palate.conversation.words import Facts, Writer, worded
from palate.data.catalogue import Catalogue
from palate.errors import ChatError
from palate.recommenders.base import Scorer


@dataclass(frozen=True)
class Reading:
    """A catalogue as dialogues read it; many can share it."""

    vocabulary: Vocabulary
    texts: Texts

    @classmethod
    def of(cls, catalogue: Catalogue, search: TextSearch | None = None) -> Self:
        """Read a catalogue, which takes a while where it is long.

        Args:
            search: finds what is wished beside titles, genres and years.
        """
        return cls(Vocabulary(catalogue), Texts(catalogue, search))


class Dialogue:
    """A conversation with one person over one catalogue.

    Attributes:
        history: item indices of what the person is known to have had and liked, oldest first;
            what they say they loved is added.
        wishes: all that has been asked for so far.
        shown: the items that were shown, in order.

    Example:
        >>> dialogue = Dialogue(recommender, catalogue)
        >>> dialogue.say("something like Heat but funnier, not from the nineties").understood
        ('like Heat (1995)', 'Comedy wished', 'not 1990–1999')
    """

    def __init__(
        self,
        recommender: Scorer,
        catalogue: Catalogue,
        history: Sequence[int] = (),
        *,
        k: int = 5,
        writer: Writer | None = None,
        config: RankingConfig | None = None,
        reading: Reading | None = None,
    ) -> None:
        """
        Args:
            history: item indices, oldest first.
            k: how many items an answer has where the person does not say.
            writer: who words the answers; None words them plainly.
            reading: of the catalogue, where it was read for another dialogue already.
        """
        self.history = list(history)
        self.wishes = Wishes()
        self.shown: list[int] = []
        self._known: set[int] = set()  # what the person says that they have seen
        self._last: list[int] = []  # the last list
        self._worth_words = False  # of the last answer: there is something to be worded
        self._k = k
        self._writer = writer
        read = reading or Reading.of(catalogue)
        self._vocabulary, self._texts = read.vocabulary, read.texts
        self._ranker = Ranker(recommender, self._vocabulary, self._texts, config)

    def say(self, text: str) -> Answer:
        """Answer one turn of the person."""
        return self.word(self.answer(text))

    def word(self, answer: Answer) -> Answer:
        """The answer to the last turn as the writer words it; as it is where nobody has to."""
        return self._put_into_words(answer) if self._worth_words else answer

    def answer(self, text: str) -> Answer:
        """Answer one turn of the person, in plain words."""
        said = parse(text, self._vocabulary)
        request, remarks = resolved(said, self._last, self.wishes.similar_to, self._vocabulary)
        self._remember(request)
        limits = self.wishes.limits(self._vocabulary, self._texts)
        free = ~self._gone()
        allowed = _all(limits, free)
        ranking = self._ranker.rank(self.history, self.wishes, allowed)
        count = request.count or self._k
        chosen = self._choose(ranking, count)
        self._last = chosen
        self.shown += chosen
        understood = tuple(self.wishes.told(self._vocabulary, self._texts))
        choices = tuple(self._choice(item, ranking) for item in chosen)
        useful = request.says_something or any(map(self._texts.heeds, request.words))
        loosening = () if chosen else tuple(self._loosening(limits, free))
        text = plain(
            choices,
            asked=count,
            allowed=len(ranking.order) if limits else None,
            loosening=loosening,
            wished=bool(understood),
            useful=useful,
            known=bool(self.history),
        )
        self._worth_words = bool(choices and useful and understood)
        return Answer(
            text=text,
            understood=understood,
            choices=choices,
            remarks=(*remarks, *self._unheeded(request)),
            loosening=loosening,
            untold=self._untold(limits, free),
        )

    def _remember(self, request: Request) -> None:
        if request.start_over:
            self.shown = []
        self.history += [item for item in request.loved if item not in self.history]
        self._known |= set(request.seen)
        self.wishes = self.wishes.after(request)

    def _gone(self) -> Mask:
        """[i] what is not shown, whatever is asked for: known, refused, or shown before."""
        wishes = self.wishes
        named = {*self.history, *self._known, *self.shown, *wishes.excluded, *wishes.unlike}
        named |= set(wishes.similar_to)
        mask = np.zeros(len(self._vocabulary), dtype=bool)
        mask[list(self._vocabulary.same_title(sorted(named)))] = True
        return mask

    def _choose(self, ranking: Ranking, count: int) -> list[int]:
        """The best items, of those that share a title one."""
        chosen: list[int] = []
        taken: set[int] = set()
        for item in ranking.order.tolist():
            if len(chosen) == count:
                break
            if item not in taken:
                chosen.append(item)
                taken |= self._vocabulary.same_title([item])
        return chosen

    def _choice(self, item: int, ranking: Ranking) -> Choice:
        catalogue = self._vocabulary.catalogue
        return Choice(
            item=catalogue.items[item],
            title=catalogue.titles[item],
            year=self._vocabulary.year_of(item),
            genres=self._vocabulary.genres_of(item),
            why=reasons(
                item, ranking, self.wishes, self._vocabulary, self._texts, bool(self.history)
            ),
        )

    def _unheeded(self, request: Request) -> list[str]:
        """What was said and cannot be heeded."""
        found = [f"no title of the catalogue: {one}" for one in request.unknown]
        wished = {genre for group in request.wished for genre in group}
        found += [
            f"{genre} stays out; say that it is fine to let it in"
            for genre in self.wishes.refused
            if genre in wished
        ]
        genres = [one for one in request.words if one in GENRE_WORDS]
        lost = [one for one in genres if not self._texts.heeds(one)]
        lost += [one for one in request.words_refused if not self._texts.knows(one)]
        return found + ([f"nothing here tells of: {', '.join(lost)}"] if lost else [])

    def _loosening(self, limits: Sequence[Limit], free: Mask) -> list[Loosening]:
        """What each constraint, left out alone, would give; the most first."""
        found = [
            Loosening(limit.told, int(_all([o for o in limits if o is not limit], free).sum()))
            for limit in limits
        ]
        if self.shown:
            back = free.copy()
            back[self.shown] = True
            found.append(Loosening("what was shown already", int(_all(limits, back).sum())))
        return sorted((one for one in found if one.items), key=lambda one: -one.items)

    def _untold(self, limits: Sequence[Limit], free: Mask) -> int:
        """Items that may obey, but of which that is not known."""
        possible, untold = free.copy(), np.zeros_like(free)
        for limit in limits:
            possible &= limit.allows | limit.untold
            untold |= limit.untold
        return int((possible & untold).sum())

    def _put_into_words(self, answer: Answer) -> Answer:
        if self._writer is None:
            return answer
        facts = Facts(answer.understood, self.wishes, tuple(self._last))
        try:
            text = worded(self._writer, facts, self._vocabulary)
        except ChatError as error:
            return replace(answer, remarks=(*answer.remarks, f"plain words, because {error}"))
        if text is None:
            return answer
        return replace(answer, text=text, worded_by=self._writer.name)


def _all(limits: Sequence[Limit], free: Mask) -> Mask:
    """[i] free, and allowed by every limit."""
    allowed = free.copy()
    for limit in limits:
        allowed &= limit.allows
    return allowed
