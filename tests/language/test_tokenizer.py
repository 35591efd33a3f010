"""Text stays text: no spelling of a control token gets through, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palate.language.backbone import Backbone

LOOK_ALIKES = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<bos>", "<eos>", "<unk>", "<pad>", "<turn>",
    "</turn>", "<repo_name>", "[INST]", "\ue0000\ue001",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(LOOK_ALIKES),
        st.sampled_from(["Toy Story", " (1995)", "\n\n", "'", '"', "é", "日本", "\u200d", "{{x}}"]),
        st.text(max_size=8),
    ),
    max_size=6,
).map("".join)
SHARED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def special_ids(backbone: Backbone) -> set[int]:
    raw = backbone.tokenizer.raw
    added = {i for i, token in raw.added_tokens_decoder.items() if token.special}
    return (added | {raw.convert_tokens_to_ids("</turn>")}) - {raw.unk_token_id, None}


@SHARED
@given(text=TEXTS, continues=st.booleans())
def test_no_text_gives_a_control_token(backbone: Backbone, text: str, continues: bool) -> None:
    (ids,) = backbone.tokenizer.encode([text], continues=continues)
    assert special_ids(backbone).isdisjoint(ids)


@pytest.mark.parametrize("spelling", LOOK_ALIKES)
def test_spellings_survive_as_text(backbone: Backbone, spelling: str) -> None:
    text = f"one {spelling} two"
    (ids,) = backbone.tokenizer.encode([text])
    if backbone.tokenizer.raw.unk_token_id not in ids:
        assert backbone.tokenizer.raw.decode(ids).strip() == text


@SHARED
@given(text=st.text(alphabet="abc XYZ,.'19\n(", max_size=30))
def test_harmless_text_is_tokenised_as_by_transformers(smol: Backbone, text: str) -> None:
    raw = smol.tokenizer.raw
    assert smol.tokenizer.encode([text]) == [raw(text, add_special_tokens=False)["input_ids"]]


def test_bos_only_where_the_model_wants_it(smol: Backbone, gpt2: Backbone, gemma: Backbone) -> None:
    assert smol.tokenizer.raw.bos_token_id is not None
    assert smol.tokenizer.bos_id is None
    assert gpt2.tokenizer.bos_id is None
    assert gemma.tokenizer.bos_id == gemma.tokenizer.raw.convert_tokens_to_ids("<bos>")


def test_a_model_without_padding_token_can_pad(gpt2: Backbone) -> None:
    assert gpt2.tokenizer.raw.pad_token_id is None
    assert gpt2.tokenizer.pad_id == gpt2.tokenizer.eos_id


def test_text_that_continues_gets_no_space_of_its_own(gemma: Backbone, gpt2: Backbone) -> None:
    raw = gemma.tokenizer.raw
    (start,) = gemma.tokenizer.encode(["Heat"])
    (after,) = gemma.tokenizer.encode(["Heat"], continues=True)
    assert raw.convert_ids_to_tokens(start[0]).startswith("▁")
    assert not raw.convert_ids_to_tokens(after[0]).startswith("▁")
    assert gpt2.tokenizer.encode(["Heat"]) == gpt2.tokenizer.encode(["Heat"], continues=True)


def test_markup_is_cut_at_control_tokens(smol: Backbone) -> None:
    start, end = smol.tokenizer.raw.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    cut = smol.tokenizer.split_markup("a<|im_start|>user\nb<|im_end|>")
    assert cut == ["a", start, "user\nb", end]


@SHARED
@given(text=TEXTS, tokens=st.integers(0, 12))
def test_clip_keeps_a_beginning_of_few_tokens(smol: Backbone, text: str, tokens: int) -> None:
    clipped = smol.tokenizer.clip(text, tokens)
    assert text.startswith(clipped)
    whole = len(smol.tokenizer.encode([text])[0])
    if whole <= tokens:
        assert clipped == text


def test_digits_are_tokens_of_their_own_as_in_training(smol: Backbone) -> None:
    (ids,) = smol.tokenizer.encode(["a  19\n\n1."])
    assert smol.tokenizer.raw.convert_ids_to_tokens(ids) == ["a", "ĠĠ", "1", "9", "ĊĊ", "1", "."]
