"""The pages in a real browser: mouse, keyboard, dark and light, a phone, hostile texts, a thousand nodes, and no network."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seeknal.model.lineage import At, downward, upward
from tests.pictures.browser import PHONE, Seen, chromium
from tests.pictures.made import made_lineages, made_up
from tests.project_on_disk import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Open = Callable[..., Seen]
EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e\u2028{{data}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with chromium() as found:
        yield found


@pytest.fixture
def look(browser: Browser) -> Iterator[Open]:
    """Open a page; at the end of the test each must have been quiet."""
    seen: list[Seen] = []

    def look(path: str | Path, **how: Any) -> Seen:
        seen.append(Seen(browser, str(path), **how))
        return seen[-1]

    yield look
    for page in seen:
        page.close()


@pytest.fixture
def page(shop: Project) -> str:
    """The lineage page of the shop, which has a rule that warns."""
    rule = "kind: rule\nname: big\ninputs: [{ref: transform.joined}]\nrule: {value: amount > 15, params: {severity: warn}}\n"
    shop.write("seeknal/rules/big.yml", rule)
    shop.run("--timings", shop.path("timings.html"))
    path = shop.path("lineage.html")
    assert shop.seeknal("lineage", "--html", path).code == 0
    return path


def test_a_click_on_a_node_lights_up_its_ancestors_and_descendants(look: Open, page: str) -> None:
    seen = look(page)
    seen.click("transform.clean")
    assert seen.selected == "transform.clean"
    assert seen.lit == {"source.orders", "transform.clean", "transform.joined", "transform.by_city", "rule.big"}
    panel = seen.page.locator(".panel").inner_text()
    for text in ("SELECT * FROM ref('source.orders')", "amount", "BIGINT", "Reads (1)", "Is read by (1)", "3"):
        assert text in panel
    seen.page.mouse.click(640, 700)
    assert (seen.selected, seen.lit) == ("", set())


def test_a_click_on_a_column_lights_up_its_way(look: Open, page: str) -> None:
    seen = look(page)
    seen.click("transform.joined")
    seen.page.click(".columns button:has-text('city')")
    assert seen.selected == "transform.joined/city"
    assert seen.lit == {"source.customers", "transform.joined", "transform.by_city"}
    way = seen.page.locator(".way").inner_text()
    assert way.split() == ["Made", "of", "customers", "city", "Becomes", "by_city", "city"]
    seen.page.click(".way button:has-text('city') >> nth=0")
    assert seen.selected == "source.customers/city"
    seen.page.click("text=Only the way")
    seen.click("transform.by_city")
    assert seen.selected.partition("/")[0] == "transform.by_city"


def test_what_is_selected_is_in_the_address(look: Open, page: str) -> None:
    seen = look(page)
    seen.click("transform.joined")
    seen.page.click(".columns button:has-text('amount')")
    again = look(f"{page}{seen.page.evaluate('location.hash')}")
    assert again.selected == "transform.joined/amount"


def test_an_address_that_means_nothing_and_a_project_without_nodes_are_no_trouble(
    look: Open, page: str, project: Project
) -> None:
    assert look(f"{page}#%E0%A4%A/%").selected == ""
    assert look(f"{page}#transform.nowhere/x").selected == ""
    project.seeknal("lineage", "--html", project.path("empty.html"))
    seen = look(project.path("empty.html"))
    assert seen.selected == ""


def test_a_page_can_open_at_a_column(look: Open, shop: Project) -> None:
    shop.run()
    shop.seeknal("lineage", "joined", "--column", "city", "--html", shop.path("at.html"))
    assert look(shop.path("at.html")).selected == "transform.joined/city"


def test_only_the_way_is_drawn_with_its_columns(look: Open, page: str) -> None:
    seen = look(page)
    seen.click("transform.joined")
    seen.page.click(".columns button:has-text('amount')")
    seen.page.focus("canvas")
    seen.keys("f")
    assert seen.page.get_attribute(".keys [aria-pressed]", "aria-pressed") == "true"
    x, y = seen.page.evaluate("window.seeknal.where('transform.by_city')")
    scale = seen.page.evaluate("window.seeknal.scale()")
    seen.page.mouse.click(x, y + 34 * scale)  # the line of its column, below its name
    assert seen.selected == "transform.by_city/total"
    assert seen.page.evaluate("window.seeknal.where('source.customers')") is None


def test_everything_can_be_done_by_keys(look: Open, page: str) -> None:
    seen = look(page)
    seen.keys("/")
    seen.page.keyboard.type("source.ord")
    seen.keys("Enter")
    assert seen.selected == "source.orders"
    seen.keys("ArrowRight", "Enter")
    assert seen.selected == "transform.clean"
    seen.keys("ArrowRight", "ArrowLeft", "ArrowLeft", "Enter")
    assert seen.selected in ("source.orders", "source.customers")
    seen.keys("Tab")
    while "column" not in seen.page.evaluate("document.activeElement.closest('ul')?.className || ''"):
        seen.keys("Tab")
    seen.keys("Enter")
    assert "/" in str(seen.selected)
    seen.keys("Escape")
    assert seen.selected == ""
    seen.keys("?")
    assert "Esc" in seen.page.locator("dialog").inner_text()
    seen.keys("Escape")
    seen.page.wait_for_selector("dialog", state="detached")


def test_who_walks_by_keys_does_not_lose_the_place(look: Open, page: str) -> None:
    seen = look(page)
    inside = "document.querySelector('.panel').contains(document.activeElement)"
    seen.click("transform.clean")
    assert not seen.page.evaluate(inside), "a click on the graph stays there"
    seen.page.focus(".links button:has-text('joined')")
    seen.keys("Enter")
    assert (seen.selected, seen.page.evaluate(inside)) == ("transform.joined", True)
    seen.page.focus(".columns button:has-text('amount')")
    seen.keys("Enter")
    assert (seen.selected, seen.page.evaluate("document.activeElement.innerText.split(/\\s/)[0]")) == (
        "transform.joined/amount",
        "amount",
    )
    seen.keys("Escape")
    assert seen.page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_a_column_is_found_by_its_name(look: Open, page: str) -> None:
    seen = look(page)
    seen.keys("/")
    seen.page.keyboard.type("total")
    seen.keys("Enter")
    assert seen.selected == "transform.by_city/total"
    assert "source.orders" in seen.lit


def test_what_one_walks_to_is_said_to_those_who_cannot_see_it(look: Open, page: str) -> None:
    seen = look(page)
    seen.page.focus("canvas")
    seen.keys("ArrowDown", "ArrowRight")
    assert "reads" in seen.page.locator("[role=status]").inner_text()


@pytest.mark.parametrize(("scheme", "least", "most"), [("light", 200, 255), ("dark", 0, 60)])
def test_it_is_dark_where_the_system_is_and_can_be_switched(
    look: Open, page: str, scheme: Any, least: int, most: int
) -> None:
    seen = look(page, color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert all(least <= part <= most for part in seen.page.evaluate(ground))
    seen.page.click("text=Theme: auto")
    seen.page.click("text=Theme: light")
    assert all(part < 60 for part in seen.page.evaluate(ground))


def test_on_a_phone_there_is_a_list_and_nothing_is_wider_than_the_screen(look: Open, page: str) -> None:
    seen = look(page, **PHONE)
    assert not seen.page.locator("canvas").is_visible()
    seen.page.tap(".list button:has-text('joined')")
    assert seen.selected == "transform.joined"
    seen.page.tap(".columns button:has-text('amount')")
    assert seen.lit == {"source.orders", "transform.clean", "transform.joined", "transform.by_city", "rule.big"}
    wide = """[...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1
        && getComputedStyle(one).position !== "absolute").map((one) => one.className || one.tagName)"""
    assert seen.page.evaluate(wide) == []
    seen.page.tap("[aria-label=Close]")
    seen.page.tap("[data-view=quality]")
    assert seen.page.evaluate(wide) == []
    small = "[...document.querySelectorAll('#head button, .list button')].filter(e => e.offsetHeight && e.offsetHeight < 36).length"
    assert seen.page.evaluate(small) == 0


def test_the_quality_report_has_what_fails_first(look: Open, page: str) -> None:
    seen = look(page)
    assert "(1)" in seen.page.locator("[data-view=quality]").inner_text()
    seen.page.click("[data-view=quality]")
    first = seen.page.locator("tbody tr").first.inner_text()
    assert first.split()[:3] == ["warn", "rule", "big"]
    assert "1 of 3 rows" in first
    seen.page.click("tbody tr button >> nth=0")
    assert seen.selected == "rule.big"


def test_the_page_of_a_run_can_be_walked(look: Open, page: str) -> None:
    seen = look(os.path.join(os.path.dirname(page), "timings.html"))
    seen.page.focus("canvas")
    seen.keys("ArrowRight", "Enter")
    first = seen.selected
    seen.keys(*["ArrowRight"] * 6, "Enter")
    assert first
    assert seen.selected not in (None, "", first)
    assert "Why it was built" in seen.page.locator(".panel").inner_text()
    seen.keys("Escape")
    assert not seen.page.locator(".panel").is_visible()
    seen.click("transform.joined")
    seen.keys("/")
    seen.page.keyboard.type("by_city")
    assert seen.page.locator(".row").count() == 1
    phone = look(os.path.join(os.path.dirname(page), "timings.html"), **PHONE)
    assert phone.page.evaluate("document.querySelector('.view').scrollWidth <= innerWidth")
    phone.page.tap(".row >> nth=0")
    assert phone.page.locator(".panel").is_visible()


@pytest.mark.parametrize("seed", range(3))
def test_the_page_follows_columns_as_the_command_does(look: Open, tmp_path: Path, seed: int) -> None:
    (tmp_path / "made.html").write_text(made_up(60), encoding="utf-8")
    lineages, _ = made_lineages(60)
    seen, chance = look(tmp_path / "made.html"), random.Random(seed)
    for _ in range(8):
        node = chance.choice([name for name in lineages if lineages[name].columns])
        column = chance.randrange(len(lineages[node].columns))
        seen.page.evaluate("([node, column]) => window.seeknal.select(node, column)", [node, column])
        start = At(node, lineages[node].columns[column][0])
        up, down = upward(lineages, start), downward(lineages, start)
        assert seen.lit == {node, *down.ends, *(at.node for at in (*up.columns, *down.columns))}
        perhaps = {at for at, sure in (*up.columns.items(), *down.columns.items()) if not sure}
        assert seen.page.locator(".way .maybe").count() == len(perhaps)


def test_hostile_texts_stay_texts(look: Open, tmp_path: Path) -> None:
    (tmp_path / "evil.html").write_text(made_up(30, EVIL), encoding="utf-8")
    seen = look(tmp_path / "evil.html")
    seen.page.click("[data-view=quality]")
    seen.page.click("[data-view=list]")
    seen.page.click(".list button >> nth=12")
    seen.page.click(".columns button >> nth=6")
    assert seen.page.locator("img").count() == 0
    text = seen.page.locator("body").inner_text()
    assert "</script><img src=x onerror=alert(1)>\\x1b[31m\\u202e\\u2028{{data}}" in text
    assert "\u202e" not in text


@pytest.mark.alone
def test_a_thousand_nodes_are_there_at_once_and_move_smoothly(look: Open, tmp_path: Path) -> None:
    start = time.perf_counter()
    text = made_up(1000)
    spent = time.perf_counter() - start
    (tmp_path / "big.html").write_text(text, encoding="utf-8")
    seen = look(tmp_path / "big.html")
    there = int(seen.page.evaluate("document.documentElement.dataset.ready"))
    frames = seen.page.evaluate("""async () => {
        const canvas = document.querySelector("canvas"), spent = [];
        for (let i = 0; i < 30; i += 1) {
            const before = performance.now();
            canvas.dispatchEvent(new WheelEvent("wheel", {deltaY: i < 15 ? -90 : 90, clientX: 600, clientY: 400, cancelable: true}));
            await new Promise((done) => requestAnimationFrame(done));
            spent.push(performance.now() - before);
        }
        return spent.sort((a, b) => a - b);
    }""")
    start = time.perf_counter()
    seen.click("transform.n500")
    assert seen.selected == "transform.n500"
    clicked = time.perf_counter() - start
    print(f"{len(text) // 1024} KiB made in {spent:.2f} s, interactive in {there} ms")
    print(f"a frame {frames[15]:.0f} ms, a click {clicked * 1000:.0f} ms")
    assert spent < 2
    assert len(text) < 3_000_000
    assert there < 2000
    assert frames[15] < 60
    assert clicked < 0.6
