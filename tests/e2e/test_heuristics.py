"""The heuristics page in a real browser: guess a case, follow a card to its page, guess sources and be scored."""

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


def test_a_source_is_guessed_for_a_published_target_and_the_score_goes_on(page, app):
    visit(page, app, "heuristics?heuristics_view=Guess+the+source&quiz_seed=7")
    for number in (1, 2):
        expect(page.get_by_role("heading", name=f"Target {number} of 10")).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(0)
        page.get_by_test_id("stRadio").get_by_text("ImageNet-1K", exact=True).click()
        press(page, "Show what was measured")
        expect(page.get_by_text("your pick", exact=False).first).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
        expect(page.get_by_role("heading", name=f"lost after {number} round")).to_be_visible()
        lost = page.get_by_test_id("stMetricValue").all_inner_texts()
        assert lost[0] == lost[1]  # ImageNet was picked, as by the rule
        press(page, "Next target")
    page.get_by_role("button", name="Words here").click()
    expect(page.get_by_role("link", name="AUC point")).to_be_visible()
