"""LEADER's teacher: what it reads, where its head reads it, and what a student hears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from palate.data.hospital.visits import KINDS
from palate.language.collate import encode
from palate.recommenders.medication.prompts import CUE, Wording, patient_prompts
from palate.recommenders.medication.rules import rule_split
from palate.training.context import FitContext

SPLIT = rule_split()
MULTI = np.flatnonzero(SPLIT.train.earlier == 3)[0]


@pytest.fixture(scope="module")
def fitted(build):
    return build("leader-teacher").fit(SPLIT, FitContext(seed=0))


def read(model, case, **more) -> str:
    wording = Wording(**{"max_tokens": 4000} | more)
    (prompt,) = patient_prompts(case, model.terms, model.backbone.tokenizer, wording)
    return prompt.spans[0].text


def test_a_prompt_word_for_word(fitted):
    case = SPLIT.train.take(np.array([MULTI])).without_targets()
    lines = read(fitted, case, visits=2).split("\n")
    names = {kind: one.names for kind, one in fitted.terms.vocabularies.items()}

    def told(kind, codes):
        return "; ".join(names[kind][code] for code in codes) or "none"

    wanted = ["Earlier visits: 3."]
    for number in (1, 2):
        had = {kind: told(kind, case.past.codes[kind][number]) for kind in KINDS}
        wanted.append(
            f"Visit {number + 1}. Diagnoses: {had['diagnoses']}. "
            f"Procedures: {had['procedures']}. Medications: {had['medications']}."
        )
    wanted.append(
        f"This visit. Diagnoses: {told('diagnoses', case.diagnoses[0])}. "
        f"Procedures: {told('procedures', case.procedures[0])}."
    )
    assert lines == [*wanted, CUE]


def test_the_prompt_says_nothing_of_what_was_given_now(fitted):
    cases = SPLIT.train
    shuffled = replace(cases, target=np.random.default_rng(0).permutation(cases.target))
    assert fitted.prompts(cases) == fitted.prompts(shuffled)


def test_a_prompt_names_no_patient_and_no_date(fitted):
    text = "".join(one.spans[0].text for one in fitted.prompts(SPLIT.train))
    for patient in SPLIT.hospital.patient_ids:
        assert f" {patient} " not in text
    assert "2020" not in text


def test_the_history_gives_way_and_the_visit_never(fitted):
    case = SPLIT.train.take(np.array([MULTI])).without_targets()
    whole = read(fitted, case)
    (encoded,) = encode(
        patient_prompts(case, fitted.terms, fitted.backbone.tokenizer, Wording(3, 4000)),
        fitted.backbone.tokenizer,
    )
    now = whole[whole.index("This visit.") :]
    for tokens in range(len(encoded.ids), 90, -7):
        prompts = patient_prompts(case, fitted.terms, fitted.backbone.tokenizer, Wording(3, tokens))
        assert len(encode(prompts, fitted.backbone.tokenizer)[0].ids) <= tokens
        text = prompts[0].spans[0].text
        assert text.startswith("Earlier visits: 3.")
        assert text.endswith(CUE)
        if "Visit 1." not in text and "This visit." in text and now in text:
            assert "Visit 2." not in text or "Visit 3." in text  # the oldest goes first
    assert "Visit" not in text.removeprefix("Earlier visits: 3.").partition("This visit")[0]
    assert now not in text  # too long by itself: cut after a name


def test_the_released_history_has_the_current_diagnoses(fitted):
    case = SPLIT.train.take(np.array([MULTI])).without_targets()
    now = read(fitted, case).partition("This visit. ")[2].partition(" Procedures")[0]
    released = read(fitted, case, history_without_diagnoses=True)
    assert released.count(now) == 4
    assert read(fitted, case) != released


def test_the_head_reads_where_the_prompt_ends(fitted):
    """At the last token of each, however long those beside it in the batch are."""
    cases = SPLIT.train.without_targets()
    prompts = fitted.prompts(cases)
    tokenizer = fitted.backbone.tokenizer
    encoded = encode(prompts, tokenizer)
    assert {one.ids[-1] for one in encoded} == {tokenizer.eos_id}
    assert len({len(one.ids) for one in encoded}) > 3
    features = fitted.features(cases)
    for row in (0, 5, MULTI):
        ids = torch.tensor([encoded[row].ids])
        with torch.no_grad():
            embeds = fitted.backbone.embed_tokens(ids)
            alone = fitted.backbone.hidden(embeds, torch.ones_like(ids))[0, len(ids[0]) - 1]
        assert torch.allclose(alone, features[row], atol=1e-4)


def test_what_a_student_hears_has_no_dropout_and_is_kept(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path))
    cases = SPLIT.train.without_targets()
    fitted.net.train()
    first = fitted.features(cases, cache=True)
    kept = list(tmp_path.rglob("*.safetensors"))
    assert len(kept) == 1
    assert torch.equal(fitted.features(cases, cache=True), first)
    again = fitted.features(cases)
    assert torch.nn.functional.cosine_similarity(first, again).min() > 0.999
    fitted.net.eval()
    with torch.no_grad():
        weight = next(p for n, p in fitted.net.named_parameters() if "lora_B" in n)
        weight += 1
    fitted.features(cases, cache=True)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2  # other weights, another entry


def test_only_the_adapter_and_the_head_learn(fitted):
    names = {name for name, p in fitted.net.named_parameters() if p.requires_grad}
    assert {name.rpartition(".lora_")[1] or name for name in names} == {".lora_", "head.weight"}
    assert fitted.net.head.bias is None
