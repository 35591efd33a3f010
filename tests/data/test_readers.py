"""Every format in the layout that its publisher ships, plain and gzipped."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from palate.data.dataset import Dataset
from palate.data.load import DataConfig, load
from palate.data.readers import READERS, detect

ML1M = {
    "ratings.dat": b"1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n",
    "movies.dat": "661::James and the Giant Peach (1996)::Animation|Children's\n"
    "1193::Un été (1975)::Drama\n".encode("latin-1"),
    "users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n",
}
ML100K = {
    "u.data": b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t4\t881250949\n",
    "u.item": (
        "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/Kolya|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        '302|Les Misérables "1995"|01-Jan-1997|||0|0|0|0|0|0|1|0|0|0|1|0|0|1|0|0|1|0|0\n'
    ).encode("latin-1"),
    "u.user": b"186|39|F|executive|00000\n196|49|M|writer|55105\n",
}
RECBOLE = {
    "toy.inter": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    b"196\t242\t3\t881250949\n186\t302\t3\t891717742.0\n",
    "toy.item": b"item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    b'242\tKolya\t1996\tComedy\n302\tL.A. "Confidential"\t1997\tCrime Film-Noir\n',
    "toy.user": b"user_id:token\tage:token\n196\t49\n186\t39\n",
}
ML_CSV = {
    "ratings.csv": b"userId,movieId,rating,timestamp\r\n"
    b"1,31,2.5,1260759144\r\n1,10,3.0,1260759179\r\n",
    "movies.csv": b'movieId,title,genres\r\n10,"American President, The (1995)",Drama|Romance\r\n'
    b"31,Dangerous Minds (1995),(no genres listed)\r\n",
}
HETREC = {
    "user_artists.dat": b"userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n3\t51\t3\n",
    "user_taggedartists-timestamps.dat": b"userID\tartistID\ttagID\ttimestamp\n"
    b"2\t52\t13\t1238536800000\n2\t52\t15\t1238536800000\n2\t51\t15\t1241128800000\n",
    "artists.dat": "id\tname\turl\tpictureURL\n51\tDuran Duran\thttp://a\thttp://b\n"
    "52\tSigur Rós\thttp://a\t\n".encode(),
}
REVIEW_2014 = {
    "reviewerID": "A2HD75EMZR8QLN",
    "asin": "0700099867",
    "reviewerName": "123",
    "helpful": [8, 12],
    "reviewText": "Installing the game was a struggle",
    "overall": 1.0,
    "summary": "Pay to unlock content? I don't think so.",
    "unixReviewTime": 1341792000,
    "reviewTime": "07 9, 2012",
}
AMAZON_2014 = {
    "reviews_Video_Games_5.json": b"\n".join(
        json.dumps(REVIEW_2014 | {"unixReviewTime": t}).encode() for t in (1341792000, 1341792009)
    ),
    # Python literals, not JSON: that is how the edition of 2014 was published.
    "meta_Video_Games.json": b"{'asin': '0700099867', 'title': 'Dirt 3', 'brand': 'Codemasters', "
    b"'categories': [['Video Games', 'PC', 'Games']], 'price': 18.43}\n",
}
AMAZON_2018 = {
    "Video_Games_5.json": (
        b'{"overall": 5.0, "vote": "3", "verified": true, "reviewTime": "10 17, 2015", '
        b'"reviewerID": "A1HP7NVNPFMA4N", "asin": "0700026657", "style": {"Platform:": " PC"}, '
        b'"reviewText": "good", "unixReviewTime": 1445040000}\n'
        b'{"overall": 4.0, "verified": false, "reviewerID": "A1JGAP0185YJI6", '
        b'"asin": "0700026657", "unixReviewTime": 1437955200}\n'
    ),
    "meta_Video_Games.json": (
        b'{"category": ["Video Games", "PC"], "description": ["Build", "it"], '
        b'"title": "Anno 2070", "brand": "Ubisoft", "asin": "0700026657"}\n'
        b'{"category": ["Video Games", "PC"], "title": "Anno again", "asin": "0700026657"}\n'
        b'{"category": ["Video Games"], "title": "Never reviewed", "asin": "B000003SQQ"}\n'
    ),
}
AMAZON_2023 = {
    "Video_Games.jsonl": (
        b'{"rating": 4.0, "title": "It\'s pretty sexy", "text": "ok", "images": [], '
        b'"asin": "B07DJWBYKP", "parent_asin": "B07DK1H3H5", "user_id": "AGCI7FAH4GL5FI65HYLK",'
        b' "timestamp": 1608186804795, "helpful_vote": 0, "verified_purchase": true}\n'
    ),
    "meta_Video_Games.jsonl": (
        b'{"main_category": "Video Games", "title": "Cable", "average_rating": 4.5, '
        b'"features": ["a"], "description": ["Long", "cable"], "price": null, "store": "Hama", '
        b'"categories": ["Video Games", "PC"], "details": {"Colour": "red"}, '
        b'"parent_asin": "B07DK1H3H5", "bought_together": null}\n'
    ),
}


def folder(path: Path, files: dict[str, bytes], zipped: bool = False) -> Path:
    for name, raw in files.items():
        if zipped:
            (path / f"{name}.gz").write_bytes(gzip.compress(raw))
        else:
            (path / name).write_bytes(raw)
    return path


def events(dataset: Dataset) -> list[tuple[str, str, int]]:
    return dataset.interactions.select("user", "item", "time").rows()


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("files", "format", "expected", "titles"),
    [
        (
            ML1M,
            "movielens-1m",
            [("1", "1193", 978300760), ("1", "661", 978302109), ("2", "1193", 978298413)],
            ["James and the Giant Peach (1996)", "Un été (1975)"],
        ),
        (
            ML100K,
            "movielens-100k",
            [("196", "242", 881250949), ("186", "302", 891717742), ("196", "302", 881250949)],
            ["Kolya (1996)", 'Les Misérables "1995"'],
        ),
        (
            RECBOLE,
            "recbole",
            [("196", "242", 881250949), ("186", "302", 891717742)],
            ["Kolya (1996)", 'L.A. "Confidential" (1997)'],
        ),
        (
            ML_CSV,
            "movielens-csv",
            [("1", "31", 1260759144), ("1", "10", 1260759179)],
            ["American President, The (1995)", "Dangerous Minds (1995)"],
        ),
        (
            HETREC,
            "hetrec-lastfm",
            [("2", "52", 1238536800000), ("2", "51", 1241128800000)],
            ["Duran Duran", "Sigur Rós"],
        ),
        (
            AMAZON_2014,
            "amazon",
            [("A2HD75EMZR8QLN", "0700099867", t) for t in (1341792000, 1341792009)],
            ["Dirt 3"],
        ),
        (
            AMAZON_2018,
            "amazon",
            [
                ("A1HP7NVNPFMA4N", "0700026657", 1445040000),
                ("A1JGAP0185YJI6", "0700026657", 1437955200),
            ],
            ["Anno 2070"],
        ),
        (
            AMAZON_2023,
            "amazon",
            [("AGCI7FAH4GL5FI65HYLK", "B07DK1H3H5", 1608186804795)],
            ["Cable"],
        ),
    ],
    ids=["1m", "100k", "recbole", "csv", "hetrec", "amazon14", "amazon18", "amazon23"],
)
def test_published_layouts(
    tmp_path: Path,
    files: dict[str, bytes],
    format: str,
    expected: list[tuple[str, str, int]],
    titles: list[str],
    zipped: bool,
) -> None:
    path = folder(tmp_path, files, zipped)
    assert detect(path)[0] is READERS[format]
    dataset = load(DataConfig(data=str(path)))
    assert events(dataset) == expected
    assert dataset.catalogue.titles == titles


def test_genres_are_comma_lists_in_every_movielens_layout(tmp_path: Path) -> None:
    found = {}
    for name, files in (("a", ML100K), ("b", ML1M), ("c", ML_CSV), ("d", RECBOLE)):
        (tmp_path / name).mkdir()
        dataset = load(DataConfig(data=str(folder(tmp_path / name, files))))
        found[name] = dataset.catalogue.frame["genres"].to_list()
    assert found["a"] == ["Comedy", "Crime, Film-Noir, Mystery, Thriller"]
    assert found["b"] == ["Animation, Children's", "Drama"]
    assert found["c"] == ["Drama, Romance", None]
    assert found["d"] == ["Comedy", "Crime, Film-Noir"]


@pytest.mark.parametrize(
    ("files", "column"),
    [(ML100K, "occupation"), (ML1M, "gender"), (RECBOLE, "age")],
    ids=["100k", "1m", "recbole"],
)
def test_users_are_described_where_the_source_does(
    tmp_path: Path, files: dict[str, bytes], column: str
) -> None:
    attributes = load(DataConfig(data=str(folder(tmp_path, files)))).user_attributes
    assert attributes is not None
    assert attributes["user"].n_unique() == 2
    assert column in attributes.columns


def test_movietweetings_user_accounts_are_not_attributes(tmp_path: Path) -> None:
    files = ML1M | {"users.dat": b"1::139564917\n2::17528189\n"}
    assert load(DataConfig(data=str(folder(tmp_path, files)))).user_attributes is None


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("ratings_Video_Games.csv", "A2HD75EMZR8QLN,0700099867,1.0,1341792000"),  # 2014
        ("Video_Games.csv", "0700099867,A2HD75EMZR8QLN,1.0,1341792000"),  # 2018
    ],
)
def test_amazon_ratings_without_header_know_user_from_item(
    tmp_path: Path, name: str, row: str
) -> None:
    (tmp_path / name).write_text(row + "\n" + row + "\n")
    reader, files = detect(tmp_path / name)
    assert reader is READERS["amazon"]
    frame = reader.interactions(files.interactions, DataConfig(data="x").columns).frame
    assert frame.rows()[0] == ("A2HD75EMZR8QLN", "0700099867", 1341792000, 1.0)


def test_amazon_2023_five_core_csv_finds_its_metadata(tmp_path: Path) -> None:
    folder(
        tmp_path,
        {
            "Video_Games.csv": b"user_id,parent_asin,rating,timestamp\nA,B07DK1H3H5,5.0,1608\n",
            "meta_Video_Games.jsonl": AMAZON_2023["meta_Video_Games.jsonl"],
        },
        zipped=True,
    )
    dataset = load(DataConfig(data=str(tmp_path)))
    assert dataset.catalogue.frame.to_dicts() == [
        {
            "item": "B07DK1H3H5",
            "title": "Cable",
            "brand": "Hama",
            "categories": "Video Games, PC",
            "text": "Long, cable",
            "price": None,
        }
    ]


def test_amazon_metadata_says_what_it_left_out(tmp_path: Path) -> None:
    note = load(DataConfig(data=str(folder(tmp_path, AMAZON_2018)))).steps[-1].note
    assert "1 repeated entries left out" in note
    assert "1 without events dropped" in note
    kept = load(DataConfig(data=str(tmp_path), unseen_items="keep"))
    assert kept.catalogue.titles == ["Anno 2070", "Never reviewed"]


def test_hetrec_counts_folded_tags_and_takes_listening_counts_on_request(tmp_path: Path) -> None:
    folder(tmp_path, HETREC)
    assert load(DataConfig(data=str(tmp_path))).steps[0].dropped_events == 1
    listened = load(DataConfig(interactions=tmp_path / "user_artists.dat"))
    assert not listened.has_clock
    assert listened.interactions["rating"].to_list() == [13883.0, 11690.0, 3.0]
    assert "no time" in listened.steps[0].note


def test_sequences_of_item_ids(tmp_path: Path) -> None:
    (tmp_path / "sequences.tsv").write_text("user_id\titem_ids_in_time_order\na\t3 1 3\nb\t2\n")
    (tmp_path / "items.tsv").write_text('item_id\ttitle\n1\t7" single\n2\t"Weird Al"\n3\tC\n')
    dataset = load(DataConfig(data=str(tmp_path)))
    assert [h.tolist() for h in dataset.sequences] == [[2, 0, 2], [1]]
    assert dataset.catalogue.titles == ['7" single', '"Weird Al"', "C"]
    assert not dataset.has_clock


HEADERS = [
    ("user_id", "item_id", "timestamp"),
    ("userId", "movieId", "timestamp"),
    ("uid", "iid", "ts"),
    ("User ID", "Product-ID", "Date"),
    ("reviewerID", "asin", "unixReviewTime"),
    ("customer_id", "parent_asin", "time"),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[0])
@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolons", "parquet", "jsonl"])
def test_common_column_names_in_every_general_format(
    tmp_path: Path, header: tuple[str, str, str], kind: str
) -> None:
    frame = pl.DataFrame({header[2]: [30, 10], "note": ["x", None], header[1]: [7, 8]})
    frame = frame.with_columns(pl.Series(header[0], ["ann", "bob"]))
    path = tmp_path / f"clicks.{'csv' if kind == 'semicolons' else kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator={"csv": ",", "tsv": "\t", "semicolons": ";"}[kind])
    dataset = load(DataConfig(interactions=path))
    assert events(dataset) == [("ann", "7", 30), ("bob", "8", 10)]
    assert dataset.catalogue.titles == ["7", "8"]
    assert "titles are ids" in dataset.steps[-1].note


def test_named_columns_and_files_of_two_formats(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("who,what,when,stars\nann,7,30,4.5\nann,8,10,\n")
    pl.DataFrame({"what": [7, 8], "label": ["Seven", "Eight"], "name": ["x", "y"]}).write_parquet(
        tmp_path / "things.parquet"
    )
    dataset = load(
        DataConfig(
            interactions=tmp_path / "clicks.csv",
            items=tmp_path / "things.parquet",
            user_column="who",
            item_column="what",
            time_column="when",
            title_column="label",
        )
    )
    assert dataset.interactions.rows() == [("ann", "7", 30, 4.5), ("ann", "8", 10, None)]
    assert dataset.catalogue.titles == ["Seven", "Eight"]
    assert [h.tolist() for h in dataset.sequences] == [[1, 0]]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["10", "9"], [10, 9]),
        (["10.0", "9.0"], [10, 9]),
        (["0.5", "0.25"], [500_000, 250_000]),
        (["1e3", "2"], [1000, 2]),
        (["1970-01-02", "1970-01-01"], [86_400_000_000, 0]),
        (["1970-01-01 00:00:02", "1970-01-01 00:00:01.5"], [2_000_000, 1_500_000]),
        (["1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z"], [2_000_000, 1_000_000]),
        (["1970-01-01 01:00:00+01:00", "1970-01-01 00:00:01+00:00"], [0, 1_000_000]),
    ],
)
def test_times_as_numbers_and_dates(tmp_path: Path, texts: list[str], expected: list[int]) -> None:
    rows = "".join(f"u,i,{text}\n" for text in texts)
    (tmp_path / "clicks.csv").write_text("user,item,time\n" + rows)
    dataset = load(DataConfig(interactions=tmp_path / "clicks.csv"))
    assert dataset.interactions["time"].to_list() == expected


def test_order_of_rows_in_place_of_time(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("user,item\nu,b\nv,a\nu,a\n")
    dataset = load(DataConfig(interactions=tmp_path / "clicks.csv", time_column="-"))
    assert events(dataset) == [("u", "b", 0), ("v", "a", 1), ("u", "a", 2)]
    assert not dataset.has_clock


def test_excel_exports_have_a_byte_order_mark_and_quotes(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_bytes(
        b'\xef\xbb\xbf"user_id";"item_id";"timestamp"\r\n"1";"a;b";"5"\r\n'
    )
    assert events(load(DataConfig(interactions=tmp_path / "clicks.csv"))) == [("1", "a;b", 5)]


def test_parquet_ids_and_dates_of_any_type(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [1.0, 2.0], "item": ["x", "y"], "time": [0, 1]})
    frame = frame.with_columns(
        pl.col("time").cast(pl.Datetime("ms")), pl.col("item").cast(pl.Categorical)
    )
    frame.write_parquet(tmp_path / "clicks.parquet")
    dataset = load(DataConfig(interactions=tmp_path / "clicks.parquet"))
    assert events(dataset) == [("1", "x", 0), ("2", "y", 1000)]


def test_shared_movielens_and_movietweetings(shared_data: Path) -> None:
    small = load(DataConfig(data=str(shared_data / "ml-latest-small")))
    assert (len(small.users), len(small.catalogue), len(small.interactions)) == (671, 9125, 100_004)
    assert "59 without events kept" in small.steps[-1].note
    tweets = load(DataConfig(data=str(shared_data / "movietweetings-100k")))
    assert (len(tweets.users), len(tweets.catalogue)) == (16_554, 10_506)
    assert tweets.catalogue.titles[0] == "Fantômas - À l'ombre de la guillotine (1913)"
