"""Files that cannot be used: the error names the file, the row, the column and the mend."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import polars as pl
import pytest

from palate.data.load import DataConfig, load
from palate.data.splits import make_split
from palate.errors import ConfigError, DataError

EVENTS = "user,item,time\nann,7,1\nann,8,2\nann,9,3\n"


def refusal(path: Path, events: str | bytes | None = None, items: str | bytes | None = None) -> str:
    """The message of the error that loading these files ends in."""
    config: dict[str, Path] = {}
    for name, content in (("interactions", events), ("items", items)):
        if content is None:
            continue
        config[name] = path / f"{name}.csv"
        raw = content if isinstance(content, bytes) else content.encode()
        config[name].write_bytes(raw)
    with pytest.raises(DataError) as caught:
        load(DataConfig(**config))
    return str(caught.value)


def names_all(message: str, file: str, row: int, column: str, *, mend: str) -> bool:
    assert re.search(rf"{re.escape(file)}: row {row}, column '{column}'", message), message
    assert mend in message, message
    return True


def test_missing_column(tmp_path: Path) -> None:
    message = refusal(tmp_path, "user,thing,time,extra\nann,7,1,x\n")
    assert "interactions.csv: row 1: no item column" in message
    assert "'thing', 'time', 'extra'" in message
    assert "--item-column" in message
    assert "--time-column -" in refusal(tmp_path, "user,item\nann,7\n")


def test_missing_header(tmp_path: Path) -> None:
    message = refusal(tmp_path, "196,242,3,881250949\n186,302,3,891717742\n")
    assert "row 1 looks like data: add a row with the names" in message


def test_given_column_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text(EVENTS)
    with pytest.raises(DataError, match=r"no column 'itm' for the item.*did you mean 'item'"):
        load(DataConfig(interactions=tmp_path / "clicks.csv", item_column="itm"))


@pytest.mark.parametrize(
    ("value", "what"), [("yesterday", "'yesterday' is neither"), ("", "empty")]
)
def test_time_that_is_no_number(tmp_path: Path, value: str, what: str) -> None:
    message = refusal(tmp_path, f"{EVENTS}bob,7,{value}\nbob,8,{value}\n")
    assert names_all(message, "interactions.csv", 5, "time", mend="seconds since 1970")
    assert what in message
    assert "2 such rows" in message


def test_time_that_is_no_number_in_other_formats(tmp_path: Path) -> None:
    path = tmp_path / "interactions.jsonl"
    path.write_text('{"user": 1, "item": 2, "time": 3}\n{"user": 1, "item": 2, "time": "x"}\n')
    with pytest.raises(
        DataError, match=r"interactions.jsonl: row 2, column 'time': 'x' is neither"
    ):
        load(DataConfig(interactions=path))
    path = tmp_path / "interactions.parquet"
    pl.DataFrame({"user": [1, 1], "item": [2, 2], "time": [3.5, float("nan")]}).write_parquet(path)
    with pytest.raises(DataError, match=r"interactions.parquet: row 2, column 'time'"):
        load(DataConfig(interactions=path))
    (tmp_path / "u.data").write_text("1\t2\t3\t4\n1\t2\t3\tx\n")
    with pytest.raises(DataError, match=r"u.data: row 2, column 'time': 'x' is neither"):
        load(DataConfig(interactions=tmp_path / "u.data"))


def test_rating_that_is_no_number(tmp_path: Path) -> None:
    message = refusal(tmp_path, "user,item,time,rating\nann,7,1,5\nann,8,2,good\n")
    assert names_all(message, "interactions.csv", 3, "rating", mend="mend it")


def test_empty_id(tmp_path: Path) -> None:
    message = refusal(tmp_path, "user,item,time\nann,7,1\n,8,2\n")
    assert names_all(message, "interactions.csv", 3, "user", mend="fill it in or delete the row")


def test_item_id_that_stands_twice(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, "item,title\n7,Seven\n8,Eight\n7,Again\n")
    assert names_all(message, "items.csv", 4, "item", mend="keep one row per id")
    assert "id '7' stands already in row 2" in message


@pytest.mark.parametrize("title", ["", "  "])
def test_item_without_title(tmp_path: Path, title: str) -> None:
    items = f"item,title\n7,Seven\n8,{title}\n9,Nine\n"
    message = refusal(tmp_path, EVENTS, items)
    assert names_all(message, "items.csv", 3, "title", mend="--untitled id")
    config = DataConfig(
        interactions=tmp_path / "interactions.csv", items=tmp_path / "items.csv", untitled="id"
    )
    dataset = load(config)
    assert dataset.catalogue.titles == ["Seven", "8", "Nine"]
    assert "1 without a title (first: '8')" in dataset.steps[-1].note


def test_items_without_title_column(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, "item,colour\n7,red\n")
    assert "items.csv: row 1: no title column among ['item', 'colour']" in message
    assert "--title-column" in message


def test_items_of_another_data_set(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, "item,title\n107,Seven\n108,Eight\n")
    assert "none of the 3 items with events is in it" in message
    assert "'7'" in message
    assert "'107'" in message


def test_user_with_too_few_events(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("user,item,time\nann,7,1\nbob,7,1\nbob,8,2\n")
    dataset = load(DataConfig(interactions=tmp_path / "clicks.csv"))
    with pytest.raises(DataError, match=r"clicks.csv: no user has 3 events.*'bob', has 2.*--split"):
        make_split(dataset, "leave-one-out")
    with pytest.raises(DataError, match=r"clicks.csv: 1 users have 2 events.*needs at least 3"):
        make_split(dataset, "user-holdout")
    (tmp_path / "clicks.csv").write_text("user,item,time\nann,7,1\nbob,7,1\nbob,8,2\nbob,9,3\n")
    split = make_split(load(DataConfig(interactions=tmp_path / "clicks.csv")), "leave-one-out")
    assert any("1 of 2 users have fewer than 3 events" in note for note in split.notes)


def test_mixed_encodings(tmp_path: Path) -> None:
    rows = b"item,title\n7,Am\xe9lie\n8,Caf\xc3\xa9\n9,Nine\n"
    message = refusal(tmp_path, EVENTS, rows)
    assert "items.csv: row 2, column 'title': byte 0xe9 is not UTF-8 but row 3 is" in message
    assert "convert the parts before joining them" in message


def test_other_encoding(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, b"item,title\n7,Seven\n8,Am\xe9lie\n9,Nine\n")
    assert names_all(message, "items.csv", 3, "title", mend="iconv -f latin1 -t utf-8")
    message = refusal(tmp_path, EVENTS, "item,title\n7,Seven\n".encode("utf-16"))
    assert "items.csv: row 1: the file is UTF-16" in message


def test_mixed_encodings_in_a_format_that_is_latin_1(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::7::5::1\n1::8::5::2\n")
    (tmp_path / "movies.dat").write_bytes(b"7::Am\xe9lie::Drama\n8::Caf\xc3\xa9::Drama\n")
    with pytest.raises(
        DataError, match=r"movies.dat: row 1, column 'title': byte 0xe9.*the file mixes encodings"
    ):
        load(DataConfig(data=str(tmp_path)))


@pytest.mark.parametrize("content", ["", "\n\n", "user,item,time\n"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "inter"])
def test_empty_file(tmp_path: Path, content: str, suffix: str) -> None:
    path = tmp_path / f"clicks.{suffix}"
    path.write_text(content)
    with pytest.raises(DataError, match=re.escape(f"clicks.{suffix}")) as caught:
        load(DataConfig(interactions=path))
    if not content:
        assert "the file is empty" in str(caught.value)


def test_empty_table(tmp_path: Path) -> None:
    assert "no row follows" in refusal(tmp_path, "user,item,time\n")
    path = tmp_path / "clicks.parquet"
    pl.DataFrame(schema={"user": pl.String, "item": pl.String, "time": pl.Int64}).write_parquet(
        path
    )
    with pytest.raises(DataError, match=r"clicks.parquet: the file has columns but no row"):
        load(DataConfig(interactions=path))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "tsv"])
def test_truncated_gzip(tmp_path: Path, suffix: str) -> None:
    rows = {
        "csv": "u{0},{0},1\n",
        "tsv": "u{0}\t{0}\t1\n",
        "jsonl": '{{"user":{0},"item":1,"time":2}}\n',
    }
    header = {"csv": "user,item,time\n", "tsv": "user\titem\ttime\n", "jsonl": ""}
    text = header[suffix] + "".join(rows[suffix].format(i) for i in range(5000))
    path = tmp_path / f"clicks.{suffix}.gz"
    path.write_bytes(gzip.compress(text.encode())[:-500])
    with pytest.raises(DataError, match=rf"clicks.{suffix}.gz: the gzip breaks off.*again"):
        load(DataConfig(interactions=path))


def test_damaged_gzip(tmp_path: Path) -> None:
    raw = bytearray(gzip.compress(EVENTS.encode() * 50))
    raw[40] ^= 0xFF
    (tmp_path / "clicks.csv.gz").write_bytes(bytes(raw))
    with pytest.raises(DataError, match=r"clicks.csv.gz: the gzip breaks off or is damaged"):
        load(DataConfig(interactions=tmp_path / "clicks.csv.gz"))


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "clicks.parquet"
    pl.DataFrame({"user": [1, 1], "item": [2, 2], "time": [3, 3]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"clicks.parquet: not a whole Parquet file"):
        load(DataConfig(interactions=path))


def test_row_with_too_many_columns(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, "item,title\n7,Seven\n8,Eight, Nine\n9,Nine\n")
    assert "items.csv: row 3: 3 columns where row 1 has 2" in message
    assert "double quotes" in message


def test_quote_that_never_closes(tmp_path: Path) -> None:
    message = refusal(tmp_path, EVENTS, 'item,title\n7,"Two\nlines"\n8,"Eight\n9,Nine\n')
    assert "items.csv: row 4: a double quote opens and does not close" in message


def test_line_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "clicks.jsonl"
    path.write_text('{"user": 1, "item": 2, "time": 3}\n{"user": 1, "item"\n')
    with pytest.raises(DataError, match=r"clicks.jsonl: row 2: not a JSON object.*one object per"):
        load(DataConfig(interactions=path))
    path.write_text('[{"user": 1, "item": 2, "time": 3}]\n')
    with pytest.raises(DataError, match=r"clicks.jsonl: row 1: not a JSON object but list"):
        load(DataConfig(interactions=path))


def test_row_with_missing_columns_between_colons(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::7::5::1\n1::8::5\n")
    with pytest.raises(DataError, match=r"ratings.dat: row 2: 3 columns where 4 are expected"):
        load(DataConfig(data=str(tmp_path)))


def test_paths_and_names_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no data set 'ml-100'.*did you mean 'ml-100k'"):
        load(DataConfig(data="ml-100"))
    with pytest.raises(DataError, match=r"gone.csv: no such file"):
        load(DataConfig(interactions=tmp_path / "gone.csv"))
    (tmp_path / "clicks.csv").write_text(EVENTS)
    with pytest.raises(DataError, match=r"gone.parquet: no such file"):
        load(DataConfig(interactions=tmp_path / "clicks.csv", items=tmp_path / "gone.parquet"))
    with pytest.raises(ConfigError, match=r"no format 'cvs'; there are: auto, recbole"):
        load(DataConfig(interactions=tmp_path / "clicks.csv", format="cvs"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no known format found there. Known: RecBole"):
        load(DataConfig(data=str(tmp_path / "empty")))


def test_filters_that_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("user,item,time,rating\nann,7,1,2\nann,8,2,3\n")
    with pytest.raises(DataError, match=r"no event is left \(read left 2, min rating left 0\)"):
        load(DataConfig(interactions=tmp_path / "clicks.csv", min_rating=4))
    (tmp_path / "clicks.csv").write_text(EVENTS)
    with pytest.raises(DataError, match=r"no rating column, which --min-rating needs"):
        load(DataConfig(interactions=tmp_path / "clicks.csv", min_rating=4))
