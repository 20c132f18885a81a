"""The site of a lake whose names and texts are hostile, opened from disk in a real browser."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.data_catalog.model import (
    Column,
    PartitionEntry,
    StorageDescriptor,
    TableEntry,
    with_tags,
)
from lakeworks.cli.main import main
from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

SECRET = "Zebra-Quarz-77"
EVIL = (
    "</script><script>document.title='taken'</script>"
    "<img src=x onerror=\"document.title='taken'\">"
)
EVIL_COLUMN = "<b onmouseover=alert(1)>'x'"
PAGES = ["index.html", "lineage.html", "quality.html", "tags.html", "runs.html", "tables/silver.html",
         "tables/silver/rides.html", "tables/gold/riders.html", "tables/bronze/rides.html"]  # fmt: skip
CLICKS = TableName("my-db", "../odd name/x.y <b>")
TAG = {"pii": "mail"}
FILES = {
    "lake.yml": "name: rides\n",
    "landing/rides.csv": (
        f'id,email,city,fare,{EVIL_COLUMN}\n1,{SECRET}@example.com,Bern,12.50,7\n'
        f"2,bob@example.com,{SECRET},8.00,8\n3,cy@example.com,Bern,-4.00,9\n"
    ),
    "sources/rides.yml": (
        f"table: bronze.rides\npath: landing\nformat: csv\nowner: {json.dumps(EVIL)}\n"
        "freshness: 1 hour\n"
        f"description: {json.dumps('What arrived. ' + EVIL)}\n"
        "columns:\n  email: {tags: {pii: email}}\n"
        "  fare: {description: What was paid in francs.}\n"
    ),
    "models/silver/rides.sql": (
        "/*\ndescription: Rides, cleaned; from bronze.rides.\nowner: dispatch\nkey: [id]\n"
        "load: merge\n"
        "partition_by: [city]\nfreshness: 5000 days\n"
        'quality: |\n  Rules = [ IsComplete "id", ColumnValues "fare" > 0 ]\n'
        "on_violation: quarantine\n*/\n"
        f"-- {EVIL}\nselect id, lower(email) as email, city, cast(fare as decimal(10, 2)) as fare,\n"
        f'  "{EVIL_COLUMN}" from bronze.rides\n'
    ),
    "models/gold/riders.sql": (
        "/*\ndescription: One row per rider.\nowner: marketing\ntags: {domain: sales}\ncolumns:\n"
        f"  rider: {{declassify: {{pii: {json.dumps('hashed ' + EVIL)}}}}}\n*/\n"
        "select sha256(email) as rider, email, sum(fare) as spent from silver.rides\ngroup by email\n"
    ),
}  # fmt: skip


def comes_to(found: Locator, count: int) -> None:
    """Wait until so many are found: asked from here, as the page lets no text be evaluated."""
    from playwright.sync_api import expect

    expect(found).to_have_count(count)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site") / "rides"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert main(["run", "-C", str(root)]) == 0
    with Lake.open(root) as lake:
        catalog = lake.catalog.data_catalog
        columns = (
            Column("user_id", "bigint", EVIL),
            Column("mail", parameters=with_tags({}, TAG)),
        )
        catalog.put_table(
            TableEntry(
                CLICKS,
                description=EVIL,
                storage=StorageDescriptor(columns, f"s3://key:{SECRET}@bucket/clicks"),
                partition_keys=(Column("year", "int"),),
                parameters={"classification": "json", "aws_secret": SECRET},
            ),
            by="ann",
            reason="crawled",
        )
        catalog.put_partitions(
            CLICKS, [PartitionEntry((str(year),)) for year in range(2020, 2027)]
        )
    return root


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    assert main(["docs", "build", "-C", str(project)]) == 0
    return project / "site"


@contextmanager
def visiting(browser: Browser, **settings: Any) -> Iterator[Page]:
    """Open a page that must not complain, nor ask for anything but the site's files."""
    context = browser.new_context(**settings)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("file://", "data:")) else wrong.append(asked.url)
        ),
    )
    page.on("requestfailed", lambda asked: wrong.append(f"not there: {asked.url}"))
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


def go(page: Page, site: Path, path: str) -> None:
    page.goto(f"file://{site}/{path}")
    page.wait_for_selector("html[data-ready]")


def test_the_same_lake_gives_the_same_bytes(project: Path, site: Path, tmp_path: Path) -> None:
    assert main(["docs", "build", "-o", str(tmp_path / "again"), "-C", str(project)]) == 0

    def digests(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    assert digests(tmp_path / "again") == digests(site)


def test_no_value_of_any_row_is_in_the_site(site: Path) -> None:
    # The city is a partition's value, and the one place where a value may stand.
    for path in site.rglob("*"):
        if path.is_file():
            text = path.read_text().lower().replace(f"city={SECRET.lower()}", "")
            assert SECRET.lower() not in text, path
            assert "12.5" not in text, path


def test_json_tells_what_was_made(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    out = tmp_path / "out"
    assert main(["docs", "build", "--out", str(out), "-C", str(project), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["index"] == str(out / "index.html")
    assert told["tables"] == 5
    assert told["files"] == sum(path.is_file() for path in out.rglob("*")) - 1  # our mark


def test_a_folder_of_others_is_refused(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["docs", "build", "--out", str(tmp_path), "-C", str(project)]) == 2
    assert "LW860" in capsys.readouterr().err
    assert main(["docs", "build", "--out", str(project), "-C", str(project)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (820, "dark"), (1600, "light"), (1600, "dark")]
)
def test_every_page_opens_without_complaint_and_fits(
    browser: Browser, site: Path, width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 800}
    with visiting(browser, color_scheme=scheme, viewport=viewport) as page:
        for path in PAGES:
            go(page, site, path)
            wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= screen, f"{path} scrolls sideways"
            assert page.locator("h1").count() == 1
            assert "taken" not in page.title()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, ground.strip("rgb()").split(","))) > 3 * 128
        assert light == (scheme == "light")


def test_every_link_leads_to_a_page_and_a_place_that_are_there(
    browser: Browser, site: Path
) -> None:
    places: dict[str, set[str]] = {}
    wanted: set[tuple[str, str]] = set()
    with visiting(browser) as page:
        for path in sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html")):
            go(page, site, path)
            places[path] = set(
                page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
            )
            for link in page.evaluate(
                "[...document.querySelectorAll('a[href]')].map(a => typeof a.href === 'string' ? a.href"
                " : new URL(a.href.baseVal, location).href)"
            ):
                assert link.startswith(f"file://{site}/"), link
                target, _, place = link.removeprefix(f"file://{site}/").partition("#")
                wanted.add((target, place))
    for target, place in wanted:
        assert target in places, target
        assert not place or place.startswith("focus=") or place in places[target], (
            target,
            place,
        )
    assert len(wanted) > 40


def test_search_finds_a_column_and_goes_there_and_back(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "index.html")
        page.keyboard.press("/")
        page.keyboard.type("fare rides")
        page.wait_for_selector("#found a")
        assert page.locator("#found a").first.inner_text().startswith("fare")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_url("**/tables/silver/rides.html#c-fare")
        page.wait_for_selector("html[data-ready]")
        assert page.locator("tr.reached").get_attribute("id") == "c-fare"
        assert page.locator("#c-fare").evaluate("e => e.getBoundingClientRect().top") < 600
        page.go_back()
        page.wait_for_url("**/index.html")


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("gold.riders", "gold.riders"),
        ("francs", "fare"),  # a word of a column's description
        ("pii", "email"),
        ("ridrs", "gold.riders"),  # misspelt
        ("marketing", "gold.riders"),
        ("onmouseover", EVIL_COLUMN),
        ("mail my-db", "mail"),
        ("odd name", str(CLICKS)),
    ],
)
def test_search_finds_by_name_description_tag_and_owner(
    browser: Browser, site: Path, asked: str, first: str
) -> None:
    with visiting(browser) as page:
        go(page, site, "tables/gold/riders.html")
        page.fill("#search", asked)
        page.wait_for_selector("#found a")
        assert page.locator("#found a .what").first.inner_text() == first
        page.locator("#found a").first.click()
        page.wait_for_url("**/tables/**")
        page.wait_for_selector("html[data-ready]")


def test_search_says_when_nothing_is_found(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "index.html")
        page.fill("#search", "<img src=x>qqqq")
        page.wait_for_selector("#found .none")
        assert "qqqq" in page.inner_text("#found .none")
        page.keyboard.press("Escape")
        assert page.locator("#found").is_hidden()


def test_lineage_pictures_are_links(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "tables/silver/rides.html")
        page.locator("#lineage svg").first.locator("a", has_text="riders").click()
        page.wait_for_url("**/tables/gold/riders.html")
        page.wait_for_selector("html[data-ready]")
        columns = page.locator("#lineage svg").nth(1)
        columns.locator("a.column", has_text="fare").hover()
        assert columns.locator(".edge.lit").count() == 1
        columns.locator("a.column", has_text="fare").click()
        page.wait_for_url("**/tables/silver/rides.html#c-fare")


def test_the_whole_lake_folds_focuses_and_goes_back(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "lineage.html")
        assert page.locator("#graph [data-id]").count() == 4  # files, bronze, silver, gold
        page.locator("#graph-folds button", has_text="bronze").click()
        page.wait_for_selector("#graph .group")
        assert "open=" in page.url
        page.fill("#graph-search", "gold.riders")
        page.keyboard.press("Enter")
        page.wait_for_selector("#graph .chosen")
        page.select_option("#graph-depth", "1")
        comes_to(page.locator("#graph [data-id]"), 2)
        page.go_back()
        comes_to(page.locator("#graph [data-id]"), 4)
        page.go_back()
        page.wait_for_selector("#graph .group")
        page.locator("#graph a.group").click()
        page.locator("#graph a", has_text="riders").first.click()
        page.wait_for_url("**/tables/gold/riders.html")


@pytest.mark.parametrize("width", [400, 1400])
def test_a_database_is_filtered_and_sorted(browser: Browser, site: Path, width: int) -> None:
    with visiting(browser, viewport={"width": width, "height": 800}) as page:
        go(page, site, "quality.html")
        names = page.locator("tbody td:first-child a")
        assert names.all_inner_texts() == ["silver.rides", "bronze.rides"]  # the worst first
        if width > 1000:
            page.locator("th button", has_text="Table").click()
            assert names.all_inner_texts() == ["bronze.rides", "silver.rides"]
            page.locator("th button", has_text="Quarantined").click()
            page.locator("th button", has_text="Quarantined").click()
            assert names.all_inner_texts() == ["silver.rides", "bronze.rides"]
        go(page, site, "tables/gold.html")
        rows = page.locator("tbody tr:visible")
        assert rows.count() == 1
        page.fill(".filter", "nothing like that")
        assert rows.count() == 0
        page.fill(".filter", "RIDER one")
        assert rows.count() == 1


def test_the_theme_is_chosen_and_kept(browser: Browser, site: Path) -> None:
    with visiting(browser, color_scheme="light") as page:
        go(page, site, "index.html")
        page.click("#theme")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        go(page, site, "runs.html")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_what_is_late_is_told_by_the_readers_clock(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        page.clock.set_fixed_time("2100-01-01T00:00:00Z")
        go(page, site, "index.html")
        assert "late by" in page.locator(".if-late", has_text="silver.rides").inner_text()
    with visiting(browser) as page:
        go(page, site, "quality.html")
        assert page.locator("tr", has_text="silver.rides").locator(".fresh .good").count() == 1


def test_hostile_texts_are_shown_as_they_are(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "tables/silver/rides.html")
        assert EVIL in page.inner_text("#definition pre")
        assert page.locator("#columns .column-name", has_text=EVIL_COLUMN).count() == 1
        assert page.locator("img, b[onmouseover]").count() == 0
        go(page, site, "tables/bronze/rides.html")
        assert EVIL in page.inner_text(".lead")
        go(page, site, "tags.html")
        assert EVIL in page.inner_text("#taken-off")


def test_an_external_table_of_any_name_has_its_page(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "index.html")
        page.locator(".card", has_text="my-db").click()
        page.wait_for_selector("html[data-ready]")
        page.locator("td a.strong").click()
        page.wait_for_selector("html[data-ready]")
        assert page.inner_text("h1") == str(CLICKS)
        assert "s3://bucket/clicks" in page.inner_text("#facts")
        assert "7 partitions by year" in page.inner_text("#partitions")
        assert "crawled" in page.inner_text("#schema-versions")
        assert '"my-db"."../odd name/x.y <b>"' in page.inner_text("#query")


def test_without_scripts_everything_can_still_be_read(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{site}/tables/silver/rides.html")
    assert page.locator("#lineage svg a").count() > 2
    assert page.locator("#columns tbody tr").count() == 5
    page.goto(f"file://{site}/lineage.html")
    assert page.locator("#in-words tbody tr").count() == 3
    context.close()


# What every page must have for those who do not see it, and enough contrast for those who hardly do.
AUDIT = """() => {
  const wrong = [];
  const all = (what) => [...document.querySelectorAll(what)];
  const seen = (e) => e.checkVisibility && e.checkVisibility();
  const ids = all('[id]').map((e) => e.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id twice');
  if (!document.documentElement.lang) wrong.push('no language');
  for (const role of ['header', 'main', 'footer', 'nav[aria-label]']) {
    if (!all(role).length) wrong.push(`no ${role}`);
  }
  let last = 0;
  for (const head of all('h1,h2,h3')) {
    const level = Number(head.tagName[1]);
    if (level > last + 1) wrong.push(`${head.textContent} skips a level`);
    last = level;
  }
  for (const e of all('a[href],button,input,select').filter(seen)) {
    const name = e.getAttribute('aria-label') || e.textContent.trim() || e.title
      || (e.labels && e.labels.length);
    if (!name) wrong.push(`nameless ${e.outerHTML.slice(0, 80)}`);
  }
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const bright = (c) => {
    const [r, g, b] = c.map((v) => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (e) => {
    for (let up = e; up; up = up.parentElement) {
      const c = rgb(getComputedStyle(up).backgroundColor);
      if (c.length === 3 || c[3] > .99) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const texts = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  for (const e of all('body *')) {
    if (e.closest('svg, .unseen, .skip') || !seen(e) || !texts(e)) continue;
    const front = bright(rgb(getComputedStyle(e).color).slice(0, 3));
    const [light, dark] = [front, bright(behind(e))].sort((x, y) => y - x);
    const ratio = (light + .05) / (dark + .05);
    if (ratio < 4.5) wrong.push(`${ratio.toFixed(2)} ${e.className}: ${e.textContent.slice(0, 30)}`);
  }
  return [...new Set(wrong)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_landmarks_names_and_contrast(
    browser: Browser, site: Path, scheme: str
) -> None:
    with visiting(browser, color_scheme=scheme) as page:
        for path in PAGES:
            go(page, site, path)
            assert page.evaluate(AUDIT) == [], path


def test_the_keyboard_reaches_the_content_first(browser: Browser, site: Path) -> None:
    with visiting(browser) as page:
        go(page, site, "index.html")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_page_prints_light_and_without_its_tools(browser: Browser, site: Path) -> None:
    with visiting(browser, color_scheme="dark") as page:
        go(page, site, "tables/silver/rides.html")
        page.emulate_media(media="print")
        for hidden in (".top", ".side", ".zoom", ".copy"):
            assert page.locator(hidden).first.is_hidden()
        ground = page.locator(".scroll").first.evaluate(
            "e => getComputedStyle(e).backgroundColor"
        )
        assert ground == "rgb(255, 255, 255)"
        assert len(page.pdf(format="A4")) > 10_000


def test_the_list_of_databases_comes_back_when_the_window_grows(
    browser: Browser, site: Path
) -> None:
    with visiting(browser, viewport={"width": 500, "height": 800}) as page:
        go(page, site, "tables/silver/rides.html")
        assert page.locator(".side li").first.is_hidden()
        page.click(".side summary")
        assert page.locator(".side li").first.is_visible()
        page.click(".side summary")
        page.set_viewport_size({"width": 1400, "height": 800})
        comes_to(page.locator("#side[open]"), 1)
