"""The page's files: its texts in both languages, its scripts, and that they are shipped."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.wheel import WheelBuilder

from palate.serving.app import PAGE


def words(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAGE / "text" / f"{language}.json").read_text("utf-8"))
    return found


def test_every_text_is_there_in_both_languages_and_used() -> None:
    english, chinese = words("en"), words("zh")
    assert list(english) == sorted(english)
    assert list(chinese) == list(english)
    for key, text in english.items():
        slots = set(re.findall(r"\{\w+\}", json.dumps(text)))
        assert set(re.findall(r"\{\w+\}", json.dumps(chinese[key]))) == slots, key
    scripts = "\n".join(path.read_text("utf-8") for path in PAGE.rglob("*.js"))
    composed = set(re.findall(r"`([a-z]+_)\$\{", scripts)) | {"_item", "_done", "_about"}
    for key in english:
        used = re.search(rf'"{key}"', scripts) or any(part in key for part in composed)
        assert used, f"{key} is nowhere on the page"


def test_scripts_hold_no_way_to_make_markup_of_text_and_load_nothing_from_outside() -> None:
    for path in PAGE.rglob("*"):
        if path.suffix not in (".js", ".html", ".css", ".svg"):
            continue
        text = path.read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|"
                             r"new Function|DOMParser|setHTML", text), path  # fmt: skip
        assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}, path
        assert not re.search(r"@import|url\(", text), path
    shell = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script>", shell)


def test_the_wheel_carries_the_page(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (made,) = WheelBuilder(str(root)).build(directory=str(tmp_path))
    names = set(zipfile.ZipFile(made).namelist())
    for path in PAGE.rglob("*.*"):
        assert f"palate/serving/page/{path.relative_to(PAGE).as_posix()}" in names
