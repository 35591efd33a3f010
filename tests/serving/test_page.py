"""The page in a real browser, on a real server: what people do, and what must not happen."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from palate.data.load import DataConfig
from palate.experiments.train import train
from palate.serving import keys

from .conftest import Live, clicks, films, serving

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: no browser is led")
axe = pytest.importorskip("axe_playwright_python.base", reason="no axe: access is not checked")
Page = Any  # of playwright.sync_api, which is there or not
expect = playwright.expect

CHROMIUM = next((found for n in ("chromium", "chromium-browser", "google-chrome")
                 if (found := shutil.which(n))), None)  # fmt: skip
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the page is not seen")

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
IMAGE = "<img src=x onerror=\"document.body.dataset.owned='yes'\"> film"
SCRIPT = "</title><script>document.body.dataset.owned = 'yes'</script> film"
ARABIC = "سيد الخواتم (2001)"
VIEWS = ("list?user=u2", "chat?user=u2", "search?q=film", "compare?user=u2", "run", "list")
ROW_TITLE = ".recommendation > .body .title"
SLOW = 15_000  # milliseconds that a busy machine may take


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of two runs on a shop some of whose titles are hostile."""
    folder = tmp_path_factory.mktemp("site")
    items = pl.read_csv(films(folder / "films.csv"), infer_schema=False)
    titles = items["title"].to_list()
    titles[0], titles[2], titles[4] = IMAGE, ARABIC, SCRIPT
    items.with_columns(title=pl.Series(titles)).write_csv(folder / "films.csv")
    data = DataConfig(interactions=clicks(folder / "clicks.csv"), items=folder / "films.csv")
    for method in ("ease", "popularity"):
        train(method, {}, data, folder=folder / method)
    runs = {name: folder / name for name in ("ease", "popularity")}
    with serving(runs, str(folder / "store.sqlite")) as live:
        yield live


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM)
        yield found
        found.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(site: Live, browser: Any) -> Iterator[Visit]:
    """Opens pages; whatever a browser complains of on one fails the test."""
    contexts, complaints = [], []

    def heard(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def open_page(view: str, *, address: str = site.address, **more: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **more})
        context.set_default_timeout(SLOW)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.complaints = complaints
        page.goto(f"{address}/#/{view}")
        return page

    expect.set_options(timeout=SLOW)
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def until(page: Page, condition: str) -> None:
    """Wait until an expression is true; Playwright's own waiting is what the page's CSP forbids."""
    ends = time.monotonic() + SLOW / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < ends, condition
        page.wait_for_timeout(30)


def titles_of(page: Page) -> list[str]:
    """The titles of the list, once it has come to rest."""
    expect(page.locator(".recommendation .reason")).to_have_count(10)
    until(page, "document.getAnimations().every((one) => one.playState !== 'running')")
    found: list[str] = page.locator(ROW_TITLE).all_inner_texts()
    return found


@needs_browser
def test_a_history_is_typed_and_makes_a_list_with_reasons(visit: Visit) -> None:
    page = visit("list")
    expect(page.get_by_role("heading", level=1)).to_have_text("What do you like?")
    before = titles_of(page)
    field = page.get_by_role("combobox", name="Something you liked")
    field.press_sequentially("even film 6")
    page.get_by_role("option", name="Even film 6 (1976)").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("For you")
    page.get_by_role("combobox", name="Add something you liked").fill("even film 8")
    page.get_by_role("option", name="Even film 8 (1978)").click()
    expect(page.locator("[data-had]")).to_have_count(2)
    expect(page.locator(".reason").first).to_contain_text("Because of")
    expect(page.locator(".recommendation .reason .driver").first).to_contain_text("Even film")
    after = titles_of(page)
    assert after != before
    assert not [title for title in after if title.startswith("Odd")]
    assert "had=6&had=8" in page.url
    page.go_back()  # takes back
    expect(page.locator("[data-had]")).to_have_count(1)


@needs_browser
def test_what_is_liked_moves_to_the_history_and_the_list_changes(visit: Visit, site: Live) -> None:
    page = visit("list?user=u10&run=ease")
    before = titles_of(page)
    row = page.locator(".recommendation").nth(1)
    row.get_by_role("button", name=f"Like {before[1]}", exact=True).click()
    expect(page.locator("[data-had]").first).to_contain_text(before[1])
    expect(
        page.locator(".recommendation .moved.up, .recommendation .moved.new").first
    ).to_be_visible()
    after = titles_of(page)
    assert before[1] not in after
    assert len(after) == 10
    for kind, place in (("Dislike", 0), ("Skip", 3)):
        title = titles_of(page)[place]
        page.get_by_role("button", name=f"{kind} {title}", exact=True).click()
        expect(page.get_by_role("button", name=f"{kind} {title}", exact=True)).to_have_count(0)
    known = site.client().get("/v1/users/u10", params={"run": "ease"}).json()
    assert known["history"][0]["title"] == before[1]
    assert len(known["refused"]) == 2
    expect(page.locator(".refused summary")).to_have_text("2 items refused")


@needs_browser
def test_quick_hands_lose_nothing(visit: Visit, site: Live) -> None:
    page = visit("list?user=u16&run=ease")
    titles = titles_of(page)[:3]
    page.evaluate("""() => [...document.querySelectorAll('.recommendation .deed.like')].slice(0, 3)
                        .forEach((one) => one.click())""")
    for title in titles:
        expect(page.locator("[data-had]", has_text=title)).to_be_visible()
    assert not set(titles) & set(titles_of(page))
    known = site.client().get("/v1/users/u16").json()["history"]
    assert {one["title"] for one in known[:3]} == set(titles)


@needs_browser
def test_who_waits_sees_that_something_comes(visit: Visit) -> None:
    page = visit("run")
    page.locator(".headline").first.wait_for()
    slow = {"offline": False, "latency": 900, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.get_by_role("link", name="List", exact=True).click()
    expect(page.locator(".list-place .waiting")).to_contain_text("One moment")
    titles_of(page)
    expect(page.locator(".waiting")).to_have_count(0)


@needs_browser
def test_why_shows_what_each_item_is_worth(visit: Visit, site: Live) -> None:
    page = visit("list?user=u3&run=ease")
    titles_of(page)
    row = page.locator(".recommendation").first
    row.get_by_role("button", name="Why").click()
    told = site.client().post("/v1/explain", json={"user": "u3", "run": "ease", "most": 6}).json()
    bars = row.locator(".influences li")
    expect(bars).to_have_count(len(told["items"][0]["influences"]))
    expect(bars.first.locator(".title")).to_have_text(told["items"][0]["influences"][0]["title"])
    page.get_by_role("button", name="Show all 12").click()
    row.locator(".driver").first.hover()
    expect(page.locator("[data-had].lit")).not_to_have_count(0)


@needs_browser
def test_one_talks_and_the_answer_keeps_to_what_was_said(visit: Visit) -> None:
    page = visit("list?user=u3&run=ease")
    page.get_by_label("What you are after").fill("a comedy from the eighties")
    page.keyboard.press("Enter")
    choices = page.locator(".answer .line-item")
    expect(choices).to_have_count(5)
    assert all("Comedy" in one for one in choices.locator(".tags").all_inner_texts())
    expect(page.locator(".understood")).to_contain_text("1980–1989")
    page.locator(".idea").first.click()
    expect(page.locator(".turn")).to_have_count(2)
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(".turn")).to_have_count(0)


AT_ONCE = """([words, way]) => {
  const field = document.querySelector("[type=search]");
  const radio = document.querySelector(`[value=${way}]`);
  field.value = words;
  field.dispatchEvent(new Event("input"));
  radio.focus();
  radio.click();
}"""  # a way is chosen before the pause after typing is over


@needs_browser
def test_the_catalogue_is_searched(visit: Visit) -> None:
    page = visit("search")
    page.get_by_role("searchbox").fill("odd film 3")
    expect(page.locator(".line-item")).to_have_count(8)  # 13 and 31 hold a 3 too
    expect(page.locator(".line-item .title").first).to_have_text("Odd film 3 (1973)")
    expect(page.get_by_label("Meaning")).to_be_disabled()
    page.get_by_label("Words").check()
    page.evaluate(AT_ONCE, ["horror", "taste"])
    expect(page).to_have_url(re.compile("q=horror&by=taste"))
    expect(page.get_by_role("searchbox")).to_have_value("horror")
    expect(page.locator(".line-item")).to_have_count(20)
    expect(page.locator(".line-item .about").first).to_contain_text("relevance 1.00")
    page.get_by_role("searchbox").fill("nowhere")
    expect(page.locator(".state")).to_contain_text("Nothing was found for “nowhere”")
    page.get_by_role("searchbox").fill("odd film 33")
    page.get_by_role("button", name="Odd film 33 (2003)", exact=True).click()
    sheet = page.get_by_role("dialog")
    expect(sheet.locator(".near li")).to_have_count(6)
    sheet.get_by_role("button", name="Like Odd film 33 (2003)", exact=True).click()
    expect(sheet).to_have_count(0)
    page.get_by_role("link", name="List", exact=True).click()
    expect(page.locator("[data-had]")).to_have_text("Odd film 33 (2003)")


@needs_browser
def test_two_runs_stand_side_by_side(visit: Visit, site: Live) -> None:
    page = visit("compare?user=u2&run=ease")
    sides = page.locator(".side")
    expect(sides.locator("li.item")).to_have_count(20)

    def recommended(run: str) -> set[str]:
        told = site.client().get("/v1/recommend", params={"user": "u2", "run": run}).json()
        return {one["item"] for one in told["items"]}

    common = recommended("ease") & recommended("popularity")
    expect(page.locator(".ties path")).to_have_count(len(common))
    expect(page.locator(".side .shared")).to_have_count(2 * len(common))
    page.get_by_label("Left", exact=True).select_option("popularity")
    expect(page.get_by_label("Right", exact=True)).to_have_value("ease")
    expect(page.locator(".side").first.locator("li.item")).to_have_count(10)
    expect(page.locator("table td.best")).not_to_have_count(0)


@needs_browser
def test_the_report_has_figures_pictures_and_the_whole(visit: Visit, site: Live) -> None:
    page = visit("run?run=popularity")
    metrics = site.client().get("/v1/runs/popularity").json()["metrics"]
    expect(page.locator(".headline dd").first).to_have_text(f"{metrics['ndcg@10']:.4f}")
    expect(page.locator("svg.chart")).to_have_count(4)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the whole report").click()
    expect(opened.value.locator("h1")).to_contain_text("popularity")


@needs_browser
@pytest.mark.parametrize("view", ["list?run=ease&had=6&had=8", "list?had=0&had=4", "search?q=film",
                                  "compare?user=u2", "chat?user=u2"])  # fmt: skip
def test_what_titles_hold_stays_text(visit: Visit, view: str) -> None:
    page = visit(view)
    page.locator(".title:visible", has_text="film").first.wait_for()
    if view.startswith("search"):
        page.get_by_role("searchbox").fill("<img")
        expect(page.locator(".line-item")).to_have_count(1)
        expect(page.locator(".line-item .title")).to_have_text(IMAGE)
        page.locator(".line-item .title").click()
        expect(page.get_by_role("dialog").locator("h2")).to_have_text(IMAGE)
    if view.startswith("chat"):
        page.get_by_label("What you are after").fill(f"something like {IMAGE}")
        page.keyboard.press("Enter")
        expect(page.locator(".turn")).to_have_text(f"something like {IMAGE}")
        page.locator(".answer .title").first.wait_for()
    shown = page.locator("#main").inner_text()
    if "had=" in view:
        assert {IMAGE, ARABIC, SCRIPT} & set(page.locator(".title").all_inner_texts())
    assert page.locator("img").count() == 1  # the page's own
    assert page.locator("body script, iframe").count() == 0
    assert page.evaluate("document.body.dataset.owned") is None
    assert shown


@needs_browser
def test_the_browser_itself_refuses_markup_and_what_stands_inline(visit: Visit) -> None:
    page = visit("list")
    titles_of(page)
    page.evaluate("""() => {
      try { document.getElementById("foot").innerHTML = "<b>bold</b>"; } catch { /* refused */ }
      document.getElementById("foot").setAttribute("style", "color: red");
    }""")
    assert page.locator("#foot b").count() == 0
    assert any("TrustedHTML" in one for one in page.complaints)
    assert any("style" in one and "Content Security Policy" in one for one in page.complaints)
    page.complaints.clear()


@needs_browser
def test_a_title_from_right_to_left_keeps_its_own_direction(visit: Visit) -> None:
    page = visit("list?had=2")
    title = page.locator("[data-had] .title")
    expect(title).to_have_text(ARABIC)
    assert title.locator("bdi").evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]


@needs_browser
def test_everything_is_done_with_the_keyboard(visit: Visit, site: Live) -> None:
    page = visit("list")
    titles_of(page)
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(page.get_by_role("combobox", name="User")).to_be_focused()
    page.keyboard.type("u12")
    expect(page.get_by_role("option", name="u12")).to_be_visible()
    press("ArrowDown")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("For user u12")
    titles = titles_of(page)
    while page.evaluate("document.activeElement.className") != "title":
        press("Tab")
    press("ArrowDown")
    expect(page.locator(ROW_TITLE).nth(1)).to_be_focused()
    press("w")
    expect(page.locator(".why-panel:visible")).to_have_count(1)
    press("l")
    expect(page.locator("[data-had]").first).to_contain_text(titles[1])
    after = titles_of(page)
    # The focus stays in the list, on the same button of the row that took the place.
    assert page.evaluate("document.activeElement.dataset.kind") == "like"
    assert page.evaluate("document.activeElement.closest('li') !== null")
    assert titles[1] not in after
    press("ArrowUp")
    press("d")
    until(page, "document.querySelector('.refused summary') !== null")
    refused = site.client().get("/v1/users/u12").json()["refused"]
    assert len(refused) == 1


@needs_browser
def test_the_page_speaks_two_languages(visit: Visit) -> None:
    page = visit("list?user=u2", locale="zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("为用户 u2 推荐")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator(".reason").first).to_contain_text("因为")
    page.get_by_role("link", name="报告").click()
    expect(page.locator("figcaption").first).to_contain_text("列表长度")
    page.get_by_label("语言").select_option("en")
    expect(page.locator("figcaption").first).to_contain_text("length of the list")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role(
        "link", name="List", exact=True
    ).click()  # kept aside meanwhile, and in English too
    expect(page.locator(".reason").first).to_contain_text("Because of")
    assert not re.search(r"[一-鿿]", page.locator("#main").inner_text())
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("For user u2")


@needs_browser
def test_light_and_dark(visit: Visit) -> None:
    page = visit("list", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(17, 19, 21)"
    page.get_by_label("Colours").select_option("light")
    assert page.evaluate(ground) == "rgb(247, 247, 245)"
    page.reload()
    assert page.evaluate(ground) == "rgb(247, 247, 245)"


@needs_browser
def test_who_wants_no_motion_sees_none(visit: Visit) -> None:
    page = visit("list?user=u14", reduced_motion="reduce")
    titles_of(page)
    page.evaluate("""() => {
      window.moved = 0;
      const animate = Element.prototype.animate;
      Element.prototype.animate = function (...all) {
        moved += 1;
        return animate.apply(this, all);
      };
    }""")
    title = page.locator(ROW_TITLE).first.inner_text()
    page.locator(".recommendation .like").first.click()
    expect(page.locator("[data-had]").first).to_contain_text(title)
    assert page.evaluate("moved") == 0


@needs_browser
@pytest.mark.parametrize("look", ["desktop", "dark", "phone"])
def test_all_views_are_accessible_and_fit(visit: Visit, look: str, tmp_path: Path) -> None:
    shots = Path(os.environ.get("PALATE_SCREENSHOTS") or tmp_path)
    shots.mkdir(parents=True, exist_ok=True)
    viewport = PHONE if look == "phone" else DESKTOP
    page = visit("list", viewport=viewport, color_scheme="dark" if look == "dark" else "light",
                 reduced_motion="reduce", bypass_csp=True)  # fmt: skip
    for view in VIEWS:
        page.goto(f"{page.url.partition('#')[0]}#/{view}")
        until(page, "document.querySelector('main [aria-busy]') === null")
        if view.startswith("list?"):
            page.locator(".tune summary").click()
            page.locator(".choice").first.wait_for()
            page.locator(".recommendation .why").first.click()
        if view.startswith("chat"):
            page.locator(".idea").first.click()
            page.locator(".answer .title").first.wait_for()
        page.screenshot(path=shots / f"{look}-{view.partition('?')[0]}-{VIEWS.index(view)}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], view
        page.evaluate(axe.AXE_SCRIPT)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        told = [(one["id"], node["target"], node["failureSummary"]) for one in found
                for node in one["nodes"]]  # fmt: skip
        assert told == [], view


@needs_browser
def test_a_server_that_went_away_is_said_and_tried_again(
    visit: Visit, site: Live, trained: Path, tmp_path: Path
) -> None:
    with serving({"ease": trained / "ease"}, str(tmp_path / "store.sqlite")) as other:
        page = visit("list?user=u2", address=other.address)
        titles_of(page)
    title = page.locator(ROW_TITLE).nth(2).inner_text()
    page.locator(".recommendation .like").nth(2).click()
    expect(page.locator(".toast.bad")).to_contain_text("The server does not answer")
    expect(page.locator(ROW_TITLE).nth(2)).to_have_text(title)  # it came back
    page.get_by_role("link", name="Report").click()
    expect(page.locator(".state.failed")).to_contain_text("The server does not answer")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.complaints[:] = [one for one in page.complaints if "ERR_CONNECTION_REFUSED" not in one]


@needs_browser
def test_filters_that_leave_nothing_say_so_and_are_cleared(visit: Visit) -> None:
    none = json.dumps({"year": {"min": 3000}})
    page = visit(f"list?user=u2&filters={none}")
    expect(page.locator(".list-place .state")).to_contain_text("Nothing is left")
    page.locator(".list-place").get_by_role("button", name="Clear").click()
    assert len(titles_of(page)) == 10


@needs_browser
def test_a_key_is_asked_for_where_one_is_needed(
    visit: Visit, trained: Path, tmp_path: Path
) -> None:
    with serving({"ease": trained / "ease"}, str(tmp_path / "s.sqlite"), keys="required") as other:
        key = keys.make(other.service.store, "page", "read")
        page = visit("list?user=u2", address=other.address)
        page.get_by_label("API key", exact=True).fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("opens nothing")
        page.get_by_label("API key", exact=True).fill(key)
        page.keyboard.press("Enter")
        titles_of(page)
        page.locator(".recommendation .like").first.click()
        expect(page.locator(".toast.bad")).to_contain_text("Your key does not allow that")
        page.get_by_role("link", name="Report").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the whole report").click()
        assert "<title>" in Path(saved.value.path()).read_text("utf-8")
    page.complaints[:] = [
        one for one in page.complaints if " 401 " not in one and " 403 " not in one
    ]
