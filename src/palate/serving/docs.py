"""``/docs``: the API as a page that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).parent / "templates"
METHODS = ("get", "post", "put", "delete")


def page(schema: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The page of an OpenAPI document, and the headers that let its one style sheet in."""
    css = (TEMPLATES / "docs.css").read_text("utf-8")
    groups = [
        {**tag, "routes": [one for one in _routes(schema) if tag["name"] in one["tags"]]}
        for tag in schema.get("tags", [])
    ]
    text = _environment().get_template("docs.html.jinja").render(
        css=css, groups=groups, info=schema["info"], about=schema["info"]["description"]
    )  # fmt: skip
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    return text, {"content-security-policy": policy}


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def _routes(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            told = methods[method]
            body = _body(told, schema)
            yield {
                "method": method.upper(),
                "path": path,
                "summary": told["summary"],
                "about": told.get("description", "").partition("\n\n"),
                "tags": told["tags"],
                "parameters": told.get("parameters", []),
                "fields": _fields(body),
                "example": _example(method, path, body),
            }


def _body(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _resolved(content.get("schema", {}), schema)


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    found: Mapping[str, Any] = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return found


def _fields(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = body.get("required", [])
    return [
        {"name": name, "about": one.get("description", ""), "required": name in required}
        for name, one in body.get("properties", {}).items()
    ]


def _example(method: str, path: str, body: Mapping[str, Any]) -> str:
    words = [f"curl -X {method.upper()} http://127.0.0.1:8000{path}"]
    for one in body.get("examples", [])[:1]:
        words += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(one)}'"]
    return " \\\n  ".join(words)
