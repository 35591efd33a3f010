"""How a server behaves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from palate.config import Config
from palate.serving.keys import LOOPBACK


class ServingConfig(Config):
    """Settings of a server."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    keys: Literal["auto", "required"] = "auto"
    """Who needs an API key: everyone (required), or everyone where other machines can reach the
    server (auto)."""
    deadline: float = Field(10.0, gt=0)
    """Seconds that a request has."""
    concurrency: int = Field(128, ge=1)
    """Requests that are worked on at once; those beyond are asked to come again (429)."""
    rate: float = Field(0.0, ge=0)
    """Requests a second that each caller may send; 0 does not limit them."""
    body: int = Field(2**20, ge=1)
    """Bytes of a request, at most."""
    index: Literal["exact", "hnsw"] = "exact"
    """How the best items are found: all are scored (exact), or an approximate index (hnsw) is
    asked, for catalogues of hundreds of thousands."""
    words: str = "plain"
    """Who words chat answers: nobody (plain), a language model, or an OpenAI-compatible
    address."""
    words_model: str | None = None
    """The model's name at the address."""
    search: str = "bm25"
    """Stages that find items by what is written, for searches by taste and for chat."""
    threads: int | None = Field(None, ge=1)
    """Threads that a model's arithmetic is spread over; null is one, or all where that is clearly
    faster."""
    poll: float = Field(2.0, gt=0)
    """Seconds between looks at what other servers on the same store did."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def needs_key(self) -> bool:
        """Whether callers need a key."""
        return self.keys == "required" or not self.loopback
