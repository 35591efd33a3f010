"""LEADER's student: what it reads, what each loss is about, and what it needs of a teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from palate.data.hospital.visits import Ragged
from palate.errors import ConfigError
from palate.recommenders.medication.base import Terms
from palate.recommenders.medication.leader import LEADER, LEADERConfig
from palate.recommenders.medication.leader_net import (
    RESERVED,
    EncoderBlock,
    LEADERLessons,
    contrastive,
    given_codes,
    mean_over,
)
from palate.recommenders.medication.rules import rule_split
from palate.training.context import FitContext
from palate.training.visits import CaseExamples

SPLIT = rule_split()
TERMS = Terms.of(SPLIT)
SIZE = {"width": 16, "hidden": 24, "heads": 2, "mediator": 12, "device": "cpu", "dropout": 0.0,
        "attention_dropout": 0.0}  # fmt: skip


def student(**more: object) -> LEADER:
    torch.manual_seed(0)
    found = LEADER(LEADERConfig(**SIZE | {"distillation": 0} | more))
    found._place(TERMS)
    return found


def batch(model: LEADER, rows: list[int]) -> dict[str, torch.Tensor]:
    return CaseExamples(model.timelines(SPLIT.train)).collate(rows)


def test_without_a_teacher_it_says_what_to_do():
    with pytest.raises(ConfigError, match=r"--teacher RUN\), or .*\(--distillation 0\)"):
        LEADER()


def test_one_table_holds_all_codes_once():
    net = student().net
    assert len(net.table.weight) == RESERVED + sum(TERMS.sizes().values())
    assert net.starts == {"medications": 3, "diagnoses": 10, "procedures": 19}
    assert not net.table.weight[0].any()


def test_a_first_visit_has_the_profile_in_place_of_earlier_medications():
    model = student()
    first = np.flatnonzero(SPLIT.train.single)[:1]
    case = SPLIT.train.take(first).without_targets()
    other = replace(case, profiles=case.profiles.copy())
    other.profiles[:, 0] = 3 - other.profiles[:, 0]
    assert not np.array_equal(model.score(case), model.score(other))
    blind = student(profile=False, alignment=0)
    assert np.array_equal(blind.score(case), blind.score(other))


def test_sets_have_no_order_and_padding_says_nothing():
    block = EncoderBlock(8, 2, 12, 0.0, 0.0).eval()
    x = torch.randn(2, 4, 8)
    there = torch.tensor([[True, True, True, False], [True, True, False, False]])
    alone = mean_over(block(x, there), there)
    turned = x[:, [1, 0, 2, 3]]
    assert torch.allclose(mean_over(block(turned, there), there), alone, atol=1e-6)
    changed = x.clone()
    changed[~there] = 100.0
    assert torch.equal(mean_over(block(changed, there), there), alone)


def test_attention_is_torchs():
    block = EncoderBlock(8, 2, 12, 0.0, 0.0).eval()
    x, there = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    parts = block.project(block.before_attention(x)).chunk(3, -1)
    query, key, value = (one.unflatten(-1, (2, -1)).transpose(1, 2) for one in parts)
    mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    own = block._attended(x[there], there)
    assert torch.allclose(own, mixed[0], atol=1e-6)


def test_an_empty_set_is_zero_and_has_gradients():
    block = EncoderBlock(8, 2, 12, 0.0, 0.0)
    x = torch.randn(2, 3, 8, requires_grad=True)
    there = torch.tensor([[True, False, False], [False, False, False]])
    found = mean_over(block(x, there), there)
    assert not found[1].any()
    found.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_only_the_newest_visits_are_read_and_the_released_code_reads_the_first():
    several = np.flatnonzero(SPLIT.train.earlier >= 2)[:1]
    case = SPLIT.train.take(several).without_targets()
    other = replace(case, diagnoses=Ragged.of([[7]]))
    model, released = student(length=2), student(length=2, first_visits=True)
    assert not np.array_equal(model.score(case), model.score(other))
    assert np.array_equal(released.score(case), released.score(other))


def test_the_teachers_state_costs_nothing_once_it_is_met():
    model = student(distillation=0.4, teacher="somewhere", alignment=0)
    rows = [0, 1, 2]
    inputs = batch(model, rows)
    labels = inputs["labels"]
    visible = {k: v for k, v in inputs.items() if k not in ("labels", "rows")}
    lessons = LEADERLessons(model.net, model.config, torch.zeros(len(SPLIT.train), 5), 0)
    with torch.no_grad():
        said = lessons.projector(model.net.mediated(**visible))
        lessons.features[rows] = said
        plain = model.net.loss(model.net.logits(**visible), labels)
        assert float(lessons(**inputs)["loss"]) == pytest.approx(float(plain))
        lessons.features += 1
        assert float(lessons(**inputs)["loss"]) == pytest.approx(float(plain) + 0.4)


def test_permuted_teaching_gives_each_patient_anothers_state():
    told = torch.arange(40.0).repeat(5, 1).T
    matched = student(distillation=0.4, teacher="x")
    mixed = student(distillation=0.4, teacher="x", teaching="permuted")
    assert torch.equal(LEADERLessons(matched.net, matched.config, told, 0).features, told)
    other = LEADERLessons(mixed.net, mixed.config, told, 0).features
    assert not torch.equal(other, told)
    assert torch.equal(other.sort(0).values, told)


def test_alignment_looks_medications_up_where_they_are():
    """Rows of the unified table, by hand; the released code begins at the table's first row."""
    model = student()
    labels = torch.tensor([[1.0, 0, 0, 1, 0, 0, 0]])
    assert given_codes(labels).tolist() == [[1, 4]]
    net = model.net.eval()
    there = torch.ones(1, 2, dtype=torch.bool)
    by_hand = net.sets["medications"](net.table(torch.tensor([[3, 6]])), there)
    found = net.encode_sets("medications", given_codes(labels))
    assert torch.allclose(found, by_hand.mean(1), atol=1e-6)


def test_the_released_ids_change_the_loss():
    one, other = student(), student(released_alignment_ids=True)
    values = []
    for model in (one, other):
        torch.manual_seed(1)
        lessons = LEADERLessons(model.net, model.config, None, 0).eval()
        inputs = batch(model, [0, 1, 2])
        values.append(lessons.aligned(inputs["profile"], inputs["labels"]).item())
    assert values[0] != values[1]


def test_contrast_by_hand():
    left = torch.tensor([[1.0, 0], [0, 1.0], [1.0, 0]])
    right = torch.tensor([[2.0, 0], [0, 3.0], [0, 1.0]])
    like = torch.tensor([[1.0, 0, 0], [0, 1.0, 1.0], [1.0, 0, 0]])
    e = like.exp()
    rows, columns, pairs = e.sum(1).log(), e.sum(0).log(), like.diagonal()
    wanted = (rows - pairs).mean() + (columns - pairs).mean()
    assert torch.allclose(contrastive(left, right, 1.0, True), wanted)
    rows, columns = (e.sum(1) - e.diagonal()).log(), (e.sum(0) - e.diagonal()).log()
    wanted = (rows - pairs).mean() + (columns - pairs).mean()
    assert torch.allclose(contrastive(left, right, 1.0, False), wanted)


def test_one_patient_has_nobody_to_be_told_apart_from():
    one = torch.ones(1, 2, requires_grad=True)
    assert contrastive(one, one, 1.0, False).item() == 0.0


def test_it_learns_from_a_teacher_and_keeps_nothing_of_it(build, teacher):
    plain = build("leader").fit(SPLIT, FitContext(seed=0))
    taught = build("leader", distillation=0.4, teacher=str(teacher))
    taught.fit(SPLIT, FitContext(seed=0))
    assert taught.state().keys() == plain.state().keys()
    cases = SPLIT.test.without_targets()
    assert not np.array_equal(taught.score(cases), plain.score(cases))


def test_a_teacher_of_other_codes_is_refused(build, teacher):
    other = build("leader", distillation=0.4, teacher=str(teacher))
    names = replace(SPLIT.hospital.vocabularies["diagnoses"], names=("x",) * 9)
    vocabularies = dict(SPLIT.hospital.vocabularies) | {"diagnoses": names}
    split = replace(SPLIT, hospital=replace(SPLIT.hospital, vocabularies=vocabularies))
    with pytest.raises(ConfigError, match="learned from other data"):
        other.fit(split, FitContext(seed=0))


def test_a_weight_on_interactions_brings_them_down(build):
    from palate.evaluation.decisions import decide
    from palate.evaluation.medication import interaction_rate

    split, rates = rule_split(200), []
    for weight in (0.0, 3.0):
        fitted = build("leader", epochs=15, learning_rate=0.01, interaction_weight=weight)
        scores = fitted.fit(split, FitContext(seed=0)).score(split.test.without_targets())
        rates.append(interaction_rate(decide(scores, 0.3), split.hospital.interactions))
    assert rates[1] < rates[0]
