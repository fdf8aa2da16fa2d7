"""A meeting with a real laptop page and a real phone-sized browser: begun, answered by touch, counted, ended."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import Error as BrowserError

from core.store import Inquiry, Store
from core.survey.instrument import shipped
from core.survey.meeting import CODE_LENGTH, MOST_WRONG
from core.target import TargetTask
from tests.e2e.conftest import press, running_app, settled, visit

SOURCES = ("imagenet_1k", "radimagenet", "ecoset")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app with a target and the sources that are asked about."""
    folder = tmp_path_factory.mktemp("meeting")
    (folder / "home").mkdir()
    store = Store(folder / "home" / "sourcescout.duckdb")
    task = TargetTask("Breast lesions", folder, "folder", "binary", "Ultrasound", "breast")
    target = store.save_target(store.add_project("Study"), task)
    store.save_inquiry(target, Inquiry(SOURCES, shipped().name))
    store.close()
    with running_app(folder) as running:
        yield running


@pytest.fixture
def phone(chromium: Browser) -> Page:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def begin(page: Page) -> str:
    """Begin a meeting for this machine only; returns its address."""
    page.get_by_text("only this machine, to try it").click()
    settled(page)
    press(page, "Start the meeting")
    return page.get_by_test_id("stCode").inner_text().strip()


def names(phone: Page) -> list[str]:
    expect(phone.locator("ol.rank-list .name")).to_have_count(len(SOURCES))  # drawn by a script
    return phone.locator("ol.rank-list .name").all_inner_texts()


def drag_to_top(phone: Page, entry: Locator) -> None:
    """With a finger, by the dots."""
    entry.scroll_into_view_if_needed()
    start, end = entry.locator(".grip").bounding_box(), phone.locator("ol.rank-list li").first.bounding_box()
    finger = phone.context.new_cdp_session(phone)
    x, steps = start["x"] + 10, 10
    top, bottom = end["y"] + 2, start["y"] + start["height"] / 2
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": bottom}]})
    for step in range(1, steps + 1):
        y = bottom + (top - bottom) * step / steps
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    phone.wait_for_timeout(200)  # a finger that rests before it lifts: no fling, whose end would take the next tap
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_phone_ranks_and_submits_the_laptop_counts_and_the_end_closes_it(page, app, phone):
    visit(page, app, "intuition?intuition_view=Meeting")
    address = begin(page)
    assert address.startswith("http://127.0.0.1:") and address not in app.url
    expect(page.get_by_role("img", name=f"QR code of the address {address}")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue")).to_have_text("0 people")

    faults = []
    phone.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    phone.on("pageerror", lambda error: faults.append(str(error)))
    phone.goto(address)
    send = phone.get_by_role("button", name="Send my answer")
    expect(send).to_be_hidden()  # the consent comes first
    phone.get_by_label("I agree").tap()
    expect(send).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    wanted = names(phone)[-1]
    drag_to_top(phone, phone.locator("ol.rank-list li").last)
    assert names(phone)[0] == wanted
    phone.get_by_role("button", name=f"Move {wanted} down").tap()
    order = names(phone)
    assert order[1] == wanted
    phone.get_by_label("One reason").fill("It shows ultrasound")
    send.tap()  # not all is there yet
    expect(phone.get_by_text("Not sent yet")).to_be_visible()
    phone.get_by_role("link", name="How many AUC points").tap()
    assert names(phone) == order
    rest = phone.locator("fieldset.points .source")
    rest.nth(0).get_by_label("cannot judge").check()
    for label, value in (("lowest", "-2"), ("expected", "3"), ("highest", "8")):
        rest.nth(1).get_by_label(label).select_option(value)
    phone.get_by_role("radio", name="4").tap()
    phone.reload()
    expect(phone.get_by_label("One reason")).to_have_value("It shows ultrasound")  # a reload loses nothing
    expect(rest.nth(1).get_by_label("expected")).to_have_value("3")
    assert names(phone) == order
    send.tap()
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()
    assert re.fullmatch(r"(\w{4}-){2}\w{4}", phone.locator(".code").inner_text())
    assert faults and all("422" in fault for fault in faults)  # what was not all there yet, and its reload
    expect(page.get_by_test_id("stMetricValue")).to_have_text("1 person")

    phone.get_by_role("link", name="Change my answer").tap()
    expect(phone.get_by_label("One reason")).to_have_value("It shows ultrasound")
    press(page, "End the meeting")
    expect(page.get_by_text("The last meeting is over")).to_be_visible()
    with pytest.raises(BrowserError, match="ERR_CONNECTION_REFUSED"):
        phone.goto(address)

    guess = begin(page)[:-CODE_LENGTH] + "a" * CODE_LENGTH
    assert [phone.request.get(guess).status for _ in range(MOST_WRONG)] == [404] * MOST_WRONG
    expect(page.get_by_text("someone on the network may have tried to guess it")).to_be_visible()
