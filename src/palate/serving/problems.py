"""What went wrong, as the caller reads it: problem+json (RFC 9457), with the mend."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from palate.errors import PalateError, StoreError
from palate.serving.batching import DeadlineError
from palate.serving.store.events import KeyReusedError

log = logging.getLogger("palate.serving")

MEDIA = "application/problem+json"
LATER = {"Retry-After": "1"}


class Problem(PalateError):  # noqa: N818 - RFC 9457 calls it so
    """An answer that is an error."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """
        Args:
            detail: what is wrong and how to mend it, in a sentence.
        """
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


def document(status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The members of a problem."""
    title = HTTPStatus(status).phrase
    kind = title.lower().replace(" ", "-").replace("'", "")
    found: dict[str, Any] = {
        "type": f"urn:palate:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    return found | ({"errors": list(errors)} if errors else {})


def response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> Response:
    """A problem as a response."""
    body = json.dumps(document(status, detail, errors), ensure_ascii=True)
    return Response(body, status, dict(headers or {}), MEDIA)


def of(error: Exception) -> Response:
    """The response to an error, whatever it is."""
    if isinstance(error, Problem):
        return response(error.status, error.detail, error.headers)
    if isinstance(error, DeadlineError):
        return response(503, str(error), LATER)
    if isinstance(error, StoreError):
        log.error("%s", error)
        told = "the store of events cannot be used now; try again in a moment"
        return response(503, told, {"Retry-After": "5"})
    if isinstance(error, KeyReusedError):
        return response(409, str(error))
    if isinstance(error, PalateError):
        return response(422, str(error))
    if isinstance(error, RequestValidationError):
        errors = [_place(one) for one in error.errors()][:20]
        first = errors[0] if errors else {"where": "request", "what": "not valid"}
        return response(422, f"{first['where']}: {first['what']}", errors=errors)
    if isinstance(error, HTTPException):
        return response(error.status_code, _worded(error), error.headers)
    log.error("unexpected", exc_info=error)
    return response(500, "something went wrong inside; the server's log says what")


def _place(error: Mapping[str, Any]) -> dict[str, str]:
    where = ".".join(str(part) for part in error["loc"])
    return {"where": where, "what": str(error["msg"])}


def _worded(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is nothing at this address; GET /docs lists what there is"
    if error.status_code == 405:
        return "this address does not take this method; GET /docs lists what it takes"
    return str(error.detail)


def install(app: FastAPI) -> None:
    """Have every error answered as a problem."""

    async def handle(_: Request, error: Exception) -> Response:
        return of(error)

    for kind in (PalateError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)


_EXAMPLE = document(422, "body.k: Input should be less than or equal to 1000")
_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and how to mend it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


def _described(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA: {"schema": _SCHEMA, "example": _EXAMPLE}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": _described("What was sent cannot be answered; `detail` says why and how to mend it."),
    "5XX": _described("It cannot be answered now; `Retry-After` says when to try again."),
}
"""For every route's OpenAPI."""
