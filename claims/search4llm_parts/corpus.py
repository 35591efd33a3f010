"""Texts to learn from: copies, and what is worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from claims.search4llm_parts.experiment import PAPER, Experiment
from claims.verdicts import better, exactly

GOOD, COPY = "good", "copy"
RUBBISH = ("advertising", "menu", "salad", COPY)


def duplicates(work: Experiment) -> list[dict[str, Any]]:
    """Planted copies: with words changed, found by bands and exact likeness, and by SHA-1 alone."""
    from palate.search.corpus.duplicates import exact_groups, jaccard, near_groups, shingles

    def compute() -> dict[str, np.ndarray]:
        random = np.random.default_rng(1)
        texts = [d.text for d in work.documents.values()][: work.given.texts]
        texts = [texts[group[0]] for group in near_groups(texts)]  # none of them is a copy yet
        changed = [_changed(text, 0.01 + 0.02 * (i % 3), random) for i, text in enumerate(texts)]
        same = [jaccard(shingles(a), shingles(b)) for a, b in zip(texts, changed, strict=True)]
        near = _pairs(near_groups([*texts, *changed]))
        exact = _pairs(exact_groups([*texts, *changed]))
        n = len(texts)
        truly = [i for i in range(n) if same[i] >= 0.7]
        wanted = {(i, n + i) for i in truly}
        return {
            "near": np.array([float((i, n + i) in near) for i in truly]),
            "exact": np.array([float((i, n + i) in exact) for i in truly]),
            "precision": np.array([float(pair in wanted) for pair in near] or [1.0]),
        }

    found = work.kept("duplicates", compute)
    return [
        better("MinHash finds planted near duplicates that SHA-1 does not", found["near"],
               found["exact"], PAPER, what="recall of planted copies with Jaccard >= .7"),
        exactly("and nothing but those", bool(found["precision"].mean() >= 0.99), PAPER,
                f"precision {found['precision'].mean():.3f} of {len(found['precision'])} pairs"),
    ]  # fmt: skip


def curation(work: Experiment) -> list[dict[str, Any]]:
    """A tiny model trained on as many tokens, curated or drawn at random from a polluted heap."""
    from palate.search.corpus.curate import CurateConfig, curate
    from palate.search.corpus.quality import NgramClassifier
    from palate.search.documents import Document

    random = np.random.default_rng(2)
    texts = [d.text for d in work.documents.values()]
    random.shuffle(texts)
    start = 30 + work.given.liked
    held, liked, clean = texts[:30], texts[30:start], texts[start:]
    heap = [Document(f"{GOOD}-{i}", text) for i, text in enumerate(clean)]
    for i in range(len(clean)):
        kind, text = _rubbish(i, clean, random)
        heap.append(Document(f"{kind}-{i}", text))
    heap = [heap[i] for i in random.permutation(len(heap))]
    # A copy is no worse than what it is a copy of: only the search for copies can tell it.
    disliked = [_rubbish(i, liked, random) for i in range(2 * len(liked))]
    model = NgramClassifier().fit(liked, [text for kind, text in disliked if kind != COPY])

    def scored() -> dict[str, np.ndarray]:
        scores = model.score([d.text for d in heap])
        return {kind: scores[[d.id.startswith(kind) for d in heap]] for kind in (GOOD, *RUBBISH)}

    scores = work.kept(f"curation-scores-{len(liked)}", scored)
    aucs = {kind: _auc(scores[GOOD], scores[kind]) for kind in RUBBISH if kind != COPY}
    kept = curate(heap, CurateConfig(keep_best=0.5), quality=model.score)
    shares = [_worth(heap), _worth(kept.documents)]

    def trained() -> dict[str, np.ndarray]:
        losses: dict[str, list[np.ndarray]] = {"curated": [], "random": []}
        for seed in range(work.given.seeds):
            draw = np.random.default_rng(seed)
            curated = [kept.documents[i].text for i in draw.permutation(len(kept.documents))]
            anything = [heap[i].text for i in draw.permutation(len(heap))]
            for name, texts in (("curated", curated), ("random", anything)):
                losses[name].append(_tiny(texts, held, seed, work.given))
        return {name: np.stack(values) for name, values in losses.items()}

    losses = work.kept(f"curation-losses-{len(liked)}", trained)
    signs = (losses["random"].mean(1) > losses["curated"].mean(1)).tolist()
    told = [np.exp(losses[name].mean()) for name in ("curated", "random")]
    each = ", ".join(f"{kind} {auc:.3f}" for kind, auc in aucs.items())
    mean = float(np.mean(list(aucs.values())))
    return [
        exactly("a classifier on n-grams tells planted rubbish", mean > 0.9, PAPER,
                f"AUC {mean:.3f}: {each}"),
        exactly("curation leaves no more than a tenth of rubbish", shares[1] > 0.9, PAPER,
                f"{shares[1]:.3f} of what is kept is good and there once, {shares[0]:.3f} of all"),
        better("a tiny model learns more from curated text than from as much drawn at random",
               -losses["curated"].mean(0), -losses["random"].mean(0), PAPER,
               what="log-likelihood of a token of clean text, by text"),
        exactly("for every seed", all(signs), PAPER,
                f"{sum(signs)} of {len(signs)} seeds; perplexity {told[0]:.0f} and {told[1]:.0f}"),
    ]  # fmt: skip


def _changed(text: str, share: float, random: np.random.Generator) -> str:
    words = text.split()
    for place in random.choice(len(words), max(1, int(share * len(words))), replace=False):
        words[place] = f"changed{place}"
    return " ".join(words)


def _pairs(groups: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    return {(a, b) for group in groups for i, a in enumerate(group) for b in group[i + 1 :]}


def _rubbish(number: int, clean: Sequence[str], random: np.random.Generator) -> tuple[str, str]:
    """(kind, text): each kind in turn."""
    kind, text = RUBBISH[number % len(RUBBISH)], clean[number % len(clean)]
    if kind == "advertising":
        things = " ".join(random.choice(["pills", "shoes", "loans", "phones", "watches"], 4))
        text = f"Buy cheap {things} now, free shipping to all of the world, click here. " * 12
    elif kind == "menu":
        text = "\n".join(f"- {word}" for word in text.split()[:80])
    elif kind == "salad":
        text = " ".join(random.permutation(text.split()))
    else:
        text = _changed(text, 0.01, random)
    return kind, text


def _worth(documents: Sequence[Any]) -> float:
    """Share that are good texts; a copy is one where what it is a copy of is not there, too."""
    ids = {document.id for document in documents}
    good = [
        one.startswith(GOOD) or (one.startswith(COPY) and one.replace(COPY, GOOD) not in ids)
        for one in ids
    ]
    return float(np.mean(good))


def _auc(good: np.ndarray, bad: np.ndarray) -> float:
    from palate.evaluation.likes import auc

    return auc(np.concatenate([good, bad]), np.repeat([True, False], [len(good), len(bad)]))


def _tiny(texts: Sequence[str], held: Sequence[str], seed: int, given: Any) -> np.ndarray:
    """[texts] mean loss of the held texts under two random layers trained on so many tokens."""
    import torch

    from palate.language.backbone import Backbone
    from palate.language.collate import encode
    from palate.language.prompts import Markup, Prompt
    from palate.training.config import TrainingConfig
    from palate.training.context import FitContext
    from palate.training.fit import fit
    from palate.training.prompts import PromptExamples, PromptNet

    backbone = Backbone.random(given.model, layers=2, seed=seed, precision="fp32")
    chosen, tokens = [], 0
    for text in texts:
        prompt = Prompt((Markup(""),), " ".join(text.split()[:180]))
        chosen.append(prompt)
        tokens += len(encode([prompt], backbone.tokenizer)[0].ids)
        if tokens >= given.tokens:
            break
    data = PromptExamples(backbone, chosen)
    config = TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-3, warmup=0.1)
    net = PromptNet(backbone)
    fit(net, data, data.collate, config, None, FitContext(seed=seed))
    net.eval()
    judged = PromptExamples(
        backbone, [Prompt((Markup(""),), " ".join(t.split()[:180])) for t in held]
    )
    found = []
    with torch.no_grad():
        for one in judged.encoded:
            batch = {key: value.to(backbone.device) for key, value in judged.collate([one]).items()}
            found.append(float(net(**batch)["loss"]))
    return np.array(found)
