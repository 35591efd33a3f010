"""The language model: batches, padding, truncation, precision, checkpointing, on every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from palate.errors import ConfigError
from palate.language.backbone import Backbone
from palate.language.collate import Batch, collate, encode, splice
from palate.language.prompts import Prompt, Slot

PROMPTS = [
    Prompt.of("Seen: Toy Story (1995)", Slot(0), "; Heat", Slot(1), ". Next:", answer=" Babe"),
    Prompt.of("Next:", answer=" Seven, a film about a thief and the man who hunts him"),
    Prompt.of(Slot(2), " Twelve Monkeys", answer=" Heat"),
]


def vectors(backbone: Backbone) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scale = backbone.embed_tokens(torch.arange(50)).std().item()
    return torch.randn(3, backbone.hidden_size, generator=generator) * scale


def batch_of(backbone: Backbone, prompts: list[Prompt], side: str = "left") -> Batch:
    return collate(encode(prompts, backbone.tokenizer), backbone.tokenizer.pad_id, side)


def inputs(backbone: Backbone, batch: Batch) -> dict[str, torch.Tensor]:
    mixed = splice(
        backbone, batch["input_ids"], batch["slot_mask"], vectors(backbone)[batch["slots"]]
    )
    return {
        "inputs_embeds": mixed,
        "attention_mask": batch["attention_mask"],
        "position_ids": batch["position_ids"],
    }


def states(backbone: Backbone, prompts: list[Prompt], side: str = "left") -> list[torch.Tensor]:
    """Hidden states of each prompt's real positions."""
    batch = batch_of(backbone, prompts, side)
    with torch.no_grad():
        hidden = backbone.hidden(**inputs(backbone, batch))
    return [one[mask.bool()] for one, mask in zip(hidden, batch["attention_mask"], strict=True)]


def close(first: list[torch.Tensor], second: list[torch.Tensor]) -> None:
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_batch_equals_single(backbone: Backbone, side: str) -> None:
    single = [states(backbone, [prompt])[0] for prompt in PROMPTS]
    close(states(backbone, PROMPTS, side), single)


def test_positions_may_be_left_out(backbone: Backbone) -> None:
    given = inputs(backbone, batch_of(backbone, PROMPTS))
    mask = given["attention_mask"].bool()
    with torch.no_grad():
        own = backbone.hidden(given["inputs_embeds"], given["attention_mask"])
        assert torch.equal(own[mask], backbone.hidden(**given)[mask])


@pytest.mark.parametrize("side", ["left", "right"])
def test_answer_loss_is_the_loss_of_transformers(backbone: Backbone, side: str) -> None:
    batch = batch_of(backbone, PROMPTS, side)
    given = inputs(backbone, batch)
    with torch.no_grad():
        ours = backbone.answer_loss(**given, labels=batch["labels"])
        theirs = backbone.model(**given, labels=batch["labels"], use_cache=False).loss
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_scores_at_kept_positions_are_those_of_all(backbone: Backbone) -> None:
    given = inputs(backbone, batch_of(backbone, PROMPTS))
    keep = torch.tensor([3, 1])
    with torch.no_grad():
        torch.testing.assert_close(backbone(**given, keep=keep), backbone(**given)[:, keep])


def test_the_stack_equals_the_whole_model_on_tokens(backbone: Backbone) -> None:
    """Embeddings, positions and norm are put together as the model itself does it."""
    (encoded,) = encode([Prompt.of("Seen: Toy Story (1995)")], backbone.tokenizer)
    ids = torch.tensor([encoded.ids])
    with torch.no_grad():
        expected = backbone.model(input_ids=ids, output_hidden_states=True)
        ours = backbone.hidden(backbone.embed_tokens(ids), torch.ones_like(ids))
    torch.testing.assert_close(ours, expected.hidden_states[-1], atol=1e-5, rtol=1e-5)


def test_all_layers_equal_the_full_model(tiny: Backbone) -> None:
    same = Backbone.load(tiny.name, layers=tiny.layers, precision="fp32", device="cpu")
    assert same.layers == tiny.layers
    close(states(same, PROMPTS), states(tiny, PROMPTS))


def test_fewer_layers_are_the_first_ones(tiny: Backbone) -> None:
    cut = Backbone.load(tiny.name, layers=2, precision="fp32", device="cpu")
    assert cut.layers == 2
    assert sum(p.numel() for p in cut.parameters()) < sum(p.numel() for p in tiny.parameters())
    full = states(tiny, PROMPTS)
    with tiny.first_layers(2):
        close(states(tiny, PROMPTS), states(cut, PROMPTS))
    close(states(tiny, PROMPTS), full)
    given = inputs(tiny, batch_of(tiny, PROMPTS[1:2]))
    with torch.no_grad():
        told = tiny.model(**given, output_hidden_states=True, use_cache=False).hidden_states
        norm = next(m for name, m in tiny.decoder.named_children() if name in ("norm", "ln_f"))
        torch.testing.assert_close(norm(told[2]), cut.hidden(**given), atol=1e-5, rtol=1e-5)


def test_layers_out_of_range_are_an_error(gpt2: Backbone) -> None:
    for layers in (0, 9):
        with pytest.raises(ConfigError, match="3 layers"):
            Backbone.load(gpt2.name, layers=layers)
        with pytest.raises(ConfigError, match="3 layers"), gpt2.first_layers(layers):
            pass


def test_real_truncation_reads_only_what_it_keeps(smol: Backbone) -> None:
    assert smol.layers == 2
    embedding = smol.embed_tokens.weight.numel()
    assert sum(p.numel() for p in smol.parameters()) < embedding + 2 * 4_000_000
    assert smol.hidden_size == 576


def test_bf16_is_close_to_fp32(backbone: Backbone) -> None:
    half = Backbone.load(backbone.name, layers=backbone.layers, precision="bf16", device="cpu")
    assert half.dtype == torch.bfloat16
    for a, b in zip(states(half, PROMPTS), states(backbone, PROMPTS), strict=True):
        cosine = torch.cosine_similarity(a.float(), b.float(), dim=-1)
        assert cosine.min() > 0.99


def test_auto_precision_follows_the_hardware(gpt2_folder: Path) -> None:
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    found = Backbone.load(str(gpt2_folder), device="cpu").dtype
    assert found == (torch.bfloat16 if fast else torch.float32)


def test_checkpointing_gives_the_same_gradients(tiny: Backbone) -> None:
    saving = Backbone.load(tiny.name, precision="fp32", device="cpu", gradient_checkpointing=True)
    gradients = []
    for backbone in (tiny, saving):
        backbone.train()
        batch = batch_of(backbone, PROMPTS)
        backbone.answer_loss(**inputs(backbone, batch), labels=batch["labels"]).backward()
        gradients.append({n: p.grad for n, p in backbone.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) > 10
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-5, rtol=1e-4)


def test_random_weights_are_others_and_depend_on_the_seed_alone(tiny: Backbone) -> None:
    before = torch.get_rng_state()
    first = Backbone.random(tiny.name, layers=2, seed=1, precision="fp32", device="cpu")
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(3)
    again = Backbone.random(tiny.name, layers=2, seed=1, precision="fp32", device="cpu")
    other = Backbone.random(tiny.name, layers=2, seed=2, precision="fp32", device="cpu")
    cut = Backbone.load(tiny.name, layers=2, precision="fp32", device="cpu")
    shapes = {name: value.shape for name, value in cut.state_dict().items()}
    assert {name: value.shape for name, value in first.state_dict().items()} == shapes
    close(states(first, PROMPTS), states(again, PROMPTS))
    for different in (other, cut):
        assert not torch.allclose(states(first, PROMPTS)[0], states(different, PROMPTS)[0])


def test_loading_is_silent(gpt2_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Backbone.load(str(gpt2_folder), layers=1)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written_into_the_model_folder(tiny: Backbone) -> None:
    folder = Path(tiny.name)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    Backbone.load(tiny.name, layers=1)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    config = AutoModelForCausalLM.from_pretrained(folder).config
    assert config.num_hidden_layers == tiny.layers
