"""Marks are found where they were drawn, and are called a risk only where they go with a class."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.images.index import build_index
from core.images.marks import find_marks
from core.images.parts import training_part
from core.images.readers import read_listing
from core.images.shortcuts import find_shortcuts
from core.images.strokes import connected
from core.target import TargetTask
from tests.benchmarks import marks as annotation

FONT = ImageFont.load_default(size=16)


def tissue(seed: int, width: int = 200, height: int = 160) -> Image.Image:
    """Smooth grey with speckle."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(20, 130, (6, 6), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return Image.fromarray((np.asarray(image) + rng.normal(0, 5, (height, width))).clip(0, 255).astype(np.uint8))


def lettered(image: Image.Image, text="LT AX 3", at=(8, 6)) -> Image.Image:
    ImageDraw.Draw(image).text(at, text, fill=255, font=FONT)
    return image


def crossed(image: Image.Image) -> Image.Image:
    draw = ImageDraw.Draw(image)
    for x, y in ((70, 80), (130, 95)):
        draw.line((x - 5, y, x + 5, y), fill=255)
        draw.line((x, y - 5, x, y + 5), fill=255)
    return image


def letterboxed(image: Image.Image) -> Image.Image:
    image.paste(0, (0, 140, 200, 160))
    return image


def colored(image: Image.Image) -> Image.Image:
    image = image.convert("RGB")
    ImageDraw.Draw(image).line((60, 60, 90, 60), fill=(255, 220, 0), width=2)
    return image


def wide(image: Image.Image) -> Image.Image:
    return image.resize((260, 160))


DRAWN = {"text": lettered, "calliper": crossed, "border": letterboxed, "tint": colored}


def measured(image: Image.Image, kind="+", radius=5, color=235, line=False) -> Image.Image:
    """Callipers at both ends of a measurement."""
    image = image.convert("RGB") if isinstance(color, tuple) else image
    draw, ends = (
        ImageDraw.Draw(image),
        [(image.width * 3 // 10, image.height // 2), (image.width // 2, image.height // 3)],
    )
    for x, y in ends:
        for dx, dy in ((radius, 0), (0, radius)) if kind == "+" else ((radius, radius), (radius, -radius)):
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=color, width=2)
    if line:
        for share in np.linspace(0, 1, 40):
            draw.point([tuple(a + share * (b - a) for a, b in zip(*ends, strict=True))], fill=color)
    return image


CALLIPERS = {
    "plus": {}, "times": {"kind": "x", "radius": 6}, "yellow": {"color": (250, 220, 0)}, "dotted": {"line": True},
    "large": {"radius": 8},
}  # fmt: skip


@pytest.mark.parametrize("mark", DRAWN)
def test_a_drawn_mark_is_found_and_not_seen_without_it(mark):
    for seed in range(10):
        assert getattr(find_marks(np.asarray(DRAWN[mark](tissue(seed)))), mark)
        assert not getattr(find_marks(np.asarray(tissue(seed))), mark)


@pytest.mark.parametrize("options", CALLIPERS.values(), ids=CALLIPERS)
@pytest.mark.parametrize("size", [160, 300, 640, 1000])
def test_callipers_are_found_in_images_of_any_size_and_one_cross_is_none(options, size):
    options = options | {"radius": options.get("radius", 5) * max(1, size // 400)}
    found = [find_marks(np.asarray(measured(tissue(seed, size, size), **options))).calliper for seed in range(4)]
    assert sum(found) >= 3
    half = (measured(tissue(seed, size, size), **options) for seed in range(4))
    for image, bare in zip(half, (tissue(seed, size, size) for seed in range(4)), strict=True):
        bare.paste(image.convert("L").crop((0, 0, size * 2 // 5, size)), (0, 0))
        assert not find_marks(np.asarray(bare)).calliper


@pytest.mark.parametrize("text", ["RT AXILLA", "lt12 above", "LT3"])
def test_words_amid_tissue_are_found_and_their_letters_are_no_callipers(text):
    for seed in range(6):
        found = find_marks(np.asarray(lettered(tissue(seed, 260, 220), text, at=(90, 100))))
        assert found.text and not found.calliper and not found.letter
        left, top, right, bottom = found.boxes[0]
        assert 0.3 < left < right < 0.8 and 0.4 < top < bottom < 0.6


def test_noise_and_tiny_images_have_no_marks():
    rng = np.random.default_rng(0)
    for shape in ((200, 160), (28, 28), (1, 1), (3, 500), (200, 200, 3)):
        found = find_marks(rng.integers(0, 256, shape, dtype=np.uint8))
        assert not (found.text or found.letter or found.calliper or found.tint)


def test_connected_pieces_are_those_that_touch_even_at_corners():
    mask = np.array([list("##...#.#"), list("..#..###"), list("........"), list("#.......")]) == "#"
    assert sorted(connected(mask)) == [(0, 0, 3, 2), (0, 3, 1, 4), (5, 0, 8, 2)]


@pytest.fixture
def look(tmp_path):
    """look(change) writes 40 images per class, `change(image, class, number)` each; what is found comes back."""

    def make(change, n=40, **task):
        for c in "ab":
            (tmp_path / "images" / c).mkdir(parents=True)
            for i in range(n):
                change(tissue(1000 * (c == "b") + i), c, i).save(tmp_path / "images" / c / f"{i:02}.png")
        task = TargetTask("t", tmp_path / "images", "folder", "binary", **task)
        listing = read_listing(task, (tmp_path,))
        index = build_index(listing)
        return listing, find_shortcuts(listing, index, training_part(task, listing, index))

    return make


def risks(found) -> set[str]:
    return {check.marker for check in found.risks}


def test_letters_on_one_class_are_a_risk_with_shares_examples_and_boxes(look):
    listing, found = look(lambda image, c, i: lettered(image) if c == "b" and i % 8 else image)
    assert {"text", "letter", "overlay"} <= risks(found) <= {"text", "letter", "overlay"}
    check = next(check for check in found.risks if check.marker == "text")
    assert check.by_class["value"].tolist() == [0.0, 0.875] and check.by_class["images"].tolist() == [40, 40]
    assert check.p == pytest.approx(1 / 2000) and check.strength > 0.8
    assert "88% of the images of b, but 0% of those of a" in check.sentence
    assert all(listing.ids[row].startswith("b/") and found.boxes[row] for row in check.examples)


@pytest.mark.parametrize("mark", ["calliper", "border", "tint"])
def test_other_marks_on_one_class_are_a_risk_of_their_own(look, mark):
    _, found = look(lambda image, c, i: DRAWN[mark](image) if c == "a" and i % 3 else image)
    assert risks(found) == {mark}


def test_images_of_another_shape_in_one_class_are_a_risk(look):
    _, found = look(lambda image, c, i: wide(image) if c == "a" else image)
    assert risks(found) == {"aspect", "megapixels"}
    assert "typically 1.62 in images of a and 1.25 in those of b" in found.risks[0].sentence + found.risks[1].sentence


def test_letters_on_both_classes_alike_are_no_risk(look):
    _, found = look(lambda image, c, i: lettered(image) if i % 2 else image)
    assert found.checks and not found.risks
    assert {check.by_class["value"].tolist()[0] for check in found.checks} == {0.5}


def test_pure_noise_is_no_risk(look):
    def noise(image, c, i):
        return Image.fromarray(np.random.default_rng([i, ord(c)]).integers(0, 256, (80, 80), dtype=np.uint8))

    assert not look(noise)[1].risks


def test_marks_of_test_images_are_not_looked_at(look):
    test_part = tuple(f"b/{i:02}.png" for i in range(20))
    listing, found = look(lambda image, c, i: lettered(image) if c == "b" and i < 20 else image, test_part=test_part)
    assert found.n == 60 and not found.risks
    assert not {listing.ids[row] for row in found.boxes} & set(test_part)


def test_one_image_per_patient_counts(look):
    def change(image, c, i):
        return lettered(image) if c == "b" and i < 20 else image

    pattern = r"^(b/[01]\d|a/\d+|b/\d+)"  # every image alone
    assert risks(look(change, group_pattern=pattern)[1])


def test_twenty_images_of_one_patient_prove_nothing(look):
    pattern = r"^b/[01]|^a/\d+|^b/[23]\d"  # the marked images b/00 to b/19 are two patients
    _, found = look(lambda image, c, i: lettered(image) if c == "b" and i < 20 else image, group_pattern=pattern)
    assert not found.risks and found.n < 65


def test_too_few_images_give_no_answer(look):
    _, found = look(lambda image, c, i: image, n=6)
    assert found.n == 12 and found.checks == ()


def test_several_labels_are_asked_one_by_one(look):
    listing, _ = look(lambda image, c, i: lettered(image) if i % 2 else image)
    labels = np.stack([np.arange(80) % 2, (np.arange(80) // 2) % 2], axis=1)
    listing = replace(listing, labels=labels, class_names=("marked", "other"))
    index = build_index(listing)
    task = TargetTask("t", listing.files[0], "manifest", "multi-label")
    found = find_shortcuts(listing, index, training_part(task, listing, index))
    assert {check.label for check in found.risks} == {"marked"}
    assert "with marked" in found.risks[0].sentence


@pytest.mark.realdata
def test_the_origin_that_covid_images_betray_is_seen(realdata):
    task = TargetTask("covid", realdata / "targets" / "covid_xray", "folder", "multi-class")
    listing = read_listing(task, (realdata,))
    index = build_index(listing)
    found = find_shortcuts(listing, index, training_part(task, listing, index))
    assert {"aspect", "megapixels"} <= risks(found)


@pytest.mark.realdata
def test_callipers_go_with_benign_findings_in_breast_ultrasound(realdata):
    task = TargetTask("busi", realdata / "targets" / "busi", "folder", "multi-class")
    listing = read_listing(task, (realdata,))
    index = build_index(listing)
    found = find_shortcuts(listing, index, training_part(task, listing, index))
    check = next(check for check in found.risks if check.marker == "calliper")
    shares = dict(zip(check.by_class["class"], check.by_class["value"], strict=True))
    assert shares["benign"] > shares["malignant"] > shares["normal"]


@pytest.mark.realdata
def test_most_callipers_and_words_are_found_where_the_rules_were_not_tuned(realdata):
    table = annotation.read_annotation()
    table = table[table["part"] == "held-out"]
    found, _ = annotation.look([realdata / "targets" / "busi" / file for file in table["file"]])
    for mark in ("calliper", "text"):
        answers = table[mark].to_numpy()
        assert found[mark][answers == "yes"].mean() > 0.6 and found[mark][answers == "no"].mean() < 0.02
