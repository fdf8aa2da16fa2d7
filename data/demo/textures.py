"""Patterns of many kinds in random colours: the source "textures"."""

import numpy as np
from drawing import blurred, contrasting, grid, noise, scattered, soft, to_pixels

SIZE = 96
FAMILIES = ("grain", "blobs", "maze", "fur", "waves", "weave", "checks", "cells", "net", "dots")
TEXTURES = tuple(f"{scale} {family}" for family in FAMILIES for scale in ("fine", "coarse"))


def draw_texture(rng: np.random.Generator, number: int) -> np.ndarray:
    """A texture of class `number` in two random colours, unevenly lit."""
    pitch = (rng.uniform(3.5, 6.5) if number % 2 == 0 else rng.uniform(8.5, 15.0)) * 0.5
    share = _texture(rng, FAMILIES[number // 2], pitch)[..., None]
    first = rng.uniform(0, 1, 3)
    second = contrasting(rng, first)
    surface = first * share + second * (1 - share) + 0.05 * noise(rng, SIZE, 14)[..., None]
    return blurred(to_pixels(surface + rng.normal(0, 0.03, surface.shape)), rng.uniform(0, 0.9))


def _texture(rng, family: str, pitch: float) -> np.ndarray:
    """The pattern (SIZE, SIZE) in 0..1 of a family; `pitch` is about half the distance between its parts in pixels."""
    x, y = (axis * SIZE / 2 for axis in grid(SIZE))
    angle = rng.uniform(0, np.pi)
    wobble = noise(rng, SIZE, 10) * rng.uniform(0.1, 0.6)
    u = (x * np.cos(angle) + y * np.sin(angle)) / pitch * np.pi / 2 + wobble
    v = (y * np.cos(angle) - x * np.sin(angle)) / pitch * np.pi / 2 + wobble.T
    if family == "grain":
        return soft(noise(rng, SIZE, pitch * 0.4), 1.0)
    if family == "blobs":
        return soft(noise(rng, SIZE, pitch * 0.7) - rng.uniform(0.5, 1.0), 0.15)
    if family == "maze":
        return soft(noise(rng, SIZE, pitch * 0.35) - noise(rng, SIZE, pitch * 0.75), 0.3)
    if family == "fur":
        return soft(noise(rng, SIZE, pitch * 0.35, along=pitch * 3, angle=angle), 0.6)
    if family == "waves":
        return soft(np.sin(u) + rng.uniform(-0.5, 0.5), 0.4)
    if family == "weave":
        return 0.5 + 0.45 * np.where(np.sin(u / 2) * np.sin(v / 2) > 0, np.sin(u), np.sin(v))
    if family == "checks":
        return soft(np.sin(u) * np.sin(v), 0.15)
    if family == "dots":
        return soft(np.sin(u) + np.sin(v) - rng.uniform(0.6, 1.1), 0.2)
    nearest, second, owner = _distances(rng, pitch * 2)
    if family == "net":
        return soft(pitch * 0.35 - (second - nearest), 0.5)
    return rng.uniform(0, 1, owner.max() + 1)[owner]


def _distances(rng, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance of every pixel to its nearest and second nearest of scattered points, and which one is nearest."""
    points = scattered(rng, SIZE, spacing, jitter=0.3)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    squared = (columns[..., None] - points[:, 0]) ** 2 + (rows[..., None] - points[:, 1]) ** 2
    two = np.argpartition(squared, 1, axis=-1)[..., :2]
    distance = np.sqrt(np.take_along_axis(squared, two, -1))
    return distance[..., 0], distance[..., 1], two[..., 0]
