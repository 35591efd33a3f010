"""A server under load, beside the least that FastAPI can do: an endpoint that returns a constant.

One to 64 clients on loopback, each with a connection of its own, ask for the ten best items of
users that the run knows, as fast as they are answered. The bare endpoint returns an answer of the
same size. Both servers run at the same time and are asked in turn, round after round, so that
other work on the machine strikes both; the client is in the same machine and takes its share.
Expected: p50 below 3 times the bare endpoint's with one client; p99 below 25 ms with eight; no
error with 64.

    python benchmarks/serving.py --run sasrec=runs/sasrec-ml-100k --run lite=runs/lite-ml-100k
    python benchmarks/serving.py --items 1000000             # a synthetic catalogue, all scored
    python benchmarks/serving.py --items 1000000 --index hnsw
    python benchmarks/serving.py --run sasrec=runs/sasrec-ml-100k --steady 100000   # memory
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import polars as pl
import psutil

from palate.experiments.run import Run
from record import record

K = 10
BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
answer = {"items": [{"item": str(n), "title": "A title of some length (1995)", "rank": n,
                     "attributes": {"genres": "Comedy, Drama", "year": "1995"},
                     "score": 0.123456789 * n} for n in range(10)]}
@app.get("/v1/recommend")
def recommend(user: str, k: int = 10) -> dict:
    return answer
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""
SERVE = "import sys\nfrom palate.cli import main\nsys.argv[0] = 'palate'\nmain()"


@contextmanager
def started(name: str, command: list[str], port: int) -> Iterator[dict[str, Any]]:
    """A server process; seconds until it answered, on the clock and of the processor."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    probe.sendall(
                        f"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
                    )
                    probe.settimeout(3600)  # it listens before it has loaded
                    if probe.recv(12).startswith(b"HTTP/1.1"):
                        break
            if process.poll() is not None:
                raise SystemExit(f"{name} did not start")
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        seen = {"name": name, "port": port, "process": psutil.Process(process.pid)}
        yield seen | {
            "start_seconds": seconds,
            "start_processor_seconds": processor(seen),
            "index": index(port),
        }
    finally:
        process.terminate()
        process.wait()


def index(port: int) -> str | None:
    """How a server finds the best items; with its recall, if by an approximate index."""
    with suppress(HTTPError), urlopen(f"http://127.0.0.1:{port}/v1/runs") as answer:
        return str(json.load(answer)["runs"][0]["index"])
    return None


async def client(
    port: int,
    users: list[str],
    until: float,
    left: list[int],
    found: list[float],
    bad: Counter[str],
) -> None:
    """Ask, wait, ask again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    at = np.random.default_rng(len(found)).integers(len(users))
    while time.perf_counter() < until and left[0] > 0:
        left[0] -= 1
        at = (at + 7919) % len(users)
        request = f"GET /v1/recommend?user={users[at]}&k={K} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        begun = time.perf_counter()
        try:
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            bad[type(error).__name__] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        found.append(time.perf_counter() - begun)
        if not head.startswith(b"HTTP/1.1 200"):
            bad[head[9:12].decode()] += 1
    writer.close()


def load(
    port: int, users: list[str], clients: int, seconds: float, most: int = 10**9
) -> tuple[list[float], float, Counter[str]]:
    """Seconds of each request, of all together, and what went wrong."""
    found: list[float] = []
    bad: Counter[str] = Counter()
    left = [most]

    async def together() -> None:
        until = time.perf_counter() + seconds
        each = (client(port, users, until, left, found, bad) for _ in range(clients))
        await asyncio.gather(*each)

    begun = time.perf_counter()
    asyncio.run(together())
    return found, time.perf_counter() - begun, bad


def processor(server: dict) -> float:
    """Seconds of the processor that a server took so far; other work disturbs them less."""
    times = server["process"].cpu_times()
    return times.user + times.system


def measured(servers: list[dict], users: dict[str, list[str]], options: Any) -> list[dict]:
    """A row for each server and number of clients."""
    rows = []
    for clients in options.clients:
        kept: dict[str, list[Any]] = {one["name"]: [[], 0.0, Counter(), 0.0] for one in servers}
        for one in servers:
            load(one["port"], users[one["name"]], clients, options.seconds / 4)  # warm
        for _ in range(options.rounds):
            for one in servers:
                busy = processor(one)
                found, took, bad = load(
                    one["port"], users[one["name"]], clients, options.seconds / options.rounds
                )
                whole = kept[one["name"]]
                whole[0] += found
                whole[1] += took
                whole[2] += bad
                whole[3] += processor(one) - busy
        for one in servers:
            found, took, bad, busy = kept[one["name"]]
            p50, p99 = np.percentile(found, [50, 99]).tolist()
            rows.append(
                {
                    "server": one["name"],
                    "clients": clients,
                    "requests": len(found),
                    "requests_per_second": len(found) / took,
                    "p50_ms": 1e3 * p50,
                    "p99_ms": 1e3 * p99,
                    "processor_ms": 1e3 * busy / len(found),
                    "errors": dict(bad),
                    "memory_bytes": one["process"].memory_info().rss,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def steady(server: dict, users: list[str], requests: int) -> list[int]:
    """Memory after each tenth of so many requests of eight clients."""
    found = []
    for _ in range(10):
        load(server["port"], users, 8, 3600, requests // 10)
        found.append(server["process"].memory_info().rss)
        print(f"{found[-1] / 2**20:.1f} MiB", flush=True)
    return found


def synthetic(folder: Path, items: int, users: int = 10_000, width: int = 64) -> Path:
    """A run of SASRec that never learned, over a catalogue of so many items: as fast as another.

    Its vectors stand in clusters, as learned ones do; an index finds less among vectors of chance.
    """
    import torch

    from palate.data.catalogue import Catalogue
    from palate.experiments.atomic import write_json, write_yaml
    from palate.recommenders.sasrec import SASRec, SASRecConfig

    random = np.random.default_rng(0)
    names = [f"i{n}" for n in range(items)]
    frame = pl.DataFrame({"item": names, "title": [f"Item number {n}" for n in range(items)]})
    recommender = SASRec(SASRecConfig(width=width, layers=1, device="cpu"))
    recommender._place(Catalogue(frame))
    centres = random.normal(size=(1000, width)) * 0.5
    vectors = centres[random.integers(1000, size=items)] + random.normal(size=(items, width)) * 0.3
    with torch.no_grad():
        recommender.net.items.weight[:items] = torch.from_numpy(vectors).float()
    recommender._popularity = random.pareto(1.5, items).astype(np.float32)
    run = folder / f"synthetic-{items}"
    run.mkdir(parents=True)
    recommender.save(run)
    frame.write_parquet(run / "catalogue.parquet")
    lists = [random.integers(items, size=30).tolist() for _ in range(users)]
    histories = {"user": [f"u{n}" for n in range(users)], "items": lists}
    pl.DataFrame(histories).write_parquet(run / "histories.parquet")
    write_yaml(
        run / "config.yaml",
        {"method": "sasrec", "settings": {}, "data": {"data": "synthetic"}, "seed": 0},
    )
    for name, value in (("metrics", {"metrics": {}}), ("cost", {}), ("environment", {"data": {}})):
        write_json(run / f"{name}.json", value)
    return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="append", default=[], help="NAME=FOLDER, again for more")
    parser.add_argument("--items", type=int, help="of a synthetic catalogue")
    parser.add_argument("--index", default="exact", choices=["exact", "hnsw"])
    parser.add_argument("--store", help="postgresql://…; by default an SQLite file")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steady", type=int, help="requests after which memory is told")
    parser.add_argument("--name", default="serving", help="of the file of results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folders = dict(one.split("=", 1) for one in options.run)
        if options.items:
            folders["synthetic"] = str(synthetic(Path(place), options.items))
        if not folders:
            parser.error("name a run with --run NAME=FOLDER, or give --items")
        port = free_port()
        bare = stack.enter_context(started("bare", [sys.executable, "-c", BARE, str(port)], port))
        servers, users = [bare], {"bare": [str(n) for n in range(100)]}
        for name, folder in folders.items():
            port = free_port()
            store = options.store or str(Path(place) / f"{name}.sqlite")
            words = ["serve", f"{name}={folder}", "--port", str(port), "--store", store]
            command = [sys.executable, "-c", SERVE, *words, "--index", options.index]
            servers.append(stack.enter_context(started(name, command, port)))
            users[name] = Run(folder).histories().users[:1000]
        found: dict[str, Any] = {
            "cores": os.cpu_count(),
            "started": [
                {key: value for key, value in one.items() if key not in ("process", "port")}
                for one in servers
            ],
        }
        if options.steady:
            found["steady"] = {
                one["name"]: steady(one, users[one["name"]], options.steady) for one in servers[1:]
            }
        else:
            found["rows"] = measured(servers, users, options)
    command = " ".join(["python", "benchmarks/serving.py", *sys.argv[1:]])
    print(record(options.name, found, command))


if __name__ == "__main__":
    main()
