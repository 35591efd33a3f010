"""What a recommender's language model is given to read, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from palate.errors import RunError
from palate.experiments.recommend import known_histories
from palate.experiments.run import Run
from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings
from palate.language.collate import encode
from palate.language.generation import generate
from palate.language.prompts import Prompt
from palate.recommenders.prompting import PromptRecommender


@dataclass(frozen=True)
class Piece:
    """One position of a prompt.

    Attributes:
        id: the token; None where a vector goes.
        text: the token as text, or what the vector stands for.
    """

    id: int | None
    text: str


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as the language model reads it.

    Attributes:
        model: the language model.
        pieces: position by position; the answer goes after the last.
        text: the same in one, control tokens as they are spelled and vectors in brackets.
        answer: what the model writes when it may write anything; None where it was not asked.
    """

    model: str
    pieces: list[Piece]
    text: str
    answer: str | None = None

    @property
    def vectors(self) -> int:
        """Positions that hold no token."""
        return sum(piece.id is None for piece in self.pieces)


def read_prompt(
    run: Run,
    *,
    history: Sequence[int] | None = None,
    user: str | None = None,
    answer: bool = False,
    max_tokens: int = 64,
) -> ReadPrompt:
    """The prompt of a run's recommender for a history, or for a user the run knows.

    Args:
        answer: let the model answer, greedily and without being held to the catalogue.
        max_tokens: tokens of the answer at most.

    Raises:
        RunError: the method reads no prompt, or the user is unknown.
    """
    recommender = run.recommender()
    if not isinstance(recommender, PromptRecommender):
        raise RunError(f"{run.folder}: {run.method} reads no prompt, so there is none to show")
    known = known_histories(run, run.catalogue(), history, user)
    backbone, (prompt,) = recommender.backbone, recommender.prompts(known)
    read = as_read(prompt, backbone)
    if not answer:
        return read
    greedy = BeamSettings(beams=1, max_tokens=max_tokens, early_stopping=True)
    ((best, *_),) = generate(backbone, [prompt], greedy, vectors=recommender.net.bridge)
    return replace(read, answer=backbone.tokenizer.raw.decode(best.tokens))


def as_read(prompt: Prompt, backbone: Backbone) -> ReadPrompt:
    """A prompt as this model reads it, position by position and as one text."""
    decode = backbone.tokenizer.raw.decode
    (encoded,) = encode([prompt], backbone.tokenizer)
    shown = encoded.pieces(backbone.tokenizer)
    pieces = [Piece(id_, text) for id_, text in zip(encoded.ids, shown, strict=True)]
    text, start = "", 0
    for at, slot in encoded.slots:
        stop = at + slot.width
        # Text is decoded from slot to slot: a letter may take several tokens.
        text += decode(encoded.ids[start:at]) + "".join(shown[at:stop])
        pieces[at:stop] = [Piece(None, one) for one in shown[at:stop]]
        start = stop
    return ReadPrompt(backbone.name, pieces, text + decode(encoded.ids[start:]))
