"""The server as a process: from folders and settings to answers on a port."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from palate.errors import ConfigError
from palate.serving.app import application
from palate.serving.schedule import Schedule
from palate.serving.service import Service
from palate.serving.settings import ServingConfig
from palate.serving.store import Store

GRACE = 10  # seconds that requests under way have when the server is to stop


class Server(uvicorn.Server):
    """Says where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._told()


def serve(
    folders: Mapping[str, Path],
    settings: ServingConfig,
    store: str,
    started: Callable[[str, Service], None],
    schedule: Schedule | None = None,
) -> None:
    """Answer until a signal says to stop.

    Args:
        folders: of the runs, by name.
        store: address of the store.
        started: told the server's address, and what it serves, when it listens.
        schedule: updates that are made while it serves.

    Raises:
        ConfigError: the port is taken, or a setting does not fit.
        RunError: a run cannot be loaded.
        StoreError: the store cannot be opened.
    """
    # The port first: who loads for a minute wants to know at once that it is taken.
    with _listening(settings) as listening:
        opened = Store(store)
        service = Service(folders, opened, settings)
        address = _address(settings, listening)
        server = Server(_config(service), lambda: started(address, service))
        gc.collect()
        gc.freeze()  # what was loaded stays: it is not looked through again at every collection
        if schedule is not None:
            schedule.start()
        try:
            server.run(sockets=[listening])
        finally:
            if schedule is not None:
                schedule.stop()
            opened.close()


def _config(service: Service) -> uvicorn.Config:
    logging.getLogger("palate").setLevel(logging.INFO)
    options: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,  # ids of users stand in addresses
        "server_header": False,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": GRACE,
    }
    return uvicorn.Config(application(service), **options)


def _listening(settings: ServingConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"--host {settings.host} --port {settings.port}: cannot listen there "
            f"({error.strerror}); is another server running? --port 0 takes a free port"
        ) from None
    listening.set_inheritable(False)
    return listening


def _address(settings: ServingConfig, listening: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}"
