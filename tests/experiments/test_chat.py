"""Conversations over a run."""

from __future__ import annotations

import pytest

from palate.conversation.words import LocalWriter, RemoteWriter
from palate.errors import ConfigError, RunError
from palate.experiments.chat import dialogue, writer
from palate.experiments.recommend import recommend
from palate.experiments.run import Run


def test_someone_new_a_known_user_and_a_history(ease_run: Run) -> None:
    new = dialogue(ease_run)
    assert new.history == []
    assert dialogue(ease_run, user="196").history == ease_run.history("196")
    catalogue = ease_run.catalogue()
    history = [catalogue.find("Heat (1995)")]
    assert dialogue(ease_run, history=history).history == history


def test_without_a_wish_it_is_what_the_run_recommends(ease_run: Run) -> None:
    answer = dialogue(ease_run, user="196", k=7).say("hello")
    assert [one.item for one in answer.choices] == [
        one.item for one in recommend(ease_run, user="196", k=7)
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"user": "nobody"}, "no user is called 'nobody'; there are 196"),
        ({"user": "196", "history": [1]}, "give one of the two"),
        ({"history": [1682]}, "item index 1682 is not in the catalogue"),
    ],
)
def test_nobody_to_talk_to(ease_run: Run, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(RunError, match=told):
        dialogue(ease_run, **arguments)  # type: ignore[arg-type]


def test_who_words_the_answers(monkeypatch: pytest.MonkeyPatch, tiny_model: object) -> None:
    assert writer("plain") is None
    assert isinstance(writer(str(tiny_model)), LocalWriter)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    remote = writer("http://localhost:1/v1", "m")
    assert isinstance(remote, RemoteWriter)
    assert remote.name == "m"
    assert remote.chat.client.api_key == "secret"


@pytest.mark.parametrize(
    ("words", "model", "told"),
    [
        ("http://localhost:1/v1", None, "name it with --words-model"),
        ("plain", "m", "give --words http"),
        ("nosuchmodel", None, "nosuchmodel"),
    ],
)
def test_nobody_to_word_them(words: str, model: str | None, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        writer(words, model)
