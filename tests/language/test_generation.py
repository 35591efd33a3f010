"""Decoding and scoring of answers, against transformers and against plain forward passes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from palate.errors import ConfigError
from palate.language.backbone import Backbone
from palate.language.beam_search import GREEDY, BeamSettings, TextFree
from palate.language.collate import collate, encode
from palate.language.generation import answer_tokens, generate, likelihoods
from palate.language.prompts import Prompt, Slot
from palate.language.trie import Trie

TITLES = ["Heat (1995)", "Heat", "Ronin (1998)", "Twelve Monkeys", "Toy Story", "Toy Story 2", "M"]
PROMPTS = [
    Prompt.of("Someone has seen these films: Babe; Seven. Next: ", answer=""),
    Prompt.of("Someone has seen these films: M. Next: ", answer=""),
    Prompt.of("Someone has seen these films: Amélie; Heat; Toy Story; Babe. Next: ", answer=""),
    Prompt.of("Someone has seen these films: Babe. Next: ", answer=""),
]


def by_transformers(
    backbone: Backbone, prompts: list[Prompt], settings: BeamSettings, **more: Any
) -> list[list[tuple[list[int], float]]]:
    """Tokens and scores of all beams, as ``generate`` of transformers finds them."""
    eos = backbone.tokenizer.eos_id
    batch = collate(encode([Prompt(p.spans) for p in prompts], backbone.tokenizer), 0)
    length = batch["input_ids"].shape[1]
    out = backbone.model.generate(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        num_beams=settings.beams,
        num_return_sequences=settings.beams,
        max_new_tokens=settings.max_tokens,
        length_penalty=settings.length_penalty,
        early_stopping=settings.early_stopping,
        do_sample=False,
        pad_token_id=backbone.tokenizer.pad_id,
        eos_token_id=eos,
        return_dict_in_generate=True,
        output_scores=True,
        **more,
    )
    scores = [0.0] * len(prompts) if settings.beams == 1 else out.sequences_scores.tolist()
    found = []
    for row, score in zip(out.sequences[:, length:].tolist(), scores, strict=True):
        found.append((row[: row.index(eos) + 1] if eos in row else row, score))
    return [found[i : i + settings.beams] for i in range(0, len(found), settings.beams)]


def same(ours: Any, theirs: Any, scored: bool = True) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        there = [(tokens, score) for tokens, score in other if score > -1e8]
        assert [one.tokens for one in mine] == [tokens for tokens, _ in there]
        if scored:
            assert [one.score for one in mine] == pytest.approx([s for _, s in there], abs=1e-4)


@pytest.mark.parametrize("beams", [2, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_free_beams_are_those_of_transformers(
    backbone: Backbone, beams: int, length_penalty: float, early_stopping: bool
) -> None:
    settings = BeamSettings(beams, 9, length_penalty, early_stopping)
    same(generate(backbone, PROMPTS, settings), by_transformers(backbone, PROMPTS, settings))


def test_greedy_is_that_of_transformers(backbone: Backbone) -> None:
    settings = BeamSettings(1, 12, early_stopping=True)
    found = generate(backbone, PROMPTS, settings)
    same(found, by_transformers(backbone, PROMPTS, settings), scored=False)
    assert settings.beams == GREEDY.beams
    assert settings.early_stopping == GREEDY.early_stopping


def test_answers_that_end_early(gpt2: Backbone) -> None:
    """Tokens that end an answer come often enough here that beams finish at different steps."""
    head = gpt2.model.get_output_embeddings().weight
    before = head.detach().clone()
    try:
        with torch.no_grad():
            head[gpt2.tokenizer.eos_id] *= 6
        for early in (False, True):
            settings = BeamSettings(4, 10, 0.0, early)
            found = generate(gpt2, PROMPTS, settings)
            same(found, by_transformers(gpt2, PROMPTS, settings))
            lengths = {len(one.tokens) for beams in found for one in beams}
            assert len(lengths) > 2, "nothing ended early: the test tests nothing"
    finally:
        with torch.no_grad():
            head.copy_(before)


@pytest.mark.parametrize("beams", [2, 4])
def test_held_beams_are_those_of_transformers(backbone: Backbone, beams: int) -> None:
    answers = answer_tokens(backbone.tokenizer, TITLES)
    trie = Trie(answers)
    batch = collate(encode([Prompt(p.spans) for p in PROMPTS], backbone.tokenizer), 0)
    length = batch["input_ids"].shape[1]

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        given = tokens[length:].tolist()
        following = {a[len(given)] for a in answers if a[: len(given)] == given and a != given}
        return sorted(following) or [backbone.tokenizer.pad_id]

    settings = BeamSettings(beams, trie.depth)
    found = generate(backbone, PROMPTS, settings, allowed=trie)
    same(found, by_transformers(backbone, PROMPTS, settings, prefix_allowed_tokens_fn=allowed))
    for hypotheses in found:
        for one in hypotheses:
            assert one.leaf is not None
            assert answers[trie.answers_at(one.leaf)[0]] == one.tokens


def test_enough_beams_find_all_answers_in_order_of_likelihood(backbone: Backbone) -> None:
    trie = Trie(answer_tokens(backbone.tokenizer, TITLES))
    settings = BeamSettings(len(TITLES), trie.depth, length_penalty=0.0)
    found = generate(backbone, PROMPTS, settings, allowed=trie)
    given = likelihoods(backbone, PROMPTS, [TITLES] * len(PROMPTS))
    for hypotheses, values in zip(found, given, strict=True):
        assert sorted(one.leaf for one in hypotheses) == sorted(trie.leaves.tolist())
        order = values.argsort(descending=True)
        assert [one.leaf for one in hypotheses] == trie.leaves[order].tolist()
        scores = [one.score for one in hypotheses]
        assert scores == pytest.approx(values[order].tolist(), abs=1e-3)


def test_likelihoods_are_those_of_plain_passes(backbone: Backbone) -> None:
    several = [TITLES, TITLES[2:], TITLES[:1], TITLES[::-1]]
    found = likelihoods(backbone, PROMPTS, several)
    for prompt, answers, values in zip(PROMPTS, several, found, strict=True):
        for answer, value in zip(answers, values.tolist(), strict=True):
            (one,) = encode([Prompt(prompt.spans, answer)], backbone.tokenizer)
            batch = collate([one], 0)
            with torch.no_grad():
                scores = backbone(
                    backbone.embed_tokens(batch["input_ids"]), batch["attention_mask"]
                )[0].log_softmax(-1)
            places = range(one.answer, len(one.ids))
            assert value == pytest.approx(
                sum(float(scores[at - 1, one.ids[at]]) for at in places), abs=1e-3
            )


def test_vectors_in_the_prompts(backbone: Backbone) -> None:
    """Batched with others of another length, a prompt with vectors is answered as it is alone."""
    draw = torch.Generator().manual_seed(3)
    table = backbone.embed_tokens.weight.std().item() * torch.randn(
        9, 2, backbone.hidden_size, generator=draw
    )
    prompts = [
        Prompt.of("Films that someone has seen: Babe ", Slot(3, 2), ". Next: ", answer=""),
        Prompt.of("Films that someone has seen: ", Slot(8, 2), "; M ", Slot(0, 2), ". Next: "),
        Prompt.of("Films that someone has seen: none. Next: "),
    ]
    settings = BeamSettings(3, 6)
    together = generate(backbone, prompts, settings, vectors=lambda slots: table[slots])
    for prompt, expected in zip(prompts, together, strict=True):
        (alone,) = generate(backbone, [prompt], settings, vectors=lambda slots: table[slots])
        assert [one.tokens for one in alone] == [one.tokens for one in expected]
        assert [one.score for one in alone] == pytest.approx(
            [one.score for one in expected], abs=1e-4
        )
    other = generate(backbone, prompts, settings, vectors=lambda slots: -table[slots])
    assert [one.score for one in other[0]] != [one.score for one in together[0]]


def test_small_batches_change_nothing(backbone: Backbone) -> None:
    settings = BeamSettings(3, 6)
    one_by_one = generate(backbone, PROMPTS, settings, batch_tokens=1)
    together = generate(backbone, PROMPTS, settings)
    assert [[h.tokens for h in beams] for beams in one_by_one] == [
        [h.tokens for h in beams] for beams in together
    ]


def test_a_text_free_model_alone_ranks_by_its_weights(backbone: Backbone) -> None:
    """With no share for the language model, answers come in the order of the other's weights."""
    trie = Trie(answer_tokens(backbone.tokenizer, TITLES))
    weights = torch.tensor([[0.05, 0.3, 0.1, 0.2, 0.15, 0.2001, 0.0]]).repeat(len(PROMPTS), 1)
    settings = BeamSettings(len(TITLES), trie.depth, length_penalty=0.0)
    found = generate(
        backbone, PROMPTS, settings, allowed=trie, text_free=TextFree(weights, share=0.0)
    )
    for hypotheses in found:
        answers = [trie.answers_at(one.leaf)[0] for one in hypotheses if one.leaf is not None]
        assert answers == [1, 5, 3, 4, 2, 0]  # what has no weight is never reached
        assert [2.718281828**one.score for one in hypotheses] == pytest.approx(
            [0.3, 0.2001, 0.2, 0.15, 0.1, 0.05], rel=1e-3
        )


def test_a_text_free_model_needs_given_answers(gpt2: Backbone) -> None:
    with pytest.raises(ConfigError, match="given answers"):
        generate(gpt2, PROMPTS, GREEDY, text_free=TextFree(torch.ones(len(PROMPTS), 3)))


def test_nothing_to_answer(gpt2: Backbone) -> None:
    assert generate(gpt2, [], GREEDY) == []
    assert likelihoods(gpt2, [], []) == []
