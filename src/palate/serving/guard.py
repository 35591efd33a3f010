"""What every request passes before it reaches a route, and what every answer bears.

Written against ASGI: what stands before all requests must cost next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palate.errors import StoreError
from palate.serving import problems
from palate.serving.keys import Caller
from palate.serving.problems import Problem
from palate.serving.service import Service

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-src 'self'; frame-ancestors 'none'"
    ),
}
READ = (b"host", b"origin", b"authorization", b"content-length", b"transfer-encoding")
OPEN = ("/v1/health", "/v1/ready")  # for those who watch over the process; without a key
ALWAYS = (*OPEN, "/v1/metrics")  # answered under load too
SLOW = ("/v1/runs/",)  # of which POSTs load a version: as long as that takes
PRIVATE = ("/v1/",)  # what a key opens; the page and the docs hold nothing
OWN = ("127.0.0.1", "localhost", "[::1]")
SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Host and origin, keys, rates, sizes, overload and deadlines; headers and counters."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        self._anonymous = Caller("anonymous", "admin")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        answer = _Answer(send, self._headers)
        try:
            await self._pass(scope, receive, answer, begun)
        except Exception as error:
            if answer.status:
                raise  # too late for another answer; the connection breaks off
            await problems.of(error)(scope, receive, answer)
        finally:
            self._count(scope, answer.status, time.monotonic() - begun)

    async def _pass(self, scope: Scope, receive: Receive, answer: _Answer, begun: float) -> None:
        service, path, method = self._service, scope["path"], scope["method"]
        headers = {n: value.decode("latin-1") for n, value in scope["headers"] if n in READ}
        self._check_origin(headers, method)
        scope["palate.caller"] = caller = self._caller(headers, path)
        who = caller.name
        if caller is self._anonymous and scope.get("client"):
            who = scope["client"][0]
        if path.startswith(PRIVATE) and path not in ALWAYS and (wait := service.rate.wait(who)):
            service.metrics.shed.labels("rate").inc()
            told = f"more than {service.settings.rate:g} requests a second; come again later"
            raise Problem(429, told, {"Retry-After": str(wait)})
        if path not in ALWAYS and service.active >= service.settings.concurrency:
            service.metrics.shed.labels("overload").inc()
            raise Problem(429, "the server has all it can do; come again later", problems.LATER)
        slow = method == "POST" and path.startswith(SLOW)
        limit = None if slow else service.settings.deadline
        scope["palate.deadline"] = None if limit is None else begun + limit
        service.active += 1
        service.metrics.active.set(service.active)
        try:
            async with asyncio.timeout(limit) as timer:
                answer.timer = timer  # what streams has its time until the first byte
                body = await self._body(receive, headers)
                await self._app(scope, _replayed(body, receive), answer)
        except TimeoutError:
            if answer.status:
                raise
            told = f"not answered within {service.settings.deadline:g} seconds; ask for less"
            raise Problem(503, told, problems.LATER) from None
        finally:
            answer.timer = None
            service.active -= 1
            service.metrics.active.set(service.active)

    def _check_origin(self, headers: dict[bytes, str], method: str) -> None:
        """A page of another site must not use a browser to reach a server on its machine."""
        host = headers.get(b"host", "")
        if self._service.settings.loopback and _name(host) not in OWN:
            raise Problem(
                421, "this server answers to 127.0.0.1 and localhost alone; start it with --host "
                "for other names"
            )  # fmt: skip
        origin = headers.get(b"origin")
        if origin is not None and method not in SAFE and origin.partition("://")[2] != host:
            raise Problem(403, "requests from pages of other sites are not taken")

    def _caller(self, headers: dict[bytes, str], path: str) -> Caller:
        told = headers.get(b"authorization")
        if told is None:
            if not path.startswith(PRIVATE) or path in OPEN:
                return Caller("anonymous", "read")
            if not self._service.settings.needs_key:
                return self._anonymous
            raise Problem(
                401, "an API key is needed: send the header 'Authorization: Bearer KEY'; make one "
                "with: palate keys add NAME", {"WWW-Authenticate": "Bearer"}
            )  # fmt: skip
        try:
            caller = self._service.keys.caller(told)
        except StoreError as error:
            raise Problem(503, "keys cannot be checked now; try again in a moment",
                          {"Retry-After": "5"}) from error  # fmt: skip
        if caller is None:
            raise Problem(
                401, "this API key opens nothing; is it whole, and was it revoked?",
                {"WWW-Authenticate": "Bearer"}
            )  # fmt: skip
        return caller

    async def _body(self, receive: Receive, headers: dict[bytes, str]) -> bytes:
        """All of the body, read before anything is done, and no more than is allowed."""
        most = self._service.settings.body
        told = headers.get(b"content-length", "")
        large = Problem(413, f"the request has more than {most:,} bytes; send it in parts")
        if told.isdecimal() and int(told[:20]) > most:
            raise large
        if not told and b"transfer-encoding" not in headers:
            return b""
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "the connection broke off")
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise large
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        known = isinstance(route, str) and scope["path"].startswith(PRIVATE)
        name = f"/v1{str(route).removeprefix('/v1')}" if known else "other"
        metrics = self._service.metrics
        metrics.requests.labels(scope["method"], name, status or 499).inc()
        metrics.seconds.labels(name).observe(seconds)


class _Answer:
    """Sends an answer on, with the headers that all bear."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send, self._headers = send, headers
        self.status = 0
        self.timer: Any = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            more = [pair for pair in self._headers if pair[0] not in own]
            message = {**message, "headers": [*message["headers"], *more]}
            self.status = message["status"]
            if self.timer is not None and not self.timer.expired():
                self.timer.reschedule(None)
        await self._send(message)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then what the connection says."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _name(host: str) -> str:
    """A host without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host
