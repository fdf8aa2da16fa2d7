"""Tissue-like patches in the colours of haematoxylin and eosin: the target "tissue", and the source "stain names".

A patch is two maps of dye (haematoxylin in nuclei, eosin in fibres and cytoplasm) and the white of holes; light is
absorbed as exp(-dye), with dye colours after Ruifrok & Johnston (2001) that differ between synthetic slides.
"""

from dataclasses import dataclass

import numpy as np
from drawing import blurred, canvas, ellipse, grid, layer, noise, outline, scaled, scattered, soft, to_pixels

SIZE = 96
CLASSES = ("gland", "lymphoid", "stroma", "tumour")
HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.10, 0.95, 0.30])


@dataclass(frozen=True)
class Slide:
    """How one synthetic slide was cut, stained and scanned."""

    haematoxylin: np.ndarray
    eosin: np.ndarray
    light: np.ndarray
    blur: float
    magnification: float


@dataclass(frozen=True)
class Layers:
    """Amount of each dye and the share of hole, (SIZE, SIZE) each."""

    haematoxylin: np.ndarray
    eosin: np.ndarray
    hole: np.ndarray


def draw_slide(rng: np.random.Generator) -> Slide:
    """One slide with its own dye colours and strengths, lamp, focus and magnification."""
    return Slide(
        haematoxylin=(HAEMATOXYLIN + rng.normal(0, 0.05, 3)) * rng.uniform(0.8, 1.6),
        eosin=(EOSIN + rng.normal(0, 0.06, 3)) * rng.uniform(0.55, 1.15),
        light=rng.uniform(0.9, 1.0) * (1 - np.abs(rng.normal(0, 0.02, 3))),
        blur=rng.uniform(0.2, 0.9),
        magnification=rng.uniform(0.85, 1.2),
    )


def patch(rng: np.random.Generator, kind: str, slide: Slide) -> np.ndarray:
    """A patch (SIZE, SIZE, 3) uint8 of tissue `kind`; often a part of it belongs to another kind of tissue."""
    layers = RECIPES[kind](rng, slide.magnification)
    if rng.random() < 0.65:
        other = RECIPES[rng.choice([name for name in CLASSES if name != kind])](rng, slide.magnification)
        layers = _mixed(layers, other, soft(noise(rng, SIZE, 18) - rng.uniform(0.1, 0.9), 0.15))
    if rng.random() < 0.3:
        layers = _with_vacuoles(rng, layers)
    return stained(rng, layers, slide)


def stained(rng: np.random.Generator, layers: Layers, slide: Slide) -> np.ndarray:
    """Light through the dyes: (SIZE, SIZE, 3) uint8."""
    uneven = 1 + 0.12 * noise(rng, SIZE, 20)
    density = (layers.haematoxylin * uneven)[..., None] * slide.haematoxylin
    density = density + (layers.eosin * uneven)[..., None] * slide.eosin
    density = np.maximum(density, 0) * (1 - 0.96 * layers.hole[..., None])
    image = slide.light * np.exp(-density) + rng.normal(0, 0.012, (SIZE, SIZE, 3))
    return blurred(to_pixels(image), slide.blur)


def _mixed(first: Layers, second: Layers, share: np.ndarray) -> Layers:
    def mix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * (1 - share) + b * share

    return Layers(
        mix(first.haematoxylin, second.haematoxylin), mix(first.eosin, second.eosin), mix(first.hole, second.hole)
    )


def _with_vacuoles(rng: np.random.Generator, layers: Layers) -> Layers:
    """The layers with a few fat-like round holes that have a thin rim; they say nothing about the class."""
    x, y = grid(SIZE)
    hole, rim = layers.hole, np.zeros((SIZE, SIZE))
    for _ in range(rng.integers(1, 5)):
        cx, cy, radius = *rng.uniform(-0.9, 0.9, 2), rng.uniform(0.1, 0.26)
        inside = ellipse(x, y, cx, cy, radius, radius * rng.uniform(0.8, 1.1))
        rim = np.maximum(rim, ellipse(x, y, cx, cy, radius + 0.04, radius + 0.04) - inside)
        hole = np.maximum(hole, inside)
    return Layers(layers.haematoxylin * (1 - hole), layers.eosin + 0.3 * np.maximum(rim, 0), hole)


def _nuclei(rng: np.random.Generator, nuclei: list[tuple]) -> np.ndarray:
    """Haematoxylin of nuclei given as (x, y, major, minor, angle, ragged, darkness), in pixels, with chromatin."""
    image, draw = canvas(SIZE)
    for x, y, major, minor, angle, ragged, darkness in nuclei:
        corners = scaled(outline(rng, x, y, major, minor, angle, ragged))
        level = int(255 * min(darkness, 1.0))
        draw.polygon(corners, fill=int(level * 0.82))
        draw.line([*corners, corners[0]], fill=level, width=2)
    return layer(image) * (1 + 0.18 * noise(rng, SIZE, 0.9))


def _fibres(rng: np.random.Generator, angle: float, amount: float) -> np.ndarray:
    """Eosin of wavy collagen that runs in the direction `angle`."""
    strands = noise(rng, SIZE, 1.2, along=14, angle=angle) + 0.6 * noise(rng, SIZE, 3, along=20, angle=angle)
    return np.clip(amount * (1 + 0.28 * strands), 0.08, None)


def _spindles(rng: np.random.Generator, angle: float, spacing: float, scale: float) -> list[tuple]:
    return [
        (x, y, scale * rng.uniform(3.5, 6.5), scale * rng.uniform(1.1, 2.0), rng.normal(angle, 0.25), 0.1,
         rng.uniform(0.6, 0.95))
        for x, y in scattered(rng, SIZE, spacing)
    ]  # fmt: skip


def _stroma(rng: np.random.Generator, scale: float) -> Layers:
    """Fibres with sparse spindle-shaped nuclei along them, sometimes with stray lymphocytes."""
    angle = rng.uniform(0, np.pi)
    nuclei = _spindles(rng, angle, rng.uniform(15, 26), scale)
    if rng.random() < 0.5:
        nuclei += [_lymphocyte(rng, x, y, scale) for x, y in scattered(rng, SIZE, rng.uniform(18, 30))]
    return Layers(_nuclei(rng, nuclei), _fibres(rng, angle, rng.uniform(0.4, 0.75)), np.zeros((SIZE, SIZE)))


def _lymphocyte(rng: np.random.Generator, x: float, y: float, scale: float) -> tuple:
    radius = scale * rng.uniform(2.0, 2.8)
    return x, y, radius, radius * rng.uniform(0.85, 1.0), rng.uniform(0, np.pi), 0.05, rng.uniform(0.8, 1.0)


def _lymphoid(rng: np.random.Generator, scale: float) -> Layers:
    """Small round dark nuclei, densely packed, with gaps."""
    density = noise(rng, SIZE, 12)
    nuclei = [
        _lymphocyte(rng, x, y, scale)
        for x, y in scattered(rng, SIZE, scale * rng.uniform(6.5, 9.0))
        if density[_pixel(y), _pixel(x)] > -0.9
    ]
    return Layers(_nuclei(rng, nuclei), 0.3 + 0.07 * noise(rng, SIZE, 3), np.zeros((SIZE, SIZE)))


def _tumour(rng: np.random.Generator, scale: float) -> Layers:
    """Nests of large nuclei that differ in size, shape and darkness; a ragged hole here and there."""
    nest = noise(rng, SIZE, 13) + rng.uniform(0.3, 1.2)
    angle = rng.uniform(0, np.pi)
    size = rng.uniform(2.7, 3.8)
    nuclei = []
    for x, y in scattered(rng, SIZE, scale * rng.uniform(8.0, 11.0)):
        if nest[_pixel(y), _pixel(x)] > 0:
            major = scale * size * rng.lognormal(0, 0.22)
            nuclei.append((x, y, major, major * rng.uniform(0.55, 0.95), rng.uniform(0, np.pi), 0.16,
                           rng.uniform(0.45, 0.95)))  # fmt: skip
    inside = soft(nest, 0.3)
    eosin = inside * (0.42 + 0.06 * noise(rng, SIZE, 2)) + (1 - inside) * _fibres(rng, angle, 0.5)
    hole = soft(noise(rng, SIZE, 6) - rng.uniform(1.5, 3.0), 0.2)
    return Layers(_nuclei(rng, nuclei) * (1 - hole) + 0.08 * inside, eosin, hole)


def _gland(rng: np.random.Generator, scale: float) -> Layers:
    """Round glands: a hole, a rim of cytoplasm, and a ring of nuclei that point to the middle; fibres between."""
    x, y = grid(SIZE)
    angle = rng.uniform(0, np.pi)
    nuclei = _spindles(rng, angle, rng.uniform(18, 28), scale)
    eosin, hole = _fibres(rng, angle, rng.uniform(0.4, 0.65)), np.zeros((SIZE, SIZE))
    for cx, cy in scattered(rng, SIZE, rng.uniform(36, 56), jitter=0.12):
        radius, flat = scale * rng.uniform(13, 20), rng.uniform(0.7, 1.0)
        turn = rng.uniform(0, np.pi)
        u, v = cx / SIZE * 2 - 1, cy / SIZE * 2 - 1
        shape = (u, v, radius * 2 / SIZE, radius * flat * 2 / SIZE)
        body = ellipse(x, y, *shape, angle=turn)
        lumen = rng.uniform(0.2, 0.5)
        opening = ellipse(x, y, u, v, shape[2] * lumen, shape[3] * lumen, angle=turn)
        nuclei = [nucleus for nucleus in nuclei if body[_pixel(nucleus[1]), _pixel(nucleus[0])] < 0.4]
        nuclei += _ring(rng, cx, cy, radius, flat, turn, scale)
        eosin = eosin * (1 - body) + body * (0.36 + 0.05 * noise(rng, SIZE, 2))
        hole = np.maximum(hole, opening)
    return Layers(_nuclei(rng, nuclei) * (1 - hole), eosin, hole)


def _ring(rng, cx: float, cy: float, radius: float, flat: float, turn: float, scale: float) -> list[tuple]:
    """Nuclei near the rim of a gland."""
    count = int(2 * np.pi * radius * 0.8 / (scale * rng.uniform(4.5, 6.5)))
    nuclei = []
    for t in np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(0, 0.07, count):
        reach = radius * rng.uniform(0.7, 0.9)
        u, v = reach * np.cos(t), reach * flat * np.sin(t)
        x, y = cx + u * np.cos(turn) - v * np.sin(turn), cy + u * np.sin(turn) + v * np.cos(turn)
        minor = scale * rng.uniform(1.6, 2.4)
        nuclei.append((x, y, minor * rng.uniform(1.2, 1.9), minor, t + turn + rng.normal(0, 0.2), 0.08,
                       rng.uniform(0.6, 0.95)))  # fmt: skip
    return nuclei


def _pixel(coordinate: float) -> int:
    return int(np.clip(coordinate, 0, SIZE - 1))


RECIPES = {"gland": _gland, "lymphoid": _lymphoid, "stroma": _stroma, "tumour": _tumour}
