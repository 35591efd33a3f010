"""The report: it says what the runs hold, stands alone, and lets no text become markup."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from hatchling.builders.wheel import WheelBuilder

from palate.data.load import DataConfig
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.report import write_report
from palate.experiments.run import Run
from palate.experiments.train import train

ATTACKS = (
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title = 1">',
    "{{ 7 * 7 }}{% raw %}",
    "</title></svg></style><iframe src=//example.org>",
    "Ünïcode & ampersands <3 日本語",
)
# All that the page is made of; nothing here can fetch or run anything.
TAGS = (
    "html head meta title style body main header section footer h1 h2 h3 h4 p b span small ul ol "
    "li dl dt dd div table thead tbody tr th td br details summary pre figure figcaption svg g "
    "path rect circle text"
)
CHROMIUM = next((found for n in ("chromium", "chromium-browser", "google-chrome")
                 if (found := shutil.which(n))), None)  # fmt: skip
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--enable-logging=stderr --v=0 --virtual-time-budget=2000 --dump-dom"
)


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: set[str] = set()
        self.text: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids |= {value or "" for name, value in attrs if name == "id"}

    def handle_data(self, data: str) -> None:
        self.text.append(" ".join(data.split()))

    def says(self, text: str) -> bool:
        """True if the text stands on the page."""
        return text in " ".join(self.text)


@pytest.fixture(scope="module")
def attacked(own_files: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on data whose titles and users are markup, and hostile."""
    folder = tmp_path_factory.mktemp("attack")
    films = pl.read_csv(own_files.items or "", schema_overrides={"item": pl.String})
    titles = [f"{ATTACKS[i % len(ATTACKS)]} {i}" for i in range(len(films))]
    films.with_columns(title=pl.Series(titles)).write_csv(folder / "films.csv")
    events = pl.read_csv(own_files.interactions or "", infer_schema=False)
    events.with_columns(user="<b onclick='x'>" + pl.col("user")).write_csv(folder / "<i>.csv")
    data = DataConfig(interactions=folder / "<i>.csv", items=folder / "films.csv")
    return train("popularity", {}, data, folder=folder / "run")


def test_a_comparison_shows_every_method_and_every_section(comparison: Comparison) -> None:
    page = Page(comparison.folder / "report.html")
    sections = {"accuracy", "cost", "samples", "slices", "learning", "beyond", "provenance"}
    assert sections <= page.ids
    for row in comparison.rows[:-1]:
        assert page.says(row.label)
        assert page.says(f"{row.metrics['ndcg@10']:.4f}")
    assert page.says("sasrec@nowhere failed")
    assert page.says(comparison.notes[0])
    assert page.says(f"{comparison.reference} is the most accurate")
    assert page.says(comparison.about["fingerprint"])
    # Three pictures of cost, two of slices, two of learning; a bar for each finished method.
    kinds = Counter(value for tag, name, value in page.attributes if tag == "svg" == tag
                    and name == "class")  # fmt: skip
    assert kinds == {"chart": 7, "bar": 3}
    paths = [v for tag, name, v in page.attributes if tag == "path" and name == "class"]
    trained = [path for path in paths if path.startswith("line")]
    assert len(trained) == 2 * 3 + 2 * 2  # slices: three methods; learning: two seeds of one


def test_sample_users_stand_beside_their_histories(comparison: Comparison) -> None:
    page = Page(comparison.folder / "report.html")
    run = comparison.run("ease-seed0")
    title = dict(run.catalogue().frame.select("item", "title").iter_rows())
    case = run.cases().sort("events", "user").row(int(0.5 * (len(run.cases()) - 1)), named=True)
    assert page.says(f"User {case['user']}")
    assert page.says(f"Took next: {title[case['target']]}")
    assert all(page.says(title[item]) for item in case["recent"])
    top = run.predictions().filter((pl.col("user") == case["user"]) & (pl.col("rank") <= 10))
    assert all(page.says(title[item]) for item in top["item"])


def test_a_run_has_a_report_too(ease_run: Run) -> None:
    page = Page(ease_run.folder / "report.html")
    assert page.says("ease on ml-100k")
    assert page.says("NDCG@10 is 0.0728")
    assert page.says("Harper and Joseph A. Konstan")
    assert "learning" not in page.ids  # a closed form has no epochs


def test_text_of_data_never_becomes_markup(attacked: Run) -> None:
    page = Page(attacked.folder / "report.html")
    assert page.tags.keys() <= set(TAGS.split())
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, name, value in page.attributes if name in ("src", "href", "srcset")]
    shown = " ".join(page.text)
    assert ATTACKS[0] in shown  # as the text that it is
    assert "{{ 7 * 7 }}" in shown
    assert "User <b onclick='x'>" in shown


def test_nothing_outside_the_file_is_named(comparison: Comparison) -> None:
    text = (comparison.folder / "report.html").read_text("utf-8")
    assert not re.search(r"url\(|@import|src=|href=", text)


def test_a_report_without_a_single_finished_run(own_files: DataConfig, tmp_path: Path) -> None:
    nowhere = {"sasrec": {"device": "cuda:99"}}
    found = compare(["sasrec"], own_files, folder=tmp_path, settings=nowhere)
    assert found.reference is None
    page = Page(tmp_path / "report.html")
    assert page.says("No training finished")
    assert page.says("sasrec failed")
    assert page.says("Packages")


def test_it_can_be_written_again(comparison: Comparison) -> None:
    before = (comparison.folder / "report.html").read_text("utf-8")
    path = write_report(Comparison.open(comparison.folder))
    assert path.read_text("utf-8") == before


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
def test_a_browser_needs_nothing_else(
    attacked: Run, comparison: Comparison, tmp_path: Path
) -> None:
    for folder in (attacked.folder, comparison.folder):
        dom, complaints = _browse(folder / "report.html", tmp_path)
        assert "Where it came from" in dom
        assert "<title>owned" not in dom
        assert complaints == []
    # The page's own rule forbids scripts and requests: had there been one, this is what shows.
    text = (attacked.folder / "report.html").read_text("utf-8")
    broken = tmp_path / "broken.html"
    script = "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x.png'></main>"
    broken.write_text(text.replace("</main>", script), "utf-8")
    dom, complaints = _browse(broken, tmp_path)
    assert "<title>owned" not in dom
    assert len(complaints) >= 2


def _browse(page: Path, folder: Path) -> tuple[str, list[str]]:
    """The page as a browser made it, and what it had to complain about."""
    assert CHROMIUM is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *OPTIONS.split(), profile, page.resolve().as_uri()],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_wheel_carries_the_templates(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (made,) = WheelBuilder(str(root)).build(directory=str(tmp_path))
    names = zipfile.ZipFile(made).namelist()
    for name in ("report.html.jinja", "report.css"):
        assert f"palate/experiments/templates/{name}" in names
