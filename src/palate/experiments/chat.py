"""Conversations over a trained run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from palate.conversation.dialogue import Dialogue, Reading
from palate.conversation.words import LocalWriter, RemoteWriter, Writer
from palate.errors import ConfigError
from palate.experiments.item_search import LEXICAL, text_search
from palate.experiments.recommend import known_history
from palate.experiments.run import Run
from palate.language.backbone import Backbone
from palate.language.chat import KEY

PLAIN = "plain"


def dialogue(
    run: Run,
    *,
    history: Sequence[int] | None = None,
    user: str | None = None,
    k: int = 5,
    words: str = PLAIN,
    words_model: str | None = None,
    search: str = LEXICAL,
) -> Dialogue:
    """A dialogue with a user the run knows, with someone who has a history, or with someone new.

    Args:
        history: item indices, oldest first.
        user: someone whose events were in the data.
        k: how many items an answer has.
        words: who words the answers; see :func:`writer`.
        words_model: the model's name at an address.
        search: stages that find what is wished beside titles, genres and years.

    Raises:
        RunError: the user is unknown, or both a user and a history are given.
        ConfigError: there is nobody to word the answers.
    """
    if history is None and user is None:
        history = []
    catalogue = run.catalogue()
    known = known_history(run, catalogue, history, user)
    voice = writer(words, words_model)
    reading = Reading.of(catalogue, text_search(run, search))
    return Dialogue(run.recommender(), catalogue, known, k=k, writer=voice, reading=reading)


def writer(words: str, model: str | None = None) -> Writer | None:
    """Who words the answers, None where nobody has to.

    Args:
        words: ``plain``; a language model by known name, hub id, folder or GGUF file; or an
            OpenAI-compatible address.
        model: the model's name at the address.

    Raises:
        ConfigError: no such model, or an address without a model's name and the other way round.
    """
    if words.startswith(("http://", "https://")):
        if model is None:
            raise ConfigError(f"which model at {words}? name it with --words-model NAME")
        return RemoteWriter(words, model, os.environ.get(KEY) or None)
    if model is not None:
        raise ConfigError("--words-model names a model at an address: give --words http(s)://…")
    return None if words == PLAIN else LocalWriter(Backbone.load(words))
