"""Adapters: fresh ones change nothing, trained ones survive the disk, and none leak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from palate.errors import ConfigError, RunError
from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone

from .test_backbone import PROMPTS, batch_of, inputs

CONFIG = AdapterConfig(rank=4, dropout=0.0)


def logits(backbone: Backbone) -> torch.Tensor:
    backbone.eval()
    with torch.no_grad():
        return backbone(**inputs(backbone, batch_of(backbone, PROMPTS[1:2])))


def train(backbone: Backbone, steps: int = 3) -> None:
    trained = [p for p in backbone.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    batch = batch_of(backbone, PROMPTS)
    backbone.train()
    for _ in range(steps):
        optimizer.zero_grad()
        backbone.answer_loss(**inputs(backbone, batch), labels=batch["labels"]).backward()
        optimizer.step()
    backbone.eval()


def base(backbone: Backbone) -> dict[str, torch.Tensor]:
    named = backbone.model.named_parameters()
    return {name: value.detach().clone() for name, value in named if "lora_" not in name}


def test_a_fresh_adapter_changes_nothing_and_is_all_that_trains(tiny: Backbone) -> None:
    before = logits(tiny)
    tiny.adapters.add("first", CONFIG)
    torch.testing.assert_close(logits(tiny), before)
    trained = {name for name, value in tiny.named_parameters() if value.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    head = tiny.model.get_output_embeddings()
    assert not any("lora_" in name for name, _ in head.named_parameters())
    weights = base(tiny)
    train(tiny)
    assert all(torch.equal(weights[name], value) for name, value in base(tiny).items())
    assert not torch.allclose(logits(tiny), before)


def test_a_saved_adapter_reloads_to_equal_logits_in_a_fresh_process(
    gpt2_folder: Path, tmp_path: Path
) -> None:
    tiny = Backbone.load(str(gpt2_folder), precision="fp32", device="cpu")
    tiny.adapters.add("taste", CONFIG)
    bare = logits(tiny)
    train(tiny)
    tiny.adapters.save("taste", tmp_path / "adapter")
    save_file({"logits": logits(tiny), "bare": bare}, tmp_path / "logits.safetensors")
    script = (
        "import sys, torch; from pathlib import Path; from safetensors.torch import load_file\n"
        "from palate.language.backbone import Backbone\n"
        "from tests.language.test_adapters import logits\n"
        "folder = Path(sys.argv[2]); told = load_file(folder / 'logits.safetensors')\n"
        "fresh = Backbone.load(sys.argv[1], precision='fp32', device='cpu')\n"
        "torch.testing.assert_close(logits(fresh), told['bare'])\n"
        "fresh.adapters.load('other_name', folder / 'adapter')\n"
        "torch.testing.assert_close(logits(fresh), told['logits'])\n"
        "print('equal')"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script, tiny.name, str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "equal\n", done.stderr


def test_the_real_model_saves_and_loads_an_adapter(tmp_path: Path) -> None:
    model = {"layers": 1, "precision": "bf16", "device": "cpu"}
    first = Backbone.load("smollm2-135m", **model)
    first.adapters.add("taste", CONFIG)
    assert all(value.dtype == torch.float32 for value in first.adapters.tensors("taste").values())
    bare = logits(first)
    train(first, steps=1)
    trained = logits(first)
    assert not torch.equal(trained, bare)
    first.adapters.save("taste", tmp_path)
    first.adapters.delete("taste")
    assert torch.equal(logits(first), bare)
    first.adapters.load("again", tmp_path)
    assert torch.equal(logits(first), trained)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_peft_itself_reads_what_was_saved(tiny: Backbone, tmp_path: Path) -> None:
    tiny.adapters.add("taste", CONFIG)
    train(tiny)
    tiny.adapters.save("taste", tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tiny.name, dtype=torch.float32)
    theirs = PeftModel.from_pretrained(model, str(tmp_path)).eval()
    with torch.no_grad():
        given = inputs(tiny, batch_of(tiny, PROMPTS[1:2]))
        torch.testing.assert_close(theirs(**given, use_cache=False).logits, logits(tiny))


def test_an_untrained_adapter_is_not_saved(tiny: Backbone, tmp_path: Path) -> None:
    tiny.adapters.add("taste", CONFIG)
    with pytest.raises(RunError, match="all zero"):
        tiny.adapters.save("taste", tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def test_adapters_do_not_touch_each_other(tiny: Backbone) -> None:
    bare = logits(tiny)
    tiny.adapters.add("long_term", CONFIG, seed=1)
    train(tiny)
    long_term = logits(tiny)
    tiny.adapters.add("short_term", AdapterConfig(rank=2, dropout=0.0), seed=2)
    torch.testing.assert_close(logits(tiny), bare)
    train(tiny)
    assert tiny.adapters.names == ["long_term", "short_term"]
    tiny.adapters.activate("long_term")
    torch.testing.assert_close(logits(tiny), long_term)
    tiny.adapters.activate(None)
    torch.testing.assert_close(logits(tiny), bare)


def test_disabled_gives_the_bare_model_and_then_everything_back(tiny: Backbone) -> None:
    bare = logits(tiny)
    tiny.adapters.add("taste", CONFIG)
    train(tiny)
    trained = logits(tiny)
    grads = {name: value.requires_grad for name, value in tiny.named_parameters()}
    with tiny.adapters.disabled():
        assert tiny.adapters.active is None
        torch.testing.assert_close(logits(tiny), bare)
    torch.testing.assert_close(logits(tiny), trained)
    assert tiny.adapters.active == "taste"
    assert {name: value.requires_grad for name, value in tiny.named_parameters()} == grads


def test_the_seed_decides_a_fresh_adapter(tiny: Backbone) -> None:
    before = torch.get_rng_state()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tiny.adapters.add(name, CONFIG, seed=seed)
    assert torch.equal(before, torch.get_rng_state())
    a, b, c = (list(tiny.adapters.tensors(name).values()) for name in "abc")
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a, c, strict=True))


def test_targets_can_be_named(smol: Backbone) -> None:
    model = Backbone.load("smollm2-135m", layers=1, precision="fp32", device="cpu")
    model.adapters.add("taste", AdapterConfig(targets=("q_proj", "v_proj")))
    assert len(model.adapters.tensors("taste")) == 4
    with pytest.raises(ConfigError, match="no_such_layer"):
        model.adapters.add("wrong", AdapterConfig(targets=("no_such_layer",)))
    assert model.adapters.names == ["taste"]
    assert model.adapters.active == "taste"


def test_names_must_be_new_and_known(tiny: Backbone) -> None:
    tiny.adapters.add("taste", CONFIG)
    with pytest.raises(ConfigError, match="already"):
        tiny.adapters.add("taste", CONFIG)
    with pytest.raises(ConfigError, match="letters"):
        tiny.adapters.add("long.term", CONFIG)
    with pytest.raises(ConfigError, match="no adapter"):
        tiny.adapters.activate("taset")


def test_folders_that_hold_no_fitting_adapter(
    gpt2_folder: Path, gemma_folder: Path, tmp_path: Path
) -> None:
    gpt2 = Backbone.load(str(gpt2_folder), precision="fp32", device="cpu")
    with pytest.raises(RunError, match="no adapter here"):
        gpt2.adapters.load("taste", tmp_path)
    gpt2.adapters.add("taste", CONFIG)
    train(gpt2)
    gpt2.adapters.save("taste", tmp_path)
    gemma = Backbone.load(str(gemma_folder), precision="fp32", device="cpu")
    with pytest.raises(RunError, match="another model"):
        gemma.adapters.load("taste", tmp_path)
    assert gemma.adapters.names == []
    # The same names in other sizes are another model as well.
    told = json.loads((tmp_path / "adapter_config.json").read_text())
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert told["r"] == 4
    halves = {k: (v[:2] if "lora_A" in k else v).contiguous() for k, v in tensors.items()}
    save_file(halves, tmp_path / "adapter_model.safetensors")
    with pytest.raises(RunError, match="another model"):
        gpt2.adapters.load("other", tmp_path)
    assert gpt2.adapters.names == ["taste"]


def test_a_merged_adapter_computes_the_same_and_leaves_the_weights_as_they_were(
    tiny: Backbone,
) -> None:
    tiny.adapters.add("taste", CONFIG)
    train(tiny)
    apart, weights = logits(tiny), base(tiny)
    grads = {name: value.requires_grad for name, value in tiny.named_parameters()}
    with tiny.adapters.merged():
        torch.testing.assert_close(logits(tiny), apart, atol=1e-5, rtol=1e-4)
        assert any(not torch.equal(weights[name], value) for name, value in base(tiny).items())
    assert all(torch.equal(weights[name], value) for name, value in base(tiny).items())
    assert torch.equal(logits(tiny), apart)
    assert tiny.adapters.active == "taste"
    assert {name: value.requires_grad for name, value in tiny.named_parameters()} == grads


def test_an_error_while_merged_leaves_the_weights_as_they_were(tiny: Backbone) -> None:
    tiny.adapters.add("taste", CONFIG)
    train(tiny)
    weights = base(tiny)
    with pytest.raises(ZeroDivisionError), tiny.adapters.merged():
        1 / 0  # noqa: B018
    assert all(torch.equal(weights[name], value) for name, value in base(tiny).items())
