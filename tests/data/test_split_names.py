"""Names of splits: what they mean, the one way to write them, errors that teach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from palate.data.load import DataConfig
from palate.data.split_names import SplitName, parse_split
from palate.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "name", "written"),
    [
        ("temporal", SplitName("temporal"), "temporal"),
        ("few-shot:64", SplitName("few-shot", number=64), "few-shot:64"),
        ("cold-users", SplitName("cold-users", number=3), "cold-users:3"),
        ("cold-users:5", SplitName("cold-users", number=5), "cold-users:5"),
        ("cold-items", SplitName("cold-items", share=0.1), "cold-items:0.1"),
        ("cold-items:.25", SplitName("cold-items", share=0.25), "cold-items:0.25"),
        (
            "cross-domain:books:films",
            SplitName("cross-domain", source="books", target="films"),
            "cross-domain:books>films",
        ),
        (
            "cross-domain: Arts: Crafts > CDs",
            SplitName("cross-domain", source="Arts: Crafts", target="CDs"),
            "cross-domain:Arts: Crafts>CDs",
        ),
    ],
)
def test_names(text: str, name: SplitName, written: str) -> None:
    assert parse_split(text) == name
    assert str(name) == written
    assert DataConfig(data="x", split=text).split == written


@given(
    st.one_of(
        st.builds(
            SplitName, st.sampled_from(["few-shot", "cold-users"]), number=st.integers(1, 10**9)
        ),
        st.builds(
            SplitName,
            st.just("cold-items"),
            share=st.floats(0.0001, 0.4999).map(lambda share: float(f"{share:g}")),
        ),
    )
)
def test_what_is_written_is_read(name: SplitName) -> None:
    assert parse_split(str(name)) == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("random", "no split 'random'; there are: leave-one-out, user-holdout, temporal, few-sh"),
        ("few-shots:3", r"did you mean few-shot:N\?"),
        ("few-shot", "few-shot:N wants a whole number of users who train.*such as few-shot:64"),
        ("few-shot:0", "few-shot:N wants a whole number"),
        ("few-shot:1.5", "few-shot:N wants a whole number"),
        ("cold-users:-1", "cold-users:K wants a whole number of events.*cold-users:3"),
        ("cold-items:0.5", "share of the items above 0 and below 0.5"),
        ("cold-items:some", "share of the items above 0 and below 0.5"),
        ("cold-items:nan", "share of the items above 0 and below 0.5"),
        ("cross-domain", "wants two domains, in quotes on the command line"),
        ("cross-domain:books", "wants two domains"),
        ("cross-domain:books>", "wants two domains"),
        ("cross-domain:books>books", "source and target are one domain"),
        ("temporal:3", "temporal takes nothing after it"),
    ],
)
def test_errors_say_the_mend(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_split(text)
    with pytest.raises(ValidationError, match=says):
        DataConfig(data="x", split=text)
