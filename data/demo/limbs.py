"""Radiograph-like pictures of limbs, with or without a change to a bone: the source "limbs"."""

import numpy as np
from drawing import grid, noise, soft, to_pixels

SIZE = 96
PARTS = ("shaft", "joint", "hand")
STATES = ("normal", "fracture", "implant", "lesion")
LIMBS = tuple(f"{part}, {state}" for part in PARTS for state in STATES)


def draw_limb(rng: np.random.Generator, number: int) -> np.ndarray:
    """A radiograph-like picture of a limb: a part of the body, with or without one change to a bone."""
    bones = _bones(rng, PARTS[number // 4])
    x, y = grid(SIZE)
    turn, shift = rng.normal(0, 0.35), rng.normal(0, 0.1, 2)
    x, y = x * np.cos(turn) + y * np.sin(turn) + shift[0], y * np.cos(turn) - x * np.sin(turn) + shift[1]
    state, changed = STATES[number % 4], int(rng.integers(len(bones)))
    flesh, density = np.zeros_like(x), np.zeros_like(x)
    for i, bone in enumerate(bones):
        u, v, inside = _bone_coordinates(x, y, bone)
        flesh = np.maximum(flesh, soft(bone[4] * 3.2 - np.hypot(np.maximum(np.abs(u - 0.5) - 0.5, 0), v), 0.06))
        part = inside * (0.20 + 0.24 * np.clip(np.abs(v) / bone[4], 0, 1) ** 3)
        part = part * (1 + 0.12 * noise(rng, SIZE, 1.0, along=4, angle=np.pi / 2))
        density = np.maximum(density, _changed(rng, part, u, v, bone[4], inside, state) if i == changed else part)
    picture = density + flesh * (rng.uniform(0.16, 0.32) + 0.03 * noise(rng, SIZE, 6)) + rng.uniform(0, 0.08)
    picture = picture + rng.uniform(0.01, 0.035) * rng.standard_normal(picture.shape)
    return to_pixels(np.clip(picture, 0, 1) ** rng.uniform(0.75, 1.3) * rng.uniform(1.0, 1.3))


def _bones(rng, part: str) -> list[tuple]:
    """Bones as (x0, y0, x1, y1, radius) in the coordinates of `grid`."""
    if part == "shaft":
        radius, gap = rng.uniform(0.07, 0.14), rng.uniform(0.3, 0.45)
        return [(side * gap / 2, -1.3, side * gap / 2 + rng.normal(0, 0.05), 1.3, radius * share)
                for side, share in ((-1, 1.0), (1, rng.uniform(0.6, 0.9)))]  # fmt: skip
    if part == "joint":
        radius, level = rng.uniform(0.15, 0.24), rng.uniform(-0.2, 0.2)
        return [(rng.normal(0, 0.06), -1.4, 0.0, level - 0.12, radius),
                (0.0, level + 0.12, rng.normal(0, 0.06), 1.4, radius * 0.9)]  # fmt: skip
    bones = []
    for finger in range(4):
        x, spread, radius = (finger - 1.5) * 0.34, (finger - 1.5) * 0.10, rng.uniform(0.045, 0.065)
        lower, middle = rng.uniform(0.3, 0.5), rng.uniform(-0.35, -0.15)
        bones += [(x, 1.2, x, lower + 0.06, radius * 1.2), (x, lower - 0.06, x + spread, middle + 0.05, radius),
                  (x + spread, middle - 0.05, x + 1.6 * spread, middle - 0.5, radius * 0.85)]  # fmt: skip
    return bones


def _bone_coordinates(x, y, bone: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position along (0..1) and across a bone, and the soft share inside it; ends are wider than the middle."""
    x0, y0, x1, y1, radius = bone
    length = np.hypot(x1 - x0, y1 - y0)
    along, across = np.array([x1 - x0, y1 - y0]) / length, np.array([y0 - y1, x1 - x0]) / length
    u = ((x - x0) * along[0] + (y - y0) * along[1]) / length
    v = (x - x0) * across[0] + (y - y0) * across[1]
    flare = 1 + 0.45 * np.exp(-((np.minimum(u, 1 - u) * length / 0.16) ** 2))
    edge = np.minimum(radius * flare - np.abs(v), np.minimum(u, 1 - u) * length)
    return u, v, soft(edge, 0.025)


def _changed(rng, part, u, v, radius: float, inside, state: str) -> np.ndarray:
    """The bone with its fracture (dark oblique line), implant (dense plate and screws) or lesion (hollow or dense)."""
    place = rng.uniform(0.35, 0.65)
    if state == "fracture":
        line = np.abs(u - place - rng.uniform(-0.6, 0.6) * v) - 0.2 * rng.uniform(0.02, 0.06) / radius
        return part * (1 - 0.85 * soft(-line, 0.012))
    if state == "implant":
        offset = rng.choice([-1, 1]) * radius * 0.6
        plate = soft(0.16 - np.abs(u - place), 0.02) * soft(radius * 0.35 - np.abs(v - offset), 0.012)
        screws = np.cos((u - place) * 75) > 0.75
        screws = screws * soft(0.16 - np.abs(u - place), 0.02) * soft(radius * 1.05 - np.abs(v), 0.012)
        return np.maximum(part, rng.uniform(0.6, 0.8) * np.maximum(plate, 0.9 * screws))
    if state == "lesion":
        spot = np.exp(-(((u - place) / rng.uniform(0.06, 0.12)) ** 2) - (v / (radius * rng.uniform(0.6, 1.0))) ** 2)
        return part + inside * spot * rng.choice([-0.22, 0.26])
    return part
