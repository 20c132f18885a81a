"""The picture of a lake of 500 models stays legible: folded at first, then what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog.lineage.graph import LineageGraph, Node
from lakeworks.site.facts import DatabaseFacts, SiteFacts, TableFacts
from lakeworks.site.service import pages
from lakeworks.site.writing import write_site

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

MODELS = 500
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll('#graph .box')].map((e) => e.getBoundingClientRect());
  let met = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) met += 1;
  }));
  return met;
}"""


def comes_to(found: Locator, count: int) -> None:
    """Wait until so many are found: asked from here, as the page lets no text be evaluated."""
    from playwright.sync_api import expect

    expect(found).to_have_count(count)


def facts() -> SiteFacts:
    graph = LineageGraph()
    names = [f"{'silver' if i < MODELS // 2 else 'gold'}.m{i}" for i in range(MODELS)]
    graph.add(Node("landing/a", "files"))
    graph.add(Node("bronze.a", "source"), ["landing/a"])
    for i, name in enumerate(names):
        graph.add(
            Node(name, "model"), {names[i // 2], names[max(0, i - 9)]} - {name} or ["bronze.a"]
        )
    every = sorted(["bronze.a", *names])
    tables = {name: TableFacts(name, "model") for name in every}
    databases = tuple(
        DatabaseFacts(one, "", tuple(n for n in every if n.startswith(one)))
        for one in ("bronze", "silver", "gold")
    )
    return SiteFacts("large", "dev", "duckdb", 1, None, databases, tables, (), graph)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph") / "site"
    write_site(folder, pages(facts()))
    return folder


def test_it_is_folded_at_first_and_opened_by_database_or_table(
    browser: Browser, site: Path
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"file://{site}/lineage.html")
    page.wait_for_selector("#graph svg")
    assert page.locator("#graph .group").count() == 4
    page.fill("#graph-search", "m20")
    page.keyboard.press("Enter")
    page.wait_for_selector("#graph .chosen")
    assert page.locator("#graph .box").count() <= 120
    assert page.evaluate(OVERLAPS) == 0
    text = page.locator("#graph .chosen .name")
    assert text.bounding_box()["height"] > 9  # legible without zooming in
    page.click("#graph-all")
    page.locator("#graph-folds button", has_text="gold").click()
    comes_to(page.locator("#graph .box"), 253)
    assert page.evaluate(OVERLAPS) == 0
    assert wrong == []
    page.close()


def test_every_table_of_a_large_database_has_its_neighbours_at_the_side(
    browser: Browser, site: Path
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"file://{site}/tables/gold/m400.html")
    listed = page.locator(".side ul ul a")
    assert 20 <= listed.count() <= 60
    assert page.locator(".side ul ul [aria-current]").inner_text() == "m400"
    page.close()
