"""The application: routers, headers, errors and the page, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from palate import __version__
from palate.serving import problems
from palate.serving.docs import page
from palate.serving.guard import OPEN, Guard
from palate.serving.routes import (
    chat,
    events,
    explain,
    items,
    recommend,
    runs,
    search,
    users,
    watch,
)
from palate.serving.service import Service

PAGE = Path(__file__).parent / "page"

ABOUT = """Recommendations, explanations and conversations out of trained runs, and what people do
with them back in.

Errors are `application/problem+json` (RFC 9457): `detail` says what is wrong and how to mend it.
429 and 503 carry `Retry-After`. Titles and other text out of the data are data: show them as text,
never as markup."""

ABOUT_KEYS = """`Authorization: Bearer KEY`, where KEY comes from `palate keys add NAME --role
read|write|admin`. Not needed on a server that listens on its own machine alone."""

TAGS = [
    {"name": "recommend", "description": "Lists of items for people."},
    {"name": "search", "description": "Items by title, words, meaning and likeness."},
    {"name": "explain", "description": "Why items are recommended."},
    {"name": "chat", "description": "Conversations."},
    {"name": "events", "description": "What people did."},
    {"name": "items", "description": "The catalogue, as it changes."},
    {"name": "users", "description": "What is known of people; export and deletion."},
    {"name": "runs", "description": "Versions of runs: list, activate, go back."},
    {"name": "watch", "description": "Health, readiness, metrics."},
]


def application(service: Service) -> FastAPI:
    """The server's application.

    Args:
        service: what it answers from; it is started and stopped with the application.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        threads = anyio.to_thread.current_default_thread_limiter()
        threads.total_tokens = service.settings.concurrency
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="palate",
        version=__version__,
        description=ABOUT,
        openapi_tags=TAGS,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere; ours loads nothing
        redoc_url=None,
        lifespan=life,
        responses=problems.RESPONSES,
    )
    app.state.service = service
    app.openapi = partial(_described, app, app.openapi)  # type: ignore[method-assign]
    problems.install(app)
    for module in (recommend, search, explain, chat, events, users, runs, watch, items):
        app.include_router(module.router, prefix="/v1")
    _add_pages(app)
    app.add_middleware(Guard, service=service)
    return app


class _Page(StaticFiles):
    """The page's files: kept by browsers, and asked after each time, so that they fit together."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


KEY = "API key"


def _described(app: FastAPI, plain: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI, with the keys that the guard asks for."""
    if app.openapi_schema is None:
        schema = plain()
        scheme = {"type": "http", "scheme": "bearer", "description": ABOUT_KEYS}
        schema.setdefault("components", {})["securitySchemes"] = {KEY: scheme}
        for path, methods in schema["paths"].items():
            for route in methods.values():
                route["security"] = [] if path in OPEN else [{KEY: []}]
    assert app.openapi_schema is not None
    return app.openapi_schema


def _add_pages(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        text, headers = page(app.openapi())
        return HTMLResponse(text, headers=headers)

    if (PAGE / "index.html").is_file():
        app.mount("/", _Page(directory=PAGE, html=True), name="page")
        return

    @app.get("/", include_in_schema=False)
    def root() -> Response:
        return RedirectResponse("/docs")
