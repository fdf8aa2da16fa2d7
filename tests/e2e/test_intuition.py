"""What people believe before they look: three people, a phone among them, answer in real browsers."""

from collections.abc import Iterator

import duckdb
import pytest
from playwright.sync_api import Locator, Page, expect

from core.store import Inquiry, Store
from core.survey.instrument import shipped
from core.survey.responses import person_of
from core.target import TargetTask
from tests.e2e.conftest import App, press, running_app, settled, visit

NAMES = {"ecoset": "Ecoset", "imagenet_1k": "ImageNet-1K", "radimagenet": "RadImageNet"}
BEST_FIRST = ["RadImageNet", "Ecoset", "ImageNet-1K"]
LINK = "intuition?target=ultrasound"
TABLES = ("pseudonym", "response", "draft", "skipped")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app whose database holds a target and what is asked about it."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "home").mkdir()
    store = Store(folder / "home" / "sourcescout.duckdb")
    store.add_project("Study", id="study", creator="somebody else")
    task = TargetTask("Ultrasound", folder, "folder", label_type="binary")
    store.save_target("study", task, "ultrasound")
    store.save_inquiry("ultrasound", Inquiry(tuple(NAMES), shipped().name))
    store.add_project("Shared", id="shared")  # whose it is is not known: anybody may open its evidence
    store.save_target("shared", task, "shared")
    store.save_inquiry("shared", Inquiry(tuple(NAMES), shipped().name))
    store.close()
    with running_app(folder) as running:
        yield running


@pytest.fixture
def people(chromium) -> Iterator[list[Page]]:
    """Three people, each with a browser of their own; the last with a phone."""
    wide = {"width": 1360, "height": 1000}
    screens = [{"viewport": wide}, {"viewport": wide}, {"viewport": {"width": 390, "height": 844}, "has_touch": True}]
    contexts = [chromium.new_context(**screen) for screen in screens]
    for context in contexts:
        context.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def shown_order(page: Page) -> list[str]:
    expect(page.locator("li[data-name]")).to_have_count(len(NAMES))  # the browser draws it after the page
    return page.locator("li[data-name]").evaluate_all("entries => entries.map(entry => entry.dataset.name)")


def entry(page: Page, name: str) -> Locator:
    return page.locator(f'li[data-name="{name}"]')


def by_buttons(page: Page, name: str, place: int) -> None:
    for _ in range(shown_order(page).index(name) - place):
        page.get_by_role("button", name=f"Move {name} up").click()


def by_keys(page: Page, name: str, place: int) -> None:
    entry(page, name).focus()
    for _ in range(shown_order(page).index(name) - place):
        page.keyboard.press("ArrowUp")


def by_drag(page: Page, name: str, place: int) -> None:
    if shown_order(page).index(name) == place:
        return
    start, end = (middle_of(one) for one in (grip(page, name), grip(page, shown_order(page)[place])))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(end[0], end[1] - 15, steps=8)
    page.mouse.up()


def by_finger(page: Page, name: str, place: int) -> None:
    if shown_order(page).index(name) == place:
        return
    grip(page, shown_order(page)[place]).scroll_into_view_if_needed()
    start, end = (middle_of(one) for one in (grip(page, name), grip(page, shown_order(page)[place])))
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [dict(zip("xy", start, strict=True))]})
    for step in range(1, 9):
        y = start[1] + (end[1] - 15 - start[1]) * step / 8
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": start[0], "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def grip(page: Page, name: str) -> Locator:
    return entry(page, name).locator(".grip")


def middle_of(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def rank(page: Page, move) -> None:
    """Put the list in the order BEST_FIRST; where chance has shown it so, say that it is right."""
    if shown_order(page) == BEST_FIRST:
        press(page, "It is my order already")
    for place, name in enumerate(BEST_FIRST):
        move(page, name, place)
    settled(page)
    assert shown_order(page) == BEST_FIRST


def begin(page: Page, app: App) -> None:
    visit(page, app, LINK)
    press(page, "I agree, begin")


def expect_gain(page: Page, source: str, *points: str) -> None:
    row = page.locator(f'[class*="_gain_{source}_row"]')
    if not row.is_visible():
        page.get_by_text("The others, if you like").click()
    for label, value in zip(("At least", "Most likely", "At most"), points, strict=True):
        row.get_by_label(label).fill(value)
    row.get_by_label(label).press("Tab")
    settled(page)


def answer(page: Page, move) -> None:
    """The short form but for Submit."""
    rank(page, move)
    expect_gain(page, "ecoset", "-1", "0.5", "2")
    expect_gain(page, "radimagenet", "0", "2", "6")
    page.get_by_role("radio", name="4", exact=True).click()
    settled(page)


def stored(app: App, read) -> object:
    """What `read` finds in the database; the app has ended."""
    with duckdb.connect(str(app.home / "sourcescout.duckdb"), read_only=True) as database:
        return read(database)


def test_three_people_answer_two_at_once_and_one_withdraws(people, app):
    last = people[2]
    for person, move in zip(people, (by_drag, by_keys, by_finger), strict=True):
        begin(person, app)
        answer(person, move)
    assert last.evaluate("document.documentElement.scrollWidth") <= 390
    for person in people[:2]:  # neither waits for the other
        person.get_by_role("button", name="Submit").click(no_wait_after=True)
    for person in people[:2]:
        expect(person.get_by_role("button", name="Change my answers")).to_be_visible()
    last.get_by_label("One reason for your first place").fill("Same machines")
    press(last, "Submit")  # straight from the field
    codes = [person.get_by_test_id("stCode").first.inner_text().strip() for person in people]
    assert len(set(codes)) == 3

    last.reload()
    settled(last)
    last.get_by_text("Revision 1").click()
    expect(last.get_by_text("Same machines")).to_be_visible()
    press(last, "Withdraw")
    press(last, "Delete all of it")
    expect(last.get_by_role("button", name="I agree, begin")).to_be_visible()
    for person, code in zip(people[:2], codes, strict=False):
        expect(person.get_by_role("button", name="Change my answers")).to_be_visible()
        assert person.get_by_test_id("stCode").first.inner_text().strip() == code

    app.kill()
    kept = {person_of(code) for code in codes[:2]}
    for table in TABLES:
        found = stored(app, lambda database, table=table: database.execute(f"SELECT person FROM {table}").fetchall())
        assert {row[0] for row in found} <= kept
    assert stored(app, lambda database: database.execute("SELECT count(*) FROM response").fetchone()) == (2,)
    app.start()


def test_a_draft_survives_a_reload_and_the_end_of_the_app_and_the_next_person_sees_none_of_it(page, app):
    begin(page, app)
    rank(page, by_buttons)
    expect_gain(page, "ecoset", "-1", "0.5", "2")
    page.get_by_label("One reason for your first place").fill("A small domain gap")
    page.get_by_label("One reason for your first place").press("Tab")
    expect(page.get_by_text("What is meant here?")).to_be_visible()
    settled(page)
    page.reload()
    settled(page)
    expect_draft(page)
    app.kill()
    app.start()
    visit(page, app, LINK)
    expect_draft(page)

    page.get_by_text("Another person answers here").click()
    code = page.get_by_test_id("stCode").inner_text().strip()
    press(page, "next person")
    page.reload()
    settled(page)
    expect(page.get_by_text("You are the person with the private code")).to_be_visible()
    press(page, "I agree, begin")
    expect(page.get_by_label("One reason for your first place")).to_have_value("")
    page.get_by_text("Another person answers here").click()
    page.get_by_role("textbox", name="I have a code").fill(code.lower())
    press(page, "Use this code")
    expect_draft(page)


def test_the_evidence_is_covered_for_each_person_until_they_answer_or_skip_or_it_is_opened(people, app):
    answers, skips, neither = people
    covered = "stays covered until you have written down"
    for person in people:
        visit(person, app, "similarity?target=ultrasound")
        expect(person.get_by_text(covered)).to_be_visible()
    press(skips, "Skip and look")
    expect(skips.get_by_text("More alike is not the same as more useful")).to_be_visible()
    answers.get_by_role("link", name="Write it down").click()
    settled(answers)
    press(answers, "I agree, begin")
    answer(answers, by_buttons)
    press(answers, "Submit")
    visit(answers, app, "similarity?target=ultrasound")
    expect(answers.get_by_text("More alike is not the same as more useful")).to_be_visible()
    for path in ("similarity?target=ultrasound", "scoring?target=ultrasound&scoring_view=Ranking"):
        visit(neither, app, path)
        expect(neither.get_by_text(covered)).to_be_visible()
    visit(neither, app, "intuition?target=ultrasound&intuition_view=The+team")
    expect(neither.get_by_text("RadImageNet")).to_have_count(0)

    visit(skips, app, "intuition?target=shared")
    press(skips, "Open the evidence for everybody")
    visit(neither, app, "similarity?target=shared")
    expect(neither.get_by_text("More alike is not the same as more useful")).to_be_visible()


def expect_draft(page: Page) -> None:
    assert shown_order(page) == BEST_FIRST
    expect(page.locator('[class*="_gain_ecoset_row"]').get_by_label("Most likely")).to_have_value("0.5")
    expect(page.get_by_label("One reason for your first place")).to_have_value("A small domain gap")
