"""Prompts: what is learned is exactly the answer, and conversations keep their structure."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.language.backbone import IGNORED, Backbone
from palate.language.collate import collate, encode, splice
from palate.language.prompts import Markup, Message, Prompt, Slot, Text, chat

from .test_tokenizer import SHARED, TEXTS, special_ids

TEMPLATES = [
    lambda a, b: Prompt.of("Seen: ", a, "; ", b, ". Next:"),
    lambda a, b: Prompt.of("### Input:\n", a, "\n\n### Response:\n"),
    lambda a, b: Prompt.of(a, Slot(1), ", ", b, Slot(2), "\n"),
    lambda a, b: Prompt.of(Slot(0, width=3), a),
    lambda a, b: Prompt.of(a),
    lambda a, b: Prompt.of(),
]


@SHARED
@given(a=TEXTS, b=TEXTS, answer=TEXTS, which=st.integers(0, len(TEMPLATES) - 1),
       side=st.sampled_from(["left", "right"]), newline=st.booleans())  # fmt: skip
def test_labels_are_exactly_the_answer_and_its_end(
    backbone: Backbone, a: str, b: str, answer: str, which: int, side: str, newline: bool
) -> None:
    tokenizer = backbone.tokenizer
    answer += "\n" * newline
    asked = TEMPLATES[which](a, b)
    prompts = [Prompt(asked.spans, answer), Prompt.of("a much longer prompt " * 9, answer="x")]
    (bare,) = encode([asked], tokenizer)
    encoded = encode(prompts, tokenizer)
    batch = collate(encoded, tokenizer.pad_id, side)
    labels, ids = batch["labels"][0], batch["input_ids"][0]
    learned = labels != IGNORED

    (own,) = tokenizer.encode([answer], continues=True)
    assert labels[learned].tolist() == [*own, tokenizer.eos_id]
    assert torch.equal(labels[learned], ids[learned])
    # Without its answer the prompt has the same tokens: the model is asked what it was taught.
    real = batch["attention_mask"][0].bool()
    assert ids[real & ~learned].tolist() == bare.ids
    # The answer stands in one piece at the end of the real tokens.
    places = real.nonzero().squeeze(1)
    assert learned.nonzero().squeeze(1).tolist() == places[-len(own) - 1 :].tolist()


def test_a_prompt_without_an_answer_has_no_labels(backbone: Backbone) -> None:
    batch = collate(encode([Prompt.of("Seen: Heat. Next:")], backbone.tokenizer), 0)
    assert (batch["labels"] == IGNORED).all()


@SHARED
@given(text=TEXTS, cut=st.integers(0, 20))
def test_a_template_may_be_cut_anywhere(backbone: Backbone, text: str, cut: int) -> None:
    whole, parts = Prompt.of("Seen: ", text), Prompt.of("Seen: " + text[:cut], text[cut:])
    first, second = encode([whole, parts], backbone.tokenizer)
    assert first.ids == second.ids


def test_bos_comes_once(gemma: Backbone) -> None:
    bos = gemma.tokenizer.bos_id
    plain = Prompt.of("Heat")
    rendered = chat(gemma.tokenizer, [Message.of("user", "Heat")])
    for encoded in encode([plain, rendered, Prompt.of(Slot(0)), Prompt.of()], gemma.tokenizer):
        assert encoded.ids[0] == bos
        assert encoded.ids.count(bos) == 1


@pytest.mark.parametrize("model", ["smol", "gemma"])
@pytest.mark.parametrize("roles", [["user"], ["user", "assistant", "user"]])
def test_chat_equals_the_template_rendered_by_transformers(
    model: str, roles: list[str], request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(model).tokenizer
    said = ["I liked Heat (1995).\n\nWhat now?", "Try Ronin.", "Another one"]
    told = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
    expected = tokenizer.raw.apply_chat_template(told, add_generation_prompt=True)["input_ids"]
    prompt = chat(tokenizer, [Message.of(m["role"], m["content"]) for m in told])
    (encoded,) = encode([prompt], tokenizer)
    assert encoded.ids == expected


@SHARED
@given(said=TEXTS)
def test_nothing_said_changes_the_structure(smol: Backbone, gemma: Backbone, said: str) -> None:
    for backbone in (smol, gemma):
        control = special_ids(backbone)

        def structure(text: str, tokenizer=backbone.tokenizer, control=control) -> list[int]:
            prompt = chat(tokenizer, [Message.of("user", text)], answer=text)
            return [i for i in encode([prompt], tokenizer)[0].ids if i in control]

        assert structure(said) == structure("Heat")


def test_the_answer_ends_as_the_template_ends_a_turn(smol: Backbone, gemma: Backbone) -> None:
    for backbone, end in ((smol, "<|im_end|>"), (gemma, "</turn>")):
        prompt = chat(backbone.tokenizer, [Message.of("user", "Next?")], answer="Heat")
        assert prompt.end == end
        (encoded,) = encode([prompt], backbone.tokenizer)
        assert encoded.ids[-1] == backbone.tokenizer.raw.convert_tokens_to_ids(end)


def test_a_system_turn_without_a_system_role_goes_to_the_user(gemma: Backbone) -> None:
    turns = [Message.of("system", "Be brief."), Message.of("user", "Next?")]
    (encoded,) = encode([chat(gemma.tokenizer, turns)], gemma.tokenizer)
    text = gemma.tokenizer.raw.decode(encoded.ids)
    assert "<turn>user" in text
    assert text.index("Be brief.") < text.index("Next?")
    with pytest.raises(ConfigError, match="user"):
        chat(gemma.tokenizer, turns[:1])


def test_without_a_chat_template_turns_are_paragraphs(gpt2: Backbone) -> None:
    prompt = chat(gpt2.tokenizer, [Message.of("system", "Be brief."), Message.of("user", "Next?")])
    (encoded,) = encode([prompt], gpt2.tokenizer)
    assert gpt2.tokenizer.raw.decode(encoded.ids) == "Be brief.\n\nNext?\n\n"


def test_spans_of_a_prompt_keep_their_kind() -> None:
    prompt = Prompt.of("a", Slot(3), Markup("<x>"))
    assert prompt.spans == (Text("a"), Slot(3), Markup("<x>"))


def test_pieces_show_tokens_and_slots(smol: Backbone) -> None:
    prompt = Prompt.of("Seen: Heat ", Slot(7, width=2, label="film"), answer="Ronin")
    (encoded,) = encode([prompt], smol.tokenizer)
    pieces = encoded.pieces(smol.tokenizer)
    assert len(pieces) == len(encoded.ids)
    assert pieces.count("[film 7]") == 2
    assert "".join(pieces[encoded.answer :]) == "Ronin<|im_end|>"


@pytest.mark.parametrize("side", ["left", "right"])
def test_vectors_land_in_their_slots_in_order_with_gradients(backbone: Backbone, side: str) -> None:
    prompts = [
        Prompt.of("Heat", Slot(5, width=2), " and Ronin", Slot(3, width=2), answer="Babe"),
        Prompt.of("nothing here", answer="Babe"),
        Prompt.of(Slot(9, width=2)),
    ]
    batch = collate(encode(prompts, backbone.tokenizer), backbone.tokenizer.pad_id, side)
    assert batch["slots"].tolist() == [5, 3, 9]
    vectors = torch.randn(3, 2, backbone.hidden_size, requires_grad=True)
    mixed = splice(backbone, batch["input_ids"], batch["slot_mask"], vectors)
    assert torch.equal(mixed[batch["slot_mask"]], vectors.reshape(6, -1))
    plain = backbone.embed_tokens(batch["input_ids"])
    assert torch.equal(mixed[~batch["slot_mask"]], plain[~batch["slot_mask"]])
    mixed[batch["slot_mask"]].sum().backward()
    assert torch.equal(vectors.grad, torch.ones_like(vectors))


def test_too_few_vectors_are_an_error(gpt2: Backbone) -> None:
    batch = collate(encode([Prompt.of(Slot(1), Slot(2))], gpt2.tokenizer), 0)
    with pytest.raises(ConfigError, match="room for 2 vectors"):
        splice(gpt2, batch["input_ids"], batch["slot_mask"], torch.zeros(1, gpt2.hidden_size))
    with pytest.raises(ConfigError, match="room for 2 vectors"):
        splice(gpt2, batch["input_ids"], batch["slot_mask"])
