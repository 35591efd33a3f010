"""Methods by name, settings as people type them, and errors that name the nearest key."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.recommenders import pupils, registry, updates
from palate.recommenders.itemknn import ItemKNN, ItemKNNConfig
from palate.recommenders.sasrec import SASRec

BUILT_IN = [
    method.name
    for method in registry.BUILT_IN
    if find_spec(method.target.partition(":")[0]) is not None
]


def test_the_house_comes_first_and_in_reading_order():
    names = [method.name for method in registry.methods()]
    assert names[:14] == [
        *["popularity", "itemknn", "ease", "slit", "slist", "als", "bpr", "fm", "deepfm"],
        *["lightgcn", "gru4rec", "caser", "sasrec", "lite-llm4rec"],
    ]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_name_is_one_everywhere(name):
    found = registry.get(name)
    assert found.name == name
    assert found.Config.__doc__
    listed = next(method for method in registry.methods() if method.name == name)
    assert listed.summary == found.summary


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_setting_has_a_meaning(name):
    undocumented = [
        key
        for key, field in registry.get(name).Config.model_fields.items()
        if not field.description
    ]
    assert undocumented == []


def test_dots_reach_into_nested_settings():
    whole = {"training": {"epochs": 3}}
    expected = {"training": {"epochs": 3, "seed": 1}}
    assert registry._nested("method", {**whole, "training.seed": 1}) == expected
    assert registry._nested("method", {"training.epochs": 3, "training.seed": 1}) == expected
    assert whole == {"training": {"epochs": 3}}
    with pytest.raises(ConfigError, match="method: 'training' is set twice"):
        registry._nested("method", {"training.epochs": 3, "training": {}})


def test_the_nearest_method_is_named():
    with pytest.raises(ConfigError, match="no method is called 'sasrek'; did you mean sasrec"):
        registry.get("sasrek")


def test_all_methods_are_named_where_none_is_near():
    with pytest.raises(ConfigError, match="no method is called 'zzz'; there are popularity, item"):
        registry.get("zzz")


def test_the_nearest_setting_is_named():
    with pytest.raises(
        ConfigError, match="itemknn: no setting is called 'neighbors'; did you mean neighbours"
    ):
        registry.configure("itemknn", {"neighbors": 5})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbours": 0}, "itemknn: neighbours=0: input should be greater than or equal to 1"),
        ({"neighbours": "many"}, "itemknn: neighbours=many: input should be a valid integer"),
        ({"half_life": "-1"}, "itemknn: half_life=-1: input should be greater than 0"),
        ({"half_life": "[1"}, r"itemknn: half_life=\[1: input should be a valid number"),
    ],
)
def test_a_value_out_of_range_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        registry.configure("itemknn", settings)


def test_all_complaints_come_at_once():
    with pytest.raises(ConfigError, match=r"neighbours=0: .*; shrinkage=-1: "):
        registry.configure("itemknn", {"neighbours": 0, "shrinkage": -1})


def test_typed_text_becomes_the_type_of_its_field():
    typed = {"neighbours": "20", "shrinkage": "2.5", "half_life": "null"}
    expected = ItemKNNConfig(neighbours=20, shrinkage=2.5, half_life=None)
    assert registry.configure("itemknn", typed) == expected


@pytest.mark.parametrize("typed", ["[ease, slit]", "ease,slit", "ease, slit"])
def test_lists_are_typed_with_brackets_or_without(typed):
    assert registry.configure("fusion", {"parts": typed}).parts == ("ease", "slit")
    assert registry.configure("deepfm", {"hidden": "8"}).hidden == (8,)


def test_settings_are_not_changed_by_reading_them():
    settings = {"half_life": "null"}
    registry.configure("itemknn", settings)
    assert settings == {"half_life": "null"}


def test_a_setting_cannot_be_given_twice():
    with pytest.raises(ConfigError, match=r"sasrec: epochs\.more: 'epochs' is set as a whole"):
        registry.configure("sasrec", {"epochs": 3, "epochs.more": 4})


@given(
    neighbours=st.integers(1, 10_000),
    shrinkage=st.floats(0, 1e6),
    half_life=st.none() | st.floats(1e-3, 1e6),
)
def test_what_a_config_prints_configures_the_same(neighbours, shrinkage, half_life):
    config = ItemKNNConfig(neighbours=neighbours, shrinkage=shrinkage, half_life=half_life)
    typed = {
        key: "null" if value is None else repr(value) for key, value in config.model_dump().items()
    }
    assert registry.configure("itemknn", typed) == config


def entry_points_of(monkeypatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: list(points))


def test_a_method_of_the_house_keeps_its_name(monkeypatch):
    target = "palate.recommenders.itemknn:ItemKNN"
    entry_points_of(monkeypatch, EntryPoint("sasrec", target, registry.GROUP))
    assert registry.get("sasrec") is SASRec


def test_an_entry_point_is_a_method(monkeypatch):
    target = "palate.recommenders.itemknn:ItemKNN"
    entry_points_of(monkeypatch, EntryPoint("neighbours", target, registry.GROUP))
    assert registry.get("neighbours") is ItemKNN


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "palate.no_such_module:Thing",
            "method 'theirs' of '' cannot be imported: No module named",
        ),
        ("palate.recommenders.itemknn:Nothing", "cannot be imported: module .* has no attribute"),
        ("palate.recommenders.itemknn:BLOCK", "itemknn:BLOCK is not a Recommender class"),
    ],
)
def test_a_broken_entry_point_is_named(monkeypatch, target, message):
    entry_points_of(monkeypatch, EntryPoint("theirs", target, registry.GROUP))
    with pytest.raises(ConfigError, match=message):
        registry.get("theirs")


def test_listing_imports_no_method():
    script = (
        "import sys; from palate.recommenders import registry; registry.methods(); "
        "print([m for m in ('torch', 'numpy', 'pydantic', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_messages_name_all_methods_that_go_on_learning_or_can_be_taught() -> None:
    """What inherits too much would be offered, and break where it is asked."""
    methods = {one.name: registry.get(one.name)() for one in registry.BUILT_IN}
    taught = pupils.Distils | pupils.LearnsTargets
    for protocol, told in ((updates.Updates, updates.WHO), (taught, pupils.WHO)):
        named = set(told.replace(" and ", ", ").split(", "))
        assert named == {name for name, one in methods.items() if isinstance(one, protocol)}
