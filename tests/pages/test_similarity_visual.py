"""The looks of a target beside sources: two answers, in words, and each feature with pictures or without."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.similarity.visual import counts_of
from core.similarity.visual_features import measure
from core.similarity.visual_glossary import FEATURES, GROUPS

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


@dataclass
class Images:
    name: str
    n: int
    visual: dict[str, np.ndarray] | None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def pictures(self, key: str, end: str) -> list[tuple[str, str]]:
        self.asked.append((key, end))
        return [(f"{self.name}.png", PIXEL)]


class Fingerprint(Images):
    def pictures(self, key: str, end: str) -> list[tuple[str, str]]:
        return []


def looks_of(n: int, seed: int, side: int = 48, grey: bool = False, noise: float = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        tint, coarse = rng.uniform(40, 200, 3), rng.normal(0, 30, (8, 8, 3))
        values = np.kron(tint + coarse, np.ones((side // 8, side // 8, 1))) + rng.normal(0, noise, (side, side, 3))
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
        rows.append(measure(np.asarray(image.convert("L") if grey else image)))
    return counts_of({key: np.array([row[key] for row in rows]) for key in rows[0]})


@pytest.fixture(scope="module")
def looks() -> dict[str, dict[str, np.ndarray]]:
    return {
        "grey": looks_of(40, 0, grey=True),
        "colour": looks_of(60, 1, noise=20),
        "alike": looks_of(40, 2, grey=True),
        "small": looks_of(40, 3, side=24, noise=20),
        "few": looks_of(10, 4),
    }


def shown(target: Images, *sources: Images) -> AppTest:
    def page(target, sources):
        from pages._similarity_visual import show_visual

        show_visual(target, sources)

    at = AppTest.from_function(page, default_timeout=30, kwargs={"target": target, "sources": sources}).run()
    assert not at.exception
    return at


def text(at: AppTest) -> str:
    return "\n".join(element.value for kind in (at.subheader, at.markdown, at.caption) for element in kind)


def test_a_gray_target_and_a_source_in_colour_differ_in_saturation(looks):
    at = shown(Images("grey", 40, looks["grey"]), Images("colour", 60, looks["colour"]))
    (words,) = [element.value for element in at.markdown if element.value.startswith("- **colour**")]
    assert re.search(r"Colour and intensity: .*saturation higher \(1\.\d\d\)", words)
    assert [box.value for box in at.subheader[:2]] == list(GROUPS.values())
    assert len(at.get("vega_lite_chart")) == 4  # an answer each, one feature, the profiles
    assert "All: without spread of hues (fewer than 20 images have it)." in text(at)


def test_the_order_says_what_is_nearest_and_what_does_not_differ(looks):
    at = shown(
        Images("grey", 40, looks["grey"]), Images("colour", 60, looks["colour"]), Images("alike", 40, looks["alike"])
    )
    assert text(at).count("Nearest: **alike**") == len(GROUPS)
    assert text(at).count("No difference seen: alike.") == len(GROUPS)
    assert "Not told apart" not in text(at)


def test_a_feature_shows_an_example_of_each_set_from_the_ends_that_lie_apart(looks):
    target, source = Images("grey", 40, looks["grey"]), Images("colour", 60, looks["colour"])
    at = shown(target, source)
    at.selectbox(key="visual_feature").select("saturation").run()
    assert not at.exception
    assert target.asked[-1] == ("saturation", "low") and source.asked[-1] == ("saturation", "high")
    assert FEATURES["saturation"].meaning in text(at)
    assert len(at.get("image")) == 2


def test_a_fingerprint_has_no_pictures_and_says_so(looks):
    at = shown(Images("grey", 40, looks["grey"]), Fingerprint("colour", 60, looks["colour"]))
    assert text(at).count("a fingerprint holds no images") == 1


def test_images_of_another_size_are_pointed_out(looks):
    at = shown(Images("colour", 60, looks["colour"]), Images("small", 40, looks["small"]))
    assert re.search(r"short side of its images is about (4[89]|5[0-2])% that of the target's", text(at))
    assert "short side" not in text(shown(Images("colour", 60, looks["colour"]), Images("grey", 40, looks["grey"])))


def test_too_few_images_are_unknown_not_zero(looks):
    at = shown(Images("colour", 60, looks["colour"]), Images("few", 10, looks["few"]))
    assert text(at).count("Unknown: few (fewer than 20 images).") == len(GROUPS)
    assert "Distance unknown" in text(at)


def test_what_is_not_measured_is_named(looks):
    at = shown(Images("colour", 60, looks["colour"]), Images("small", 40, looks["small"]), Images("new_set", 9, None))
    assert "Not measured yet: new\\_set." in text(at)
    assert "have not been measured yet" in text(shown(Images("new_set", 9, None), Images("few", 10, looks["few"])))


def test_every_feature_of_every_source_is_in_the_table(looks):
    at = shown(
        Images("grey", 40, looks["grey"]), Images("colour", 60, looks["colour"]), Images("small", 40, looks["small"])
    )
    table = at.dataframe[0].value
    assert len(table) == 2 * len(FEATURES)
    known = table[table["Distance"].notna()]
    assert (known["Low"] <= known["Distance"]).all() and (known["Distance"] <= known["High"]).all()
    assert at.get("download_button")
