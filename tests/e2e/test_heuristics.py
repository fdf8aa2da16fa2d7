"""The heuristics page in a real browser: guess a case, see what was measured, follow a card to its page."""

from playwright.sync_api import expect

from tests.e2e.conftest import press, settled, visit


def test_a_case_is_guessed_and_shown_and_a_card_leads_on(page, app):
    visit(page, app, "heuristics?heuristics_view=Case+studies&heuristics_case=Chest+X-ray")
    expect(page.get_by_text("Which of eight findings")).to_be_visible()
    for label, source in (("Best", "RadImageNet"), ("Second", "Ecoset")):
        page.get_by_role("radiogroup", name=label).get_by_role("radio", name=source).click()
        settled(page)
    press(page, "Show what was measured")
    expect(page.get_by_text("Your order: RadImageNet, Ecoset, ImageNet-1K.")).to_be_visible()
    expect(page.locator('[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg')).to_be_visible()
    expect(page.get_by_text("No two of them differ significantly")).to_be_visible()
    page.get_by_role("radio", name="Cards").click()
    settled(page)
    card = page.locator(".st-key-card_similar")
    card.get_by_text("What was measured").click()
    expect(card.get_by_text("correlation (p = 0.61)")).to_be_visible()
    card.get_by_role("link", name="Similarity").click()
    expect(page.get_by_role("heading", name="How alike are they")).to_be_visible()
