"""Beam search for recommendation against ``generate`` of transformers: same weights and prompts.

People's last ten films are the prompt, and the answer is a title. Twenty beams, free and held to
the catalogue: transformers is held to it by ``prefix_allowed_tokens_fn``, a function called for
each beam at each step. Both must find the same answers. The step that looks up what is allowed
is timed alone as well. Expected: the same answers, 4 times as fast, and a step 100 times as fast.

    python benchmarks/decoding.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from palate.data.load import DataConfig, load
from palate.data.splits import Split, make_split
from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings, Hypothesis
from palate.language.collate import collate, encode
from palate.language.generation import answer_tokens, generate
from palate.language.prompts import Prompt
from palate.language.trie import Trie
from record import record

LISTED = 10  # films of a history
INSTRUCTION = (
    "Recommend one film to a person, given the films that they watched. "
    "Answer with the title and the year of one film.\n\n"
)


def prompts_of(split: Split, users: int) -> list[Prompt]:
    titles = split.catalogue.titles
    found = []
    for user in range(users):
        watched = "\n".join(titles[item] for item in split.test.histories[user][-LISTED:])
        found.append(Prompt.of(f"{INSTRUCTION}Watched:\n{watched}\n\nRecommended:\n", answer=""))
    return found


class DictTrie:
    """What a tutorial would write: nested dictionaries, walked from the root for each beam."""

    def __init__(self, answers: list[list[int]], start: int) -> None:
        self.root: dict[int, Any] = {}
        self.start = start
        for answer in answers:
            node = self.root
            for token in answer:
                node = node.setdefault(token, {})

    def __call__(self, batch: int, tokens: torch.Tensor) -> list[int]:
        node = self.root
        for token in tokens[self.start :].tolist():
            node = node.get(token, {})
        return list(node) or [0]


def theirs(
    backbone: Backbone,
    prompts: list[Prompt],
    settings: BeamSettings,
    answers: list[list[int]] | None,
) -> list[list[Hypothesis]]:
    encoded = encode([Prompt(p.spans) for p in prompts], backbone.tokenizer)
    batch = collate(encoded, backbone.tokenizer.pad_id)
    length = batch["input_ids"].shape[1]
    with torch.no_grad():
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
            eos_token_id=backbone.tokenizer.eos_id,
            return_dict_in_generate=True,
            output_scores=True,
            prefix_allowed_tokens_fn=None if answers is None else DictTrie(answers, length),
        )
    found = []
    for row, score in zip(out.sequences[:, length:].tolist(), out.sequences_scores, strict=True):
        end = row.index(backbone.tokenizer.eos_id) + 1 if backbone.tokenizer.eos_id in row else None
        found.append(Hypothesis(row[:end], float(score)))
    return [found[i : i + settings.beams] for i in range(0, len(found), settings.beams)]


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def differences(left: list[list[Hypothesis]], right: list[list[Hypothesis]]) -> dict[str, Any]:
    pairs = [(a, b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True)]
    return {
        "answers": len(pairs),
        "same": sum(a.tokens == b.tokens for a, b in pairs),
        "largest_difference_of_scores": max(abs(a.score - b.score) for a, b in pairs),
    }


def step(backbone: Backbone, trie: Trie, answers: list[list[int]], beams: int) -> dict[str, Any]:
    """One look at what may follow, for beams that stand at random nodes."""
    from transformers import PrefixConstrainedLogitsProcessor

    inner = trie.inner()
    picked = torch.randint(len(inner), (beams,), generator=torch.Generator().manual_seed(0))
    nodes = inner[picked].sort().values
    nodes = nodes[trie.depths()[nodes] == 2]
    nodes = nodes[torch.arange(beams) % len(nodes)]
    above = trie.parents[nodes]
    ids = torch.stack([trie.tokens[above - 1], trie.tokens[nodes - 1]], 1)  # two tokens in
    scores = torch.randn(beams, backbone.embed_tokens.weight.shape[0]).log_softmax(-1)
    processor = PrefixConstrainedLogitsProcessor(DictTrie(answers, 0), 1)

    def ours() -> torch.Tensor:
        owners, edges = trie.edges(nodes)
        return scores[owners, trie.tokens[edges]]

    masked = processor(ids, scores)
    if not torch.equal(masked[masked > -torch.inf].sort().values, ours().sort().values):
        raise SystemExit("the two allow different tokens: the timings would mean nothing")
    many = [seconds(ours) for _ in range(200)]
    few = [seconds(lambda: processor(ids, scores)) for _ in range(20)]
    mine, other = statistics.median(many), statistics.median(few)
    return {
        "beams": beams,
        "palate_ms": 1e3 * mine,
        "callback_ms": 1e3 * other,
        "ratio": other / mine,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--beams", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    split = make_split(load(DataConfig(data="ml-100k")), "leave-one-out")
    backbone = Backbone.load(options.model, precision="fp32")
    prompts = prompts_of(split, options.users)
    answers = answer_tokens(backbone.tokenizer, split.catalogue.titles)
    trie = Trie(answers)
    tokens = [len(one.ids) for one in encode(prompts, backbone.tokenizer)]
    results: dict[str, Any] = {
        "model": options.model,
        "precision": "fp32",
        "users": options.users,
        "beams": options.beams,
        "threads": torch.get_num_threads(),
        "prompt_tokens": statistics.mean(tokens),
        "title_tokens": statistics.mean(map(len, answers)),
    }
    free = BeamSettings(options.beams, max_tokens=16)
    held = BeamSettings(options.beams, max_tokens=trie.depth)
    for name, settings, only in (("free", free, None), ("held to the catalogue", held, trie)):
        mine, their, times = [], [], []
        for _ in range(options.rounds):
            start = time.perf_counter()
            mine = generate(backbone, prompts, settings, allowed=only)
            middle = time.perf_counter()
            their = theirs(backbone, prompts, settings, answers if only else None)
            times.append((middle - start, time.perf_counter() - middle))
        ours, other = (statistics.median(column) for column in zip(*times, strict=True))
        results[name] = differences(mine, their) | {
            "palate_seconds": ours,
            "transformers_seconds": other,
            "ratio": other / ours,
            "all_seconds": times,
        }
        print(name, results[name])
    results["step"] = step(backbone, trie, answers, options.users * options.beams)
    print("step", results["step"])
    command = f"python benchmarks/decoding.py --model {options.model} --users {options.users} "
    command += f"--beams {options.beams} --rounds {options.rounds}"
    print(record("decoding", results, command))


if __name__ == "__main__":
    main()
