"""Domains: a column of files, several data sets as one, and what items and users they share."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.domains import domain_counts, shared_users
from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.errors import DataError

EVENTS = (
    "user,item,time,Domain\n"
    "ann,a,1,books\nann,b,2,films\nbob,a,3,books\nbob,c,4,\ncid,b,5,films\ncid,d,6,\n"
)
ITEMS = "item,title,domain\na,Alpha,music\nb,Beta,\nc,Gamma,games\n"


def domains_of(dataset: Dataset) -> dict[str, str | None]:
    frame = dataset.catalogue.frame
    return dict(frame.select("item", "domain").iter_rows())


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_the_domain_of_an_item_is_its_own_else_that_of_its_events(
    tmp_path: Path, kind: str
) -> None:
    files = {"interactions": tmp_path / f"events.{kind}", "items": tmp_path / f"items.{kind}"}
    for path, text in zip(files.values(), (EVENTS, ITEMS), strict=True):
        frame = pl.read_csv(text.encode())
        write = {
            "csv": frame.write_csv,
            "parquet": frame.write_parquet,
            "jsonl": frame.write_ndjson,
        }
        write[kind](path)
    dataset = load(DataConfig(**files))
    assert domains_of(dataset) == {"a": "music", "b": "films", "c": "games", "d": None}
    assert "1 items are of no known domain" in dataset.steps[-1].note
    assert "domain=Domain" in dataset.steps[0].note
    assert dataset.catalogue.domains == ["music", "films", "games", "unknown"]
    assert dataset.catalogue.domain_codes.tolist() == [0, 1, 2, 3]
    alone = load(DataConfig(interactions=files["interactions"]))
    assert domains_of(alone) == {"a": "books", "b": "films", "c": None, "d": None}
    assert alone.fingerprint != dataset.fingerprint


def test_an_item_with_two_domains_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(EVENTS.replace("bob,a,3,books", "bob,a,3,films"))
    says = r"column 'domain': item 'a' has events in 'books' and in 'films' \(1 such items\)"
    with pytest.raises(DataError, match=says):
        load(DataConfig(interactions=tmp_path / "e.csv"))
    (tmp_path / "i.csv").write_text(ITEMS)
    dataset = load(DataConfig(interactions=tmp_path / "e.csv", items=tmp_path / "i.csv"))
    assert domains_of(dataset)["a"] == "music"  # its own domain decides


def test_data_without_domains_have_none(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user,item,time\nann,a,1\n")
    dataset = load(DataConfig(interactions=tmp_path / "e.csv"))
    assert dataset.catalogue.domains == []
    assert dataset.catalogue.domain_codes.tolist() == [-1]
    assert domain_counts(dataset) == []
    assert shared_users(dataset) == []


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of two data sets that share user ann and the id 1, which means two things."""
    books, films = tmp_path / "shop/books", tmp_path / "shop/films"
    books.mkdir(parents=True)
    films.mkdir()
    (books / "interactions.csv").write_text("user,item,time\nann,1,1\nann,2,5\nbob,1,3\n")
    (books / "items.csv").write_text("item,title,pages\n1,Emma,400\n2,Middlemarch,800\n")
    (films / "events.csv").write_text("user,item,time\nann,1,2\nann,3,4\ncid,3,6\n")
    return tmp_path / "shop"


def test_a_folder_of_folders_is_one_data_set(shop: Path) -> None:
    dataset = load(DataConfig(data=str(shop)))
    assert dataset.name == "shop"
    frame = dataset.catalogue.frame
    assert frame["item"].to_list() == ["books:1", "2", "films:1", "3"]
    assert frame["title"].to_list() == ["Emma", "Middlemarch", "films:1", "3"]
    assert frame["domain"].to_list() == ["books", "books", "films", "films"]
    assert frame["pages"].to_list() == ["400", "800", None, None]
    titles = [[dataset.catalogue.titles[item] for item in user] for user in dataset.sequences]
    assert dict(zip(dataset.users, titles, strict=True)) == {
        "ann": ["Emma", "films:1", "3", "Middlemarch"],  # by the common clock
        "bob": ["Emma"],
        "cid": ["3"],
    }
    assert "1 item ids that domains share are told apart: '1' is 'books:1'" in dataset.steps[0].note
    assert domain_counts(dataset) == [
        {"name": "books", "users": 2, "items": 2, "events": 3},
        {"name": "films", "users": 2, "items": 2, "events": 3},
    ]
    assert shared_users(dataset) == [("books", "films", 1)]
    named = load(DataConfig(domains={"books": str(shop / "books"), "films": str(shop / "films")}))
    assert named.name == "books-films"
    assert named.fingerprint == dataset.fingerprint


def test_a_folder_that_is_no_domain_is_an_error_that_names_it(shop: Path) -> None:
    (shop / "notes").mkdir()
    with pytest.raises(DataError, match=r"shop: a folder of domains, of which one is none.*notes"):
        load(DataConfig(data=str(shop)))
    (shop / "README").write_text("three folders")
    with pytest.raises(DataError, match=r"shop: no known format found there"):
        load(DataConfig(data=str(shop)))


def test_without_a_common_clock_domains_follow_each_other(shop: Path) -> None:
    (shop / "films/events.csv").unlink()
    (shop / "films/sequences.tsv").write_text("user\titems\nann\t1 3\ncid\t3\n")
    dataset = load(DataConfig(data=str(shop)))
    assert not dataset.has_clock
    assert [dataset.catalogue.items[item] for item in dataset.sequences[0]] == [
        "books:1",
        "2",
        "films:1",
        "3",
    ]
    assert "no common clock" in dataset.steps[0].note


def test_clocks_of_two_units_are_an_error(shop: Path) -> None:
    (shop / "books/interactions.csv").write_text("user,item,time\nann,1,900000000\n")
    (shop / "films/events.csv").write_text("user,item,time\nann,1,900000000000\n")
    with pytest.raises(DataError, match=r"films/events.csv: times up to 9.*different units"):
        load(DataConfig(data=str(shop)))


def test_a_domain_that_filters_empty_is_an_error(shop: Path) -> None:
    (shop / "books/interactions.csv").write_text("user,item,time\nann,1,1\nann,1,5\n")
    (shop / "films/events.csv").write_text("user,item,time\ncid,3,6\n")
    with pytest.raises(DataError, match=r"domain 'films': no event is left of it"):
        load(DataConfig(data=str(shop), k_core=2))


def test_users_that_look_like_row_numbers_are_told(tmp_path: Path) -> None:
    for name in ("books", "films"):
        (tmp_path / f"{name}.csv").write_text("user,item,time\n1,a,1\n2,b,2\n")
    pairs = ",".join(f"{name}={tmp_path / name}.csv" for name in ("books", "films"))
    note = load(DataConfig(domains=pairs)).steps[0].note
    assert "2 of 2 users are in both books and films: if each file numbers its own" in note


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"domains": "books"}, "NAME=PATH,NAME=PATH"),
        ({"domains": "books=x.csv"}, "two domains or more"),
        ({"domains": "books=x.csv,films="}, "NAME=PATH"),
        ({"domains": "a=x.csv,a=y.csv"}, "a domain is named twice"),
        ({"domains": "a>b=x.csv,c=y.csv"}, "letters, digits"),
        ({"domains": "a=x.csv,b=y.csv", "items": "i.csv"}, "its own file of items"),
        ({"domains": "a=x.csv,b=y.csv", "data": "ml-100k"}, "either data"),
    ],
)
def test_domains_that_cannot_be_are_errors(settings: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        DataConfig(**settings)


def test_paths_may_hold_commas_and_equals_signs() -> None:
    config = DataConfig(domains="a=/x,y/b=1.csv,b=z.csv")
    assert config.domains == {"a": "/x,y/b=1.csv", "b": "z.csv"}
    assert DataConfig.model_validate(config.model_dump(mode="json")) == config


def test_a_missing_domain_counts_as_unknown() -> None:
    frame = pl.DataFrame({"item": ["a", "b"], "title": ["A", "B"], "domain": [None, "x"]})
    catalogue = Catalogue(frame)
    assert catalogue.domains == ["unknown", "x"]
    assert catalogue.domain_codes.tolist() == [0, 1]


@pytest.fixture(scope="module")
def beauty_sports(shared_data: Path) -> Dataset:
    folder = shared_data / "amazon-beauty-sports-toys-2014"
    pairs = ",".join(f"{name}={folder / name}.sequences.tsv" for name in ("beauty", "sports"))
    columns = {"user_column": "amazon_user_id", "title_column": "brand_and_categories"}
    return load(DataConfig(domains=pairs, untitled="id", **columns))


def test_beauty_and_sports_share_users(beauty_sports: Dataset) -> None:
    assert domain_counts(beauty_sports) == [
        {"name": "beauty", "users": 22363, "items": 12101, "events": 198502},
        {"name": "sports", "users": 35598, "items": 18357, "events": 296337},
    ]
    assert shared_users(beauty_sports) == [("beauty", "sports", 1625)]
    assert len(beauty_sports.users) == 22363 + 35598 - 1625


def test_beauty_to_sports(beauty_sports: Dataset) -> None:
    split = make_split(beauty_sports, "cross-domain:beauty:sports")
    assert split.name == "cross-domain:beauty>sports"
    assert len(split.test) == len(split.validation) == 162
    assert len(split.train) == len(beauty_sports.users)
    codes = beauty_sports.catalogue.domain_codes
    assert set(codes[split.test.histories.items]) == {0}
    assert set(codes[split.test.targets]) == {1}
