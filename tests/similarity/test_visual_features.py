"""Looks of one image: images whose figures are known, and what must not matter."""

import math

import numpy as np
import pytest
from PIL import Image

from core.similarity.visual_features import measure
from core.similarity.visual_glossary import FEATURES, RING_EDGES, RING_KEYS, SIDE, SIZE

SIDES = (224, 224)
RNG = np.random.default_rng


def grey(value: int, shape=SIDES) -> np.ndarray:
    return np.full(shape, value, dtype=np.uint8)


def colour(*rgb: int) -> np.ndarray:
    return np.tile(np.array(rgb, dtype=np.uint8), (*SIDES, 1))


def noise(sd: float, seed: int = 0, shape=SIDES) -> np.ndarray:
    return RNG(seed).normal(128, sd, shape).round().clip(0, 255).astype(np.uint8)


def waves(per_side: int, shape=SIDES) -> np.ndarray:
    across = np.sin(2 * np.pi * per_side * np.arange(shape[1]) / shape[1])
    return np.tile((128 + 100 * across).round().astype(np.uint8), (shape[0], 1))


def power_law(exponent: float, seed: int = 0) -> np.ndarray:
    """Noise whose power falls with frequency to that exponent."""
    side = SIDES[0]
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = np.inf
    values = np.fft.ifft2(np.fft.fft2(RNG(seed).normal(size=SIDES)) * frequency ** (exponent / 2)).real
    return (128 + 35 * values / values.std()).round().clip(0, 255).astype(np.uint8)


CHECKERBOARD = (255 * (np.indices(SIDES).sum(0) % 2)).astype(np.uint8)
LEFT_BRIGHT = np.where(np.arange(224) < 56, 200, 40).astype(np.uint8) + np.zeros(SIDES, np.uint8)
RED_AND_CYAN = np.where(np.indices(SIDES)[0][..., None] % 2, [255, 0, 0], [0, 255, 255]).astype(np.uint8)

KNOWN = {
    "brightness of a constant image": (grey(70), "brightness", 70, 0),
    "contrast of a constant image": (grey(70), "contrast", 0, 0),
    "entropy of a constant image": (grey(70), "entropy", 0, 0),
    "sharpness of a constant image": (grey(70), "sharpness", 0, 0),
    "noise of a constant image": (grey(70), "noise", 0, 0),
    "edges of a constant image": (grey(70), "edges", 0, 0),
    "a constant image is flat": (grey(70), "lbp_flat", 1, 0),
    "a constant image is homogeneous": (grey(70), "glcm_homogeneity", 1, 1e-9),
    "a constant image is uniform": (grey(70), "glcm_energy", 1, 1e-9),
    "contrast of a checkerboard": (CHECKERBOARD, "contrast", 127.5, 1e-6),
    "entropy of two values": (CHECKERBOARD, "entropy", 1, 1e-6),
    "Laplacian of a checkerboard, +-4 x 255": (CHECKERBOARD, "sharpness", 1020**2, 1),
    "half of the neighbours differ by 31 levels": (CHECKERBOARD, "glcm_contrast", 31**2 / 2, 3),
    "neighbours of a checkerboard say nothing": (CHECKERBOARD, "glcm_correlation", 0, 0.01),
    "a quarter is bright": (LEFT_BRIGHT, "foreground", 0.25, 1e-9),
    "one step between two areas, two pixels wide": (LEFT_BRIGHT, "edges", 2 / 222, 1e-9),
    "dark end": (LEFT_BRIGHT, "dark_end", 40, 0),
    "bright end": (LEFT_BRIGHT, "bright_end", 200, 0),
    "skewness of two values, (1 - 2p) / sqrt(pq)": (LEFT_BRIGHT, "skewness", 0.5 / math.sqrt(0.1875), 1e-6),
    "pixels on the 12 crests of a wave": (waves(12), "lbp_irregular", 12 / 222, 1e-9),
    "pixels in its 12 troughs": (waves(12), "lbp_flat", 12 / 222, 1e-9),
    "pixels on its flanks": (waves(12), "lbp_edges", 198 / 222, 1e-9),
    "white noise of a known SD": (noise(10), "noise", 10, 0.3),
    "little noise": (noise(2), "noise", 2, 0.1),
    "contrast of noise is its SD": (noise(10), "contrast", 10, 0.1),
    "slope of white noise": (noise(30), "slope", 0, 0.15),
    "slope of 1/f in amplitude": (power_law(-2), "slope", -2, 0.2),
    "slope of 1/f in power": (power_law(-1), "slope", -1, 0.2),
    "saturation of pure red": (colour(255, 0, 0), "saturation", 1, 0),
    "a* of pure red": (colour(255, 0, 0), "red_green", 80.1, 0.1),
    "b* of pure red": (colour(255, 0, 0), "blue_yellow", 67.2, 0.1),
    "a* of pure green": (colour(0, 255, 0), "red_green", -86.2, 0.1),
    "b* of pure blue": (colour(0, 0, 255), "blue_yellow", -107.9, 0.1),
    "pure red is coloured": (colour(255, 0, 0), "coloured", 1, 0),
    "one hue has no spread": (colour(255, 0, 0), "hue_spread", 0, 1e-6),
    "two hues, 156.4 degrees apart in CIELAB": (RED_AND_CYAN, "hue_spread", 1 - math.cos(math.radians(78.2)), 0.001),
    "colourfulness of pure red, 0.3 of the distance": (colour(255, 0, 0), "colourfulness", 0.3 * 127.5 * 5**0.5, 0.1),
    "nearly grey is not coloured": (colour(100, 102, 100), "coloured", 0, 0),
    "grey has no saturation": (grey(70), "saturation", 0, 0),
    "short side as the file holds it": (grey(70, (300, 900)), "short_side", 300, 0),
}


@pytest.mark.parametrize("case", KNOWN)
def test_known_images_have_known_figures(case):
    image, key, expected, tolerance = KNOWN[case]
    assert measure(image)[key] == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("per_side", [4, 12, 40])
def test_the_profile_of_one_wave_peaks_in_its_ring(per_side):
    seen = measure(waves(per_side))
    highest = int(np.nanargmax([seen[key] for key in RING_KEYS]))
    assert RING_EDGES[highest] <= per_side < RING_EDGES[highest + 1]


def test_what_an_image_does_not_have_is_unknown():
    constant = measure(grey(70))
    unknown = {"skewness", "foreground", "glcm_correlation", "slope", "hue_spread"}
    assert {key for key in FEATURES if math.isnan(constant[key])} == unknown
    tiny = measure(noise(20, shape=(6, 40)))
    structure = {key for key, feature in FEATURES.items() if feature.group == "structure"}
    assert {key for key in FEATURES if math.isnan(tiny[key])} == structure | {"hue_spread"}


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (28, 28), (9, 500), (500, 301), (40, 30, 3), (640, 480, 3)])
def test_images_of_any_size_are_measured_within_the_bins(shape):
    seen = measure(RNG(1).integers(0, 256, shape, dtype=np.uint8))
    assert list(seen) == [*FEATURES, *RING_KEYS]
    for key, feature in FEATURES.items():
        if key != "short_side":
            assert math.isnan(seen[key]) or feature.low <= seen[key] <= feature.high, key


def test_shuffled_pixels_change_structure_alone():
    image = np.stack([power_law(-2, seed) for seed in range(3)], axis=-1)
    shuffled = RNG(0).permutation(image.reshape(-1, 3)).reshape(image.shape)
    before, after = measure(image), measure(shuffled)
    for key, feature in FEATURES.items():
        same = after[key] == pytest.approx(before[key], rel=1e-4, abs=1e-4)
        assert same == (feature.group != "structure"), key


def test_turned_and_mirrored_images_look_the_same():
    image = power_law(-2)
    before = measure(image)
    for other in (image[:, ::-1], image.T):
        after = measure(np.ascontiguousarray(other))
        for key in FEATURES:
            assert after[key] == pytest.approx(before[key], rel=1e-4, nan_ok=True), key


def test_a_larger_copy_is_measured_at_the_scale_of_the_smaller_one():
    small = power_law(-3)
    large = np.asarray(Image.fromarray(small).resize((4 * SIDE, 4 * SIDE), Image.Resampling.BICUBIC))
    before, after = measure(small), measure(large)
    for key in ("brightness", "contrast", "entropy", "foreground"):
        assert after[key] == pytest.approx(before[key], rel=0.05), key
    assert 0.3 < after["sharpness"] / before["sharpness"] < 1  # it would be 100 times less at its own scale
    assert after["short_side"] == 4 * before["short_side"]


def test_a_gray_copy_keeps_all_but_its_colours():
    image = RNG(0).integers(0, 256, (300, 260, 3), dtype=np.uint8)
    before, after = measure(image), measure(np.asarray(Image.fromarray(image).convert("L")))
    colours = {"saturation", "coloured", "colourfulness", "red_green", "blue_yellow", "hue_spread"}
    assert {key for key in FEATURES if after[key] != before[key]} == colours


@pytest.mark.parametrize("key", FEATURES)
def test_every_feature_is_explained_and_has_rising_bins(key):
    feature = FEATURES[key]
    assert feature.meaning.endswith(".") and feature.group in ("colour", "structure", SIZE)
    assert (np.diff(feature.edges) > 0).all()
