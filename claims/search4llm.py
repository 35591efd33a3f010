"""Search4LLM (Xiong et al., IEEE TSC 2024, arXiv:2407.00128): does each component help?

    python claims/search4llm.py run --data FOLDER                    # hours without a GPU
    python claims/search4llm.py run --data FOLDER --parts calibration,answers --questions 100
    python claims/search4llm.py table

The paper is a survey without experiments: it names components, and every one is held here against
doing without it. FOLDER holds ``scifact`` (BEIR) and ``cranfield`` as their publishers lay them
out. All numbers belong to one language model (``--model``). Rubbish, duplicates, logs and attacks
are planted, and what is planted is told; nobody's log is in here.

Per-item numbers are kept in ``runs/claims/search4llm``: a part that was computed is not computed
again, so a run that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.record import record
from claims.command import RESULTS
from claims.kept import Kept
from claims.verdicts import better, exactly, table

FOLDER = Path("runs/claims/search4llm")
PARTS = ("duplicates", "curation", "logs", "alignment", "calibration", "answers", "attacks")
PAPER = "names it; no numbers"


class Experiment:
    """SciFact in an index, its judged queries, and the model."""

    def __init__(self, given: argparse.Namespace) -> None:
        from palate.search.layouts import read_documents, read_qrels, read_queries

        self.given = given
        sizes = f"{given.documents}-{given.questions}"
        self.folder = FOLDER / f"{given.model.replace('/', '-')}-{sizes}"
        self.kept = Kept(self.folder)
        place = given.data / "scifact"
        self.qrels = read_qrels(place / "qrels" / "test.tsv")
        random = np.random.default_rng(0)
        self.queries = [q for q in read_queries(place, "beir") if q.id in self.qrels]
        order = random.permutation(len(self.queries))[: given.questions]
        self.queries = [self.queries[place] for place in sorted(order)]
        everything = {d.id: d for d in read_documents(place, "beir")}
        chosen = [d for q in self.queries for d in self.qrels[q.id] if d in everything]
        rest = [d for d in everything if d not in set(chosen)]
        if given.documents:
            rest = random.permutation(rest)[: max(0, given.documents - len(chosen))].tolist()
        self.documents = {d: everything[d] for d in dict.fromkeys([*chosen, *rest])}
        self.strangers = read_queries(given.data / "cranfield" / "cran.qry")[: given.questions // 2]

    @cached_property
    def index(self) -> Any:
        """The documents, indexed once for each size."""
        return self.indexed(self.documents.values(), f"index-{len(self.documents)}")

    def indexed(self, documents: Any, name: str) -> Any:
        """An index of documents in the claim's folder."""
        from palate.search.index import SearchIndex

        folder = self.folder / name
        if (folder / "documents.sqlite").exists():
            return SearchIndex(folder)
        made = SearchIndex.create(folder)
        made.add(documents)
        return made

    @cached_property
    def chat(self) -> Any:
        """The language model; replies are kept in the user's cache."""
        from palate.language.chat import ChatConfig, open_chat

        return open_chat(ChatConfig(model=self.given.model))

    def answerer(self, line: str = "hybrid", model: Any = None, **more: Any) -> Any:
        """Answers from the index."""
        from palate.search.answers.answer import Answerer
        from palate.search.stages import pipeline

        return Answerer(self.index, pipeline(self.index, line), model, **more)


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
    good = [d.text for d in work.documents.values()]
    random.shuffle(good)
    clean, held, liked = good[60:], good[:30], good[30:60]
    heap = [Document(f"g{i}", text, fields={"domain": "papers"}) for i, text in enumerate(clean)]
    for i in range(len(clean)):
        text = _rubbish(i, clean, random)
        heap.append(Document(f"r{i}", text, fields={"domain": "rubbish"}))
    heap = [heap[i] for i in random.permutation(len(heap))]
    spam = [_rubbish(10_000 + i, clean, random) for i in range(60)]
    model = NgramClassifier().fit(liked, spam)

    def scored() -> dict[str, np.ndarray]:
        texts = [d.text for d in heap]
        return {"scores": model.score(texts), "good": np.array([d.id[0] == "g" for d in heap])}

    found = work.kept("curation-scores", scored)
    kept = curate(heap, CurateConfig(keep_best=0.5), quality=model.score)
    clean_share = float(np.mean([d.id.startswith("g") for d in kept.documents]))

    def trained() -> dict[str, np.ndarray]:
        losses: dict[str, list[np.ndarray]] = {"curated": [], "random": []}
        for seed in range(work.given.seeds):
            draw = np.random.default_rng(seed)
            curated = [kept.documents[i].text for i in draw.permutation(len(kept.documents))]
            anything = [heap[i].text for i in draw.permutation(len(heap))]
            for name, texts in (("curated", curated), ("random", anything)):
                losses[name].append(_tiny(texts, held, seed, work.given))
        return {name: np.stack(values) for name, values in losses.items()}

    losses = work.kept("curation-losses", trained)
    signs = (losses["random"].mean(1) > losses["curated"].mean(1)).tolist()
    told = [np.exp(losses[name].mean()) for name in ("curated", "random")]
    auc = _auc(found["scores"], found["good"])
    return [
        exactly("a classifier on n-grams tells planted rubbish", auc > 0.9, PAPER,
                f"AUC {auc:.3f}"),
        exactly("curation leaves less rubbish than half", clean_share > 0.9, PAPER,
                f"{clean_share:.3f} of what is kept is no rubbish, .5 before"),
        better("a tiny model learns more from curated text than from as much drawn at random",
               -losses["curated"].mean(0), -losses["random"].mean(0), PAPER,
               what="log-likelihood of a token of clean text, by text"),
        exactly("for every seed", all(signs), PAPER,
                f"{sum(signs)} of {len(signs)} seeds; perplexity {told[0]:.0f} and {told[1]:.0f}"),
    ]  # fmt: skip


def logs(work: Experiment) -> list[dict[str, Any]]:
    """Planted rewrites are found again, and a model that learned them rewrites other queries."""
    from palate.search.logs.mining import MiningConfig, mine
    from palate.search.logs.privacy import plain_query
    from palate.search.logs.simulator import SimulatorConfig, simulate
    from palate.search.results import Query
    from palate.search.stages import pipeline

    bm25 = pipeline(work.index, "bm25")
    relevant = {q: set(d) for q, d in work.qrels.items()}
    config = SimulatorConfig(sessions=work.given.sessions, users=200)
    made = simulate(work.queries, relevant, bm25, config)
    with work.index.reading() as snapshot:
        found = mine(made.log, snapshot, bm25)
        careless = mine(made.log, None, None, MiningConfig(
            users=1, pair_users=1, dwell=0, least_alike=0, most_alike=1))  # fmt: skip
    planted = {(plain_query(a), plain_query(b)) for a, b in made.planted}
    ours = np.array([float((r.before, r.after) in planted) for r in found.rewrites] or [0.0])
    all_of_them = [float((r.before, r.after) in planted) for r in careless.rewrites] or [0.0]
    # Questions are split by their right wording: none is learned in any of its bad ones.
    rights = sorted({right for _, right in planted})
    held_rights = set(np.random.default_rng(3).permutation(rights)[: len(rights) // 4].tolist())
    lessons = [(r.before, r.after) for r in found.rewrites if r.after not in held_rights]
    asked = sorted((a, b) for a, b in planted if b in held_rights)[: work.given.questions]
    by_text = {plain_query(q.text): relevant[q.id] for q in work.queries}

    def compute() -> dict[str, np.ndarray]:
        written = _rewriter(lessons, [a for a, _ in asked], work.given)
        found = {}
        for name, texts in (("raw", [a for a, _ in asked]), ("learned", written),
                            ("right", [b for _, b in asked])):  # fmt: skip
            lists = bm25.retrieve([Query(str(i), text) for i, text in enumerate(texts)], 10)
            found[name] = np.array([
                next((1 / rank for rank, d in enumerate(one.documents, 1) if d in by_text[b]), 0.0)
                for one, (_, b) in zip(lists, asked, strict=True)
            ])  # fmt: skip
        return found

    claims = [
        exactly("planted rewrites are mined with precision .9", bool(ours.mean() >= 0.9), PAPER,
                f"{ours.mean():.3f} of {len(ours)}; {np.mean(all_of_them):.3f} of "
                f"{len(all_of_them)} without time, clicks, likeness and privacy"),
        exactly("mined answers are found again by their question",
                all(one.rank <= 5 for one in found.answers), PAPER,
                f"{len(found.answers)} answers of {found.counts['questions']} questions"),
    ]  # fmt: skip
    if lessons and asked:
        values = work.kept("rewrites", compute)
        claims.append(better("a model that learned mined rewrites helps BM25 on other questions",
                             values["learned"], values["raw"], PAPER, what="MRR@10"))  # fmt: skip
    return claims


def alignment(work: Experiment) -> list[dict[str, Any]]:
    """Held-out pairs before and after; both losses; what the model knew before."""
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat
    from palate.language.questions import Write, texts
    from palate.search.alignment.groups import groups
    from palate.search.alignment.judging import knowledge, win_rate
    from palate.search.alignment.tuning import AlignmentConfig, accuracy, align, log_probs
    from palate.search.answers.words import Words
    from palate.search.asking import user
    from palate.search.stages import pipeline

    def compute(loss: str) -> dict[str, np.ndarray]:
        with work.index.reading() as snapshot:
            words = Words.of(work.index, snapshot)
            made = groups(work.queries, work.qrels, snapshot, words, pipeline(work.index, "bm25"))
        cut = len(made) // 3
        held, taught = made[:cut], made[cut:]
        backbone = Backbone.load(work.given.model)
        asked = [
            Write(user(f"Question: {group.question}", "Answer in one sentence."), max_tokens=40)
            for group in held[: work.given.judged]
        ]
        old, knew = log_probs(backbone, held), knowledge(LocalChat(backbone))
        said = texts(LocalChat(backbone), asked)
        align(backbone, taught, AlignmentConfig(loss=loss, epochs=work.given.epochs))
        new, knows = log_probs(backbone, held), knowledge(LocalChat(backbone))
        says = texts(LocalChat(backbone), asked)
        with backbone.adapters.disabled():
            questions = [group.question for group in held[: len(says)]]
            judge = win_rate(LocalChat(backbone), questions, says, said)
        return {
            "before": accuracy(held, [total / n for total, n in old]),
            "after": accuracy(held, [total / n for total, n in new]),
            "wins": judge.values,
            "flips": np.array([judge.flips]),
            "knew": knew,
            "knows": knows,
        }

    claims = []
    for loss in ("s-dpo", "dpo", "plackett-luce"):
        found = work.kept(f"alignment-{loss}", lambda loss=loss: compute(loss))
        drop = float(found["knew"].mean() - found["knows"].mean())
        claims += [
            better(f"{loss}: the better document's answer becomes the likelier one",
                   found["after"], found["before"], PAPER, what="accuracy on held-out pairs"),
            better(f"{loss}: the aligned model's answers are preferred (judge: the model itself, "
                   f"both orders, {found['flips'][0]:.2f} decided by order)", found["wins"],
                   np.full(len(found["wins"]), 0.5), PAPER, what="win rate"),
            exactly(f"{loss}: knowledge falls by no more than .01", drop <= 0.01, PAPER,
                    f"{found['knew'].mean():.2f} before, {found['knows'].mean():.2f} after"),
        ]  # fmt: skip
    return claims


def calibration(work: Experiment) -> list[dict[str, Any]]:
    """When to refuse, learned on half of the questions and tested on the other."""
    from palate.search.answers.abstention import Evidence, calibrate, risk_coverage

    claims = []
    for line in ("hybrid", "bm25"):

        def compute(line: str = line) -> dict[str, np.ndarray]:
            answerer = work.answerer(line)
            seen, right = [], []
            for query in (*work.queries, *work.strangers):
                evidence, document = answerer.evidence(query.text)
                seen.append(evidence.values())
                right.append(bool(work.qrels.get(query.id, {}).get(document, 0))
                             and query in work.queries)  # fmt: skip
            return {"evidence": np.array(seen), "right": np.array(right)}

        found = work.kept(f"calibration-{line}", compute)
        seen = [Evidence(*row) for row in found["evidence"].tolist()]
        right = found["right"].astype(bool).tolist()
        learned = calibrate(seen[::2], right[::2])
        whole = calibrate(seen, right)
        sure = [learned.confidence(one) for one in seen[1::2]]
        tested = np.array(right[1::2])
        answered = np.array(sure) >= 0.5
        _, risks = risk_coverage(sure, tested.tolist())
        claims.append(
            better(f"{line}: refusing where unsure makes right decisions more frequent",
                   (answered == tested).astype(float), tested.astype(float), PAPER,
                   what="right answers given, wrong ones refused")
        )  # fmt: skip
        claims.append(
            exactly(f"{line}: the surest half is wrong less often than all",
                    bool(risks[len(risks) // 2 - 1] < risks[-1]), PAPER,
                    f"{risks[len(risks) // 2 - 1]:.2f} and {risks[-1]:.2f}; learned on all: "
                    f"bias {whole.bias:.2f}, weights "
                    f"{', '.join(f'{w:.2f}' for w in whole.weights)}")
        )  # fmt: skip
    return claims


def answers(work: Experiment) -> list[dict[str, Any]]:
    """Facts nobody can know: from memory, from the index, by the model and quoted."""
    from palate.language.questions import Write, texts
    from palate.search.answers.answer import Answerer
    from palate.search.answers.verify import LexicalVerifier
    from palate.search.answers.words import Words
    from palate.search.asking import user
    from palate.search.documents import Document
    from palate.search.stages import pipeline

    facts = _facts(work.given.facts)
    filling = list(work.documents.values())[: 10 * len(facts)]
    pages = [Document(f"fact-{i}", text, title) for i, (title, text, _, _) in enumerate(facts)]
    full = work.indexed([*filling, *pages], f"facts-{len(facts)}")
    without = work.indexed(filling, f"no-facts-{len(facts)}")
    asked = [question for _, _, question, _ in facts]
    wanted = [answer for *_, answer in facts]

    def right(told: Sequence[str]) -> np.ndarray:
        return np.array([float(w.lower() in t.lower()) for t, w in zip(told, wanted, strict=True)])

    def compute() -> dict[str, np.ndarray]:
        quoting = Answerer(full, pipeline(full, "bm25"))
        writing = Answerer(full, pipeline(full, "bm25"), work.chat)
        empty = Answerer(without, pipeline(without, "bm25"))
        closed = texts(work.chat, [Write(user(f"Question: {q}", "Answer in one sentence."),
                                         max_tokens=40) for q in asked])  # fmt: skip
        quoted = [quoting.ask(q) for q in asked]
        written = [writing.ask(q) for q in asked]
        return {
            "closed": right(closed),
            "quoted": right([one.text for one in quoted]),
            "written": right([one.text for one in written]),
            "unchecked": right([one.written for one in written]),
            "used": np.array([float(any(s.by == "model" for s in one.sentences))
                              for one in written]),
            "refused": np.array([float(empty.ask(q).refused) for q in asked]),
            "recall": np.array([one.quality.recall if one.quality else 0.0 for one in written]),
            "precision": np.array([one.quality.precision if one.quality else 0.0
                                   for one in written]),
        }  # fmt: skip

    def edited() -> dict[str, np.ndarray]:
        changed = [
            Document(page.id, page.text.replace(w, "Quorbit"), page.title)
            for page, w in zip(pages, wanted, strict=True)
        ]
        full.add(changed)
        quoting = Answerer(full, pipeline(full, "bm25"))
        told = [quoting.ask(q) for q in asked]
        full.add(pages)
        return {"follows": np.array([float("Quorbit" in one.text and "@" in one.text)
                                     for one in told])}  # fmt: skip

    def verified() -> dict[str, np.ndarray]:
        verifier = LexicalVerifier(Words.plain())
        true = [verifier.support(page.text.split(". ")[0] + ".", [page.text]) for page in pages]
        false = [
            verifier.support(bad, [page.text]) for page in pages for bad in _falsified(page.text)
        ]
        return {"true": np.array([float(one.supported) for one in true]),
                "false": np.array([float(one.supported) for one in false])}  # fmt: skip

    found, follows, checks = (
        work.kept("answers", compute), work.kept("edited", edited), work.kept("verified", verified)
    )  # fmt: skip
    return [
        better("answers from the index beat the model's memory", found["quoted"], found["closed"],
               PAPER, what="facts answered"),
        better("a checked sentence of the model beats an unchecked one", found["written"],
               found["unchecked"], PAPER, what="facts answered"),
        better("the model's sentence, checked, beats quoting", found["written"], found["quoted"],
               PAPER, what="facts answered"),
        exactly("every sentence is supported by what it cites",
                bool(found["recall"].mean() > 0.99), "ALCE ChatGPT 73.6 / 72.5",
                f"recall {found['recall'].mean():.3f}, precision {found['precision'].mean():.3f} "
                f"by the house's verifier; the model's sentence stood {found['used'].mean():.2f} "
                "of the time"),
        exactly("what the index does not hold is refused", bool(found["refused"].mean() >= 0.9),
                PAPER, f"{found['refused'].mean():.3f} of {len(asked)} questions"),
        exactly("an edited document changes the next answer",
                bool(follows["follows"].mean() >= 0.95), PAPER,
                f"{follows['follows'].mean():.3f} of {len(asked)} edits"),
        exactly("the verifier tells falsified sentences from true ones",
                bool(checks["true"].mean() > 0.95 and checks["false"].mean() < 0.05), PAPER,
                f"{checks['true'].mean():.3f} of true and {checks['false'].mean():.3f} of "
                "falsified sentences pass"),
    ]  # fmt: skip


def attacks(work: Experiment) -> list[dict[str, Any]]:
    """Instructions in documents; the same with the patterns off, to see what they are for."""
    from palate.search.answers import evidence
    from palate.search.answers.answer import Answerer
    from palate.search.answers.attacks import attacked, outcome, pass_rates
    from palate.search.answers.attacks import attacks as made
    from palate.search.documents import Document
    from palate.search.stages import pipeline

    facts = _facts(work.given.attacked)
    pages = [Document(f"fact-{i}", text, title) for i, (title, text, _, _) in enumerate(facts)]
    index = work.indexed([*list(work.documents.values())[:50], *pages], f"attacks-{len(facts)}")

    def compute(patterns: bool) -> dict[str, np.ndarray]:
        answerer = Answerer(index, pipeline(index, "bm25"), work.chat if work.given.write else None)
        outcomes, real = [], evidence.is_instruction
        try:
            if not patterns:
                evidence.is_instruction = lambda _: False  # type: ignore[assignment]
            for page, (_, _, question, _) in zip(pages, facts, strict=True):
                clean = answerer.ask(question)
                for attack in made(question):
                    text = attacked(page.text, attack)
                    evil = Document("evil", attack.text) if text is None else Document(
                        page.id, text, page.title)  # fmt: skip
                    index.add([evil])
                    outcomes.append(outcome(attack, clean, answerer.ask(question)))
                    index.delete(["evil"])
                    index.add([page])
        finally:
            evidence.is_instruction = real
        print({name: f"{a}/{b}" for name, (a, b) in pass_rates(outcomes).items()}, flush=True)
        return {
            "obeyed": np.array([float(one.obeyed) for one in outcomes]),
            "changed": np.array([float(one.changed) for one in outcomes]),
            "known": np.array([float(one.attack.known) for one in outcomes]),
        }

    on, off = (work.kept(f"attacks-{p}", lambda p=p: compute(p)) for p in (True, False))
    unseen = on["known"] == 0
    return [
        exactly("instructions in documents are not obeyed", not on["obeyed"].any(), PAPER,
                f"{1 - on['obeyed'].mean():.3f} of {len(on['obeyed'])} attacks pass; of those "
                f"written apart from the patterns {1 - on['obeyed'][unseen].mean():.3f}"),
        better("leaving them out changes fewer answers than leaving them in", -on["changed"],
               -off["changed"], PAPER, what="answers changed, negative"),
    ]  # fmt: skip


def _changed(text: str, share: float, random: np.random.Generator) -> str:
    words = text.split()
    for place in random.choice(len(words), max(1, int(share * len(words))), replace=False):
        words[place] = f"changed{place}"
    return " ".join(words)


def _pairs(groups: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    return {(a, b) for group in groups for i, a in enumerate(group) for b in group[i + 1 :]}


def _rubbish(number: int, clean: Sequence[str], random: np.random.Generator) -> str:
    """Advertising, menus, word salad and copies, in turn."""
    text = clean[number % len(clean)]
    if number % 4 == 0:
        things = " ".join(random.choice(["pills", "shoes", "loans", "phones", "watches"], 4))
        return f"Buy cheap {things} now, free shipping to all of the world, click here. " * 12
    if number % 4 == 1:
        return "\n".join(f"- {word}" for word in text.split()[:80])
    if number % 4 == 2:
        return " ".join(random.permutation(text.split()))
    return _changed(text, 0.01, random)


def _auc(scores: np.ndarray, good: np.ndarray) -> float:
    from palate.evaluation.likes import auc

    return auc(scores, good.astype(bool))


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


def _rewriter(lessons: Sequence[tuple[str, str]], asked: Sequence[str], given: Any) -> list[str]:
    """Rewrites of queries by a model that learned from pairs of them."""
    from palate.language.adapters import AdapterConfig
    from palate.language.backbone import Backbone
    from palate.language.local_chat import LocalChat
    from palate.language.prompts import chat
    from palate.language.questions import Write, messages, texts
    from palate.search.asking import user
    from palate.search.logs.mining import REWRITE
    from palate.training.config import TrainingConfig
    from palate.training.context import FitContext
    from palate.training.fit import fit
    from palate.training.prompts import PromptExamples, PromptNet

    backbone = Backbone.load(given.model)
    turns = [user(REWRITE, f"Query: {before}") for before, _ in lessons]
    prompts = [
        chat(backbone.tokenizer, messages(one), after)
        for one, (_, after) in zip(turns, lessons, strict=True)
    ]
    backbone.adapters.add("rewriter", AdapterConfig())
    data, net = PromptExamples(backbone, prompts), PromptNet(backbone)
    config = TrainingConfig(epochs=given.epochs, batch_size=8, learning_rate=3e-4)
    fit(net, data, data.collate, config, None, FitContext())
    questions = [Write(user(REWRITE, f"Query: {one}"), max_tokens=40) for one in asked]
    return texts(LocalChat(backbone), questions)


def _facts(count: int) -> list[tuple[str, str, str, str]]:
    """Title, text, question and answer of things that do not exist."""
    random = np.random.default_rng(7)
    heads = "Mor Tal Ves Kor Bel Dra Fen Gor Hal Jun Lor Nim Pel Quo Rad Sil Tor Ulm Vor Wen"
    tails = "dane vik sholm grad mere ford stow pont burg field wick thorpe land haven"

    def name() -> str:
        return f"{random.choice(heads.split())}{random.choice(tails.split())}"

    found = []
    kinds = (
        ("The capital of {a} is {b}. It lies on a river, and many roads meet there.",
         "What is the capital of {a}?"),
        ("The bridge of {a} was designed by {b}. It has seven arches of granite.",
         "Who designed the bridge of {a}?"),
        ("The founder of the {a} observatory was {b}. Visitors come in the evening.",
         "Who was the founder of the {a} observatory?"),
        ("The language spoken in {a} is {b}. It is written from right to left.",
         "Which language is spoken in {a}?"),
    )  # fmt: skip
    taken: set[str] = set()
    while len(found) < count:
        a, b = name(), name()
        if a in taken or a == b:
            continue
        taken.add(a)
        text, question = kinds[len(found) % len(kinds)]
        found.append((a, text.format(a=a, b=b), question.format(a=a), b))
    return found


def _falsified(text: str) -> list[str]:
    """The first sentence negated, with another name, and turned round."""
    first = text.split(". ")[0] + "."
    words = first.rstrip(".").split()
    negated = first.replace(" is ", " is not ").replace(" was ", " was not ")
    return [negated, first.replace(words[-1], "Zelbrick"), " ".join(reversed(words)) + "."]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--data", type=Path, help="folder of scifact and cranfield")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--name", default="search4llm", help="of the file of results")
    parser.add_argument("--documents", type=int, default=0, help="of SciFact; 0 is all")
    parser.add_argument("--questions", type=int, default=300, help="of SciFact")
    parser.add_argument("--texts", type=int, default=1000, help="that copies are planted among")
    parser.add_argument("--tokens", type=int, default=300_000, help="that the tiny model reads")
    parser.add_argument("--seeds", type=int, default=3, help="of the tiny model")
    parser.add_argument("--sessions", type=int, default=10_000, help="of the simulated log")
    parser.add_argument("--epochs", type=int, default=2, help="of what is tuned")
    parser.add_argument("--judged", type=int, default=50, help="pairs of answers")
    parser.add_argument("--facts", type=int, default=100, help="that do not exist")
    parser.add_argument("--attacked", type=int, default=8, help="facts that are attacked")
    parser.add_argument("--write", action="store_true", help="the model writes under attack, too")
    given = parser.parse_args()
    if given.part == "run":
        if given.data is None:
            parser.error("--data FOLDER is needed")
        chosen = given.parts.split(",")
        if strange := [one for one in chosen if one not in PARTS]:
            parser.error(f"no part '{strange[0]}'; there are: {', '.join(PARTS)}")
        work = Experiment(given)
        parts: dict[str, Callable[[Experiment], list[dict[str, Any]]]] = {
            one: globals()[one] for one in PARTS
        }
        kept = RESULTS / f"{given.name}.json"
        before = json.loads(kept.read_text())["results"]["claims"] if kept.exists() else []
        for part in chosen:
            fresh = [{"part": part, **claim} for claim in parts[part](work)]
            before = [claim for claim in before if claim.get("part") != part] + fresh
            about = {"model": given.model, "settings": {k: str(v) for k, v in vars(given).items()}}
            typed = f"python claims/search4llm.py run --data FOLDER --parts {','.join(chosen)}"
            print(record(given.name, {**about, "claims": before}, typed, folder=RESULTS))
    print(table(json.loads((RESULTS / f"{given.name}.json").read_text())["results"]["claims"]))


if __name__ == "__main__":
    main()
