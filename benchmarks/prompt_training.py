"""Training from prompts against a plain loop of transformers and peft, on the same examples.

People's last films are the prompts, and what they watched next is the answer, learned with a
low-rank adapter. The plain loop does what tutorials do: random batches, padded to the longest,
scores for every position, the answer's tokens in the loss. Here, ``fit`` puts prompts of like
length together, scores only the positions that are learned, and adds low-rank updates in few
passes. Tokens are real ones, padding not counted, and both see each example once. Expected: at
least as many tokens per second, whether two layers of each block are adapted or all.

    python benchmarks/prompt_training.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

from palate.data.cases import Split
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.data.titles import formed
from palate.language.adapters import AdapterConfig
from palate.language.backbone import IGNORED, Backbone
from palate.language.collate import encode
from palate.language.prompts import Prompt
from palate.recommenders.bigrec import BIGRec, BIGRecConfig
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.prompts import PromptExamples, PromptNet
from record import record

ADAPTERS = {
    "q_proj and v_proj": AdapterConfig(targets=("q_proj", "v_proj")),
    "all linear layers": AdapterConfig(targets="all-linear"),
}
RATE = 5e-4


def examples_of(split: Split, number: int, seed: int) -> list[Prompt]:
    recommender = BIGRec(BIGRecConfig(noun="movie", samples=number))
    recommender.catalogue = split.catalogue
    recommender.titles = formed(split.catalogue.titles)
    return recommender.examples(split, seed)


def ours(
    adapter: AdapterConfig, model: str, prompts: list[Prompt], batch_size: int, seed: int
) -> float:
    backbone = Backbone.load(model)
    backbone.requires_grad_(False)
    backbone.adapters.add("recommender", adapter, seed)
    net = PromptNet(backbone)
    examples = PromptExamples(backbone, prompts)
    config = TrainingConfig(epochs=1, batch_size=batch_size, learning_rate=RATE, precision="auto")
    start = time.perf_counter()
    fit(net, examples, examples.collate, config, None, FitContext(seed))
    return time.perf_counter() - start


def plain(
    adapter: AdapterConfig, model: str, prompts: list[Prompt], batch_size: int, seed: int
) -> float:
    from peft import LoraConfig, get_peft_model

    backbone = Backbone.load(model)
    pad, targets = backbone.tokenizer.pad_id, adapter.targets
    encoded = encode(prompts, backbone.tokenizer)
    network = get_peft_model(
        backbone.model,
        LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.alpha,
            lora_dropout=adapter.dropout,
            target_modules=targets if isinstance(targets, str) else list(targets),
            task_type="CAUSAL_LM",
        ),
    )
    network.train()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=RATE)
    order = torch.randperm(len(encoded), generator=torch.Generator().manual_seed(seed)).tolist()
    start = time.perf_counter()
    for first in range(0, len(order), batch_size):
        some = [encoded[i] for i in order[first : first + batch_size]]
        length = max(len(one.ids) for one in some)
        ids = torch.full((len(some), length), pad)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
        for row, one in enumerate(some):
            n = len(one.ids)
            ids[row, :n], mask[row, :n] = torch.tensor(one.ids), 1
            labels[row, one.answer : n] = torch.tensor(one.ids[one.answer :])
        loss = network(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--examples", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    prompts = examples_of(split, options.examples, options.seed)
    backbone = Backbone.load(options.model)
    tokens = sum(len(one.ids) for one in encode(prompts, backbone.tokenizer))
    precision = str(backbone.dtype).removeprefix("torch.")
    del backbone
    job = (options.model, prompts, options.batch_size, options.seed)
    adapted = {}
    for name, adapter in ADAPTERS.items():
        times = [(ours(adapter, *job), plain(adapter, *job)) for _ in range(options.rounds)]
        mine, other = (statistics.median(column) for column in zip(*times, strict=True))
        adapted[name] = {
            "palate_tokens_per_second": tokens / mine,
            "plain_tokens_per_second": tokens / other,
            "ratio": other / mine,
            "all_seconds": times,
        }
    results: dict[str, Any] = {
        "model": options.model,
        "weights": precision,
        "examples": len(prompts),
        "tokens": tokens,
        "batch_size": options.batch_size,
        "threads": torch.get_num_threads(),
        "adapted": adapted,
    }
    print(results)
    command = f"python benchmarks/prompt_training.py --model {options.model} "
    command += f"--examples {options.examples} --batch-size {options.batch_size} "
    command += f"--rounds {options.rounds} --seed {options.seed}"
    print(record("prompt_training", results, command, seed=options.seed))


if __name__ == "__main__":
    main()
