"""A small shop, real runs of it, real servers on real sockets, and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import uvicorn

from palate.data.load import DataConfig
from palate.experiments.run import Run
from palate.experiments.train import train
from palate.serving.app import application
from palate.serving.service import Service
from palate.serving.settings import ServingConfig
from palate.serving.store import Store

START = 1_700_000_000
FILMS = 40
SLEEP = 0.05


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """FastAPI silences a warning of pydantic's in a way that two servers in one process disturb."""
    quiet = pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning")
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(quiet)


def films(path: Path) -> Path:
    """Two tastes, even and odd; four decades."""
    rows = [
        f'{n},"{"Even" if n % 2 == 0 else "Odd"} film {n} ({1970 + n})",'
        f'"{"Comedy" if n % 2 == 0 else "Horror"}{"|Drama" if n % 3 == 0 else ""}",{1970 + n}'
        for n in range(FILMS)
    ]
    path.write_text("\n".join(["item,title,genres,year", *rows]) + "\n")
    return path


def clicks(
    path: Path, users: int = 60, events: int = 12, seed: int = 0, start: int = START
) -> Path:
    """Each user likes films of one parity."""
    random = np.random.default_rng(seed)
    rows, clock = [], start
    for user in range(users):
        mine = [n for n in range(FILMS) if n % 2 == user % 2]
        for item in random.permutation(mine)[:events].tolist():
            clock += 60
            rows.append(f"u{user},{item},{clock}")
    path.write_text("\n".join(["user,item,time", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """The shop's files."""
    folder = tmp_path_factory.mktemp("shop")
    return DataConfig(interactions=clicks(folder / "clicks.csv"), items=films(folder / "films.csv"))


@pytest.fixture(scope="session")
def trained(shop: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs ``ease`` and ``popularity`` of the shop; not to be written to."""
    folder = tmp_path_factory.mktemp("trained")
    for method in ("ease", "popularity"):
        train(method, {}, shop, folder=folder / method)
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@dataclass
class Live:
    """A server that answers on a socket."""

    address: str
    service: Service
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, **more: Any) -> httpx.Client:
        """A client of it."""
        self.clients.append(httpx.Client(base_url=self.address, timeout=30, **more))
        return self.clients[-1]


Serve = Callable[..., AbstractContextManager[Live]]


@contextmanager
def serving(folders: Mapping[str, Path], store: str, **settings: Any) -> Iterator[Live]:
    """A server in a thread of this process."""
    config = ServingConfig(port=0, **{"poll": 0.1, **settings})
    service = Service(folders, Store(store), config)
    options: dict[str, Any] = {"log_level": "warning", "server_header": False}
    server = uvicorn.Server(uvicorn.Config(application(service), **options))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    run = {"sockets": [listening]}
    thread = threading.Thread(target=server.run, kwargs=run, name="server")
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(SLEEP)
    live = Live(f"http://127.0.0.1:{listening.getsockname()[1]}", service)
    try:
        yield live
    finally:
        for client in live.clients:
            client.close()
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def serve(runs: Path, tmp_path: Path) -> Serve:
    """Starts servers of the run ``ease``, or of those that are given."""

    def start(*names: str, store: str = str(tmp_path / "store.sqlite"), **settings: Any) -> Any:
        folders = {name: runs / name for name in names or ("ease",)}
        return serving(folders, store, **settings)

    return start


@pytest.fixture
def live(serve: Serve) -> Iterator[Live]:
    """A server of the run ``ease``."""
    with serve() as one:
        yield one


@pytest.fixture
def api(live: Live) -> httpx.Client:
    """A client of it."""
    return live.client()


@dataclass
class Process:
    """A server in a process of its own, as people start it."""

    number: int
    address: str = ""

    @property
    def alive(self) -> bool:
        """Whether it is there."""
        return Path(f"/proc/{self.number}").exists() or psutil.pid_exists(self.number)

    def kill(self) -> None:
        """End it as a power cut would."""
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        while self.alive:
            time.sleep(0.005)


PalateServe = Callable[..., AbstractContextManager[Process]]
PalateStarted = Callable[..., tuple[Process, Path]]


@pytest.fixture(scope="session")
def forge() -> Iterator[subprocess.Popen[str]]:
    """Starts processes of palate within a second."""
    code = Path(__file__).parent / "forge.py"
    process = subprocess.Popen(
        [sys.executable, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        yield process


@pytest.fixture
def palate_started(forge: subprocess.Popen[str], tmp_path: Path) -> PalateStarted:
    """``palate`` with some words in a process of its own, and the file of what it prints;
    *before* is code that runs first."""
    assert forge.stdin is not None
    assert forge.stdout is not None
    stdin, stdout = forge.stdin, forge.stdout

    def start(*words: str | Path, before: str = "") -> tuple[Process, Path]:
        output = tmp_path / "palate.log"
        output.write_text("")
        stdin.write(json.dumps([str(output), before, [*map(str, words)]]) + "\n")
        stdin.flush()
        return Process(int(stdout.readline())), output

    return start


@pytest.fixture
def palate_serve(palate_started: PalateStarted) -> PalateServe:
    """``palate serve`` with some words on a free port."""

    @contextmanager
    def start(*words: str | Path, before: str = "") -> Iterator[Process]:
        process, output = palate_started("serve", *words, "--port", "0", before=before)
        try:
            while not (found := re.search(r"docs +(\S+)/docs\n", output.read_text())):
                assert process.alive, output.read_text()
                time.sleep(0.01)
            process.address = found[1]
            yield process
        finally:
            process.kill()

    return start


@dataclass
class Postgres:
    """A PostgreSQL server that the tests started."""

    folder: Path
    programs: Path
    port: int
    user: str | None
    made: int = 0

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of PostgreSQL's, as the user that may."""
        more: dict[str, Any] = {"user": self.user, "group": self.user} if self.user else {}
        return subprocess.run(
            [self.programs / program, *words], check=True, capture_output=True, text=True,
            cwd=self.folder, **more,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        more: dict[str, Any] = {"user": self.user, "group": self.user} if self.user else {}
        subprocess.run(
            [self.programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
            **more,
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it at once, with its connections."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def database(self) -> str:
        """The address of a new database."""
        self.made += 1
        name = f"palate{self.made}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "palate", name)
        return f"postgresql://palate@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The system's PostgreSQL, started for the tests; skipped where there is none."""
    found = shutil.which("pg_ctl") or next(
        iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)), None
    )
    if found is None:
        pytest.skip("no PostgreSQL (pg_ctl) on this machine: install the package postgresql")
    programs = Path(found).resolve().parent
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="palate-postgres-"))
    if user is not None:
        try:
            shutil.chown(folder, user, user)
        except LookupError:
            pytest.skip("root may not run PostgreSQL, and there is no user 'postgres' who may")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Postgres(folder, programs, port, user)
    try:
        server.run("initdb", "-D", str(folder / "data"), "-U", "palate", "-A", "trust", "-N")
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store, of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "a-store.sqlite")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """An empty store, of each kind."""
    opened = Store(address)
    yield opened
    opened.close()


@pytest.fixture
def ease(runs: Path) -> Run:
    """The run ``ease`` in the test's own folder."""
    return Run(runs / "ease")
