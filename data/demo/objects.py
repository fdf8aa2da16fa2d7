"""Coloured objects before textured scenes: the source "objects", the demo's stand-in for natural images."""

import numpy as np
from drawing import blurred, canvas, contrasting, grid, layer, noise, scaled, soft, to_pixels

SIZE = 96
OBJECTS = ("disc", "square", "triangle", "star", "cross", "ring", "crescent", "arrow", "heart", "house")


def draw_object(rng: np.random.Generator, number: int) -> np.ndarray:
    """A coloured object of class `number` with a pattern of its own, before a textured scene with clutter."""
    scene = _scene(rng)
    for _ in range(rng.integers(0, 3)):
        scene = _over(scene, _clutter(rng), rng.uniform(0, 1, 3) * np.ones_like(scene))
    mask = _object_mask(rng, OBJECTS[number])
    behind = (scene * mask[..., None]).sum((0, 1)) / mask.sum()
    shade = 1 + 0.2 * np.tanh(noise(rng, SIZE, 15))[..., None]
    scene = _over(scene, mask, _filling(rng, behind) * shade)
    scene = scene * rng.uniform(0.7, 1.1) + rng.normal(0, rng.uniform(0.01, 0.05), scene.shape)
    return blurred(to_pixels(scene), rng.uniform(0, 0.8))


def _over(below: np.ndarray, mask: np.ndarray, above: np.ndarray) -> np.ndarray:
    return below * (1 - mask[..., None]) + above * mask[..., None]


def _scene(rng) -> np.ndarray:
    """A background: two colours over a horizon or a slope, with texture."""
    x, y = grid(SIZE)
    angle = rng.normal(np.pi / 2, 0.5)
    share = soft(x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.5, 0.5), rng.choice([0.03, 0.5]))[..., None]
    texture = 0.08 * noise(rng, SIZE, rng.uniform(0.7, 6), along=rng.uniform(0.7, 12), angle=rng.uniform(0, np.pi))
    return rng.uniform(0, 1, 3) * share + rng.uniform(0, 1, 3) * (1 - share) + texture[..., None]


def _filling(rng, behind: np.ndarray) -> np.ndarray:
    """The surface of an object: plain, striped or spotted, in two colours unlike the one behind it."""
    x, y = grid(SIZE)
    first, second = contrasting(rng, behind), contrasting(rng, behind)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(8, 30)
    share = {
        "plain": np.zeros_like(x),
        "stripes": soft(np.sin((x * np.cos(angle) + y * np.sin(angle)) * pitch), 0.3),
        "spots": soft(noise(rng, SIZE, 2.5) - 0.6, 0.2),
    }[rng.choice(["plain", "stripes", "spots"])]
    return first * (1 - share[..., None]) + second * share[..., None]


def _clutter(rng) -> np.ndarray:
    """The mask of a stray line or dot."""
    picture, draw = canvas(SIZE)
    start, end = rng.uniform(0, SIZE, (2, 2))
    if rng.random() < 0.5:
        draw.line(scaled([start, end]), fill=255, width=int(rng.integers(2, 9)))
    else:
        radius = rng.uniform(2, 6)
        draw.ellipse(scaled([start - radius, start + radius]), fill=255)
    return layer(picture)


def _object_mask(rng, name: str) -> np.ndarray:
    """The silhouette of an object, placed and squeezed at random and turned a little."""
    radius, turn = rng.uniform(20, 38), rng.normal(0, 0.35)
    squeeze = np.array([1.0, rng.uniform(0.7, 1.0)])
    centre = rng.uniform(radius * 0.7, SIZE - radius * 0.7, 2)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def placed(points: np.ndarray) -> list[tuple[float, float]]:
        return scaled((np.asarray(points) * radius * squeeze) @ rotation.T + centre)

    picture, draw = canvas(SIZE)
    draw.polygon(placed(_corners(name)), fill=255)
    circle = _corners("disc")
    if name == "ring":
        draw.polygon(placed(circle * 0.55), fill=0)
    if name == "crescent":
        draw.polygon(placed(circle * 0.85 + [0.45, 0]), fill=0)
    return layer(picture)


def _corners(name: str) -> np.ndarray:
    """Corners (K, 2) of a silhouette within the unit circle."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    if name in ("disc", "ring", "crescent"):
        return np.stack([np.cos(t), np.sin(t)], 1)
    if name == "heart":
        return np.stack([16 * np.sin(t) ** 3, -13 * np.cos(t) + 5 * np.cos(2 * t) + 2 * np.cos(3 * t)], 1) / 17
    if name == "star":
        s = np.arange(10) * np.pi / 5
        return np.stack([np.cos(s), np.sin(s)], 1) * np.where(np.arange(10) % 2, 0.42, 1.0)[:, None]
    return np.array({
        "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
        "triangle": [(0, -1), (0.87, 0.6), (-0.87, 0.6)],
        "cross": [(-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1),
                  (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3)],
        "arrow": [(1, 0), (0.2, 0.75), (0.2, 0.28), (-1, 0.28), (-1, -0.28), (0.2, -0.28), (0.2, -0.75)],
        "house": [(0, -1), (0.85, -0.3), (0.6, -0.3), (0.6, 0.8), (-0.6, 0.8), (-0.6, -0.3), (-0.85, -0.3)],
    }[name])  # fmt: skip
