"""The words, in a real browser: by link to one, to its values and their page, and a sentence of one's own."""

from playwright.sync_api import expect

from tests.e2e.conftest import press, settled, visit


def test_a_link_opens_a_word_which_leads_to_its_measures_and_back_and_a_sentence_is_questioned(page, app):
    visit(page, app)
    press(page, "Open the demo project")
    visit(page, app, "words?project=demo&target=demo-tissue&term=domain+gap")
    expect(page.get_by_role("heading", name="domain gap")).to_be_visible()
    expect(page.get_by_text("from a summary by others")).to_be_visible()
    page.get_by_role("link", name="Similarity, Looks").click()
    settled(page)
    assert "similarity_view=Looks" in page.url and "target=demo-tissue" in page.url
    page.get_by_role("link", name="What is meant by visual similarity?").click()
    settled(page)
    expect(page.get_by_role("heading", name="visual similarity")).to_be_visible()
    assert "term=visual+similarity" in page.url
    press(page, "All words")
    assert "term=" not in page.url
    box = page.get_by_label("A sentence, a reason or a note")
    box.fill("The domain gap is small.")
    box.press("Control+Enter")
    settled(page)
    expect(page.get_by_text("domain gap can mean several things")).to_be_visible()
    expect(page.get_by_text("Which property of which images differs")).to_be_visible()
    press(page, "More on domain gap")
    expect(page.get_by_role("heading", name="domain gap")).to_be_visible()
    assert "term=domain+gap" in page.url and box.input_value() == "The domain gap is small."
