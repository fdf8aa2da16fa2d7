"""Radiograph-like images of a chest-like shape: the target "radiograph".

Attenuation is a sum of soft shapes on the plane, seen through an exposure that differs between images. One patient
has one anatomy (and mostly the same findings) in all images.
"""

from dataclasses import dataclass

import numpy as np
from drawing import canvas, ellipse, grid, layer, noise, scaled, soft, to_pixels

SIZE = 128
FINDINGS = ("opacity", "nodules", "effusion", "enlarged_heart", "device_line")
PREVALENCE = (0.28, 0.24, 0.26, 0.28, 0.25)


@dataclass(frozen=True)
class Patient:
    """The anatomy that the images of one patient share, and the patient's findings (0/1 per entry of FINDINGS)."""

    width: float
    lung_height: float
    heart: float
    rib_spacing: float
    rib_slope: float
    bulk: float
    findings: tuple[int, ...]
    side: int
    seed: int


def draw_patient(rng: np.random.Generator) -> Patient:
    """A random patient."""
    findings = tuple(int(rng.random() < share) for share in PREVALENCE)
    return Patient(
        width=rng.uniform(0.86, 1.08),
        lung_height=rng.uniform(0.54, 0.70),
        heart=rng.uniform(0.80, 1.15) * (rng.uniform(1.25, 1.50) if findings[3] else 1.0),
        rib_spacing=rng.uniform(0.15, 0.20),
        rib_slope=rng.uniform(0.10, 0.45),
        bulk=rng.uniform(0.40, 0.62),
        findings=findings,
        side=int(rng.choice([-1, 1])),
        seed=int(rng.integers(2**31)),
    )


def image_findings(rng: np.random.Generator, patient: Patient) -> tuple[int, ...]:
    """Findings in one image: the patient's, of which those that come and go may be missing."""
    return tuple(
        int(present and (name == "enlarged_heart" or rng.random() > 0.15))
        for name, present in zip(FINDINGS, patient.findings, strict=True)
    )


def image(rng: np.random.Generator, patient: Patient, findings: tuple[int, ...]) -> np.ndarray:
    """One exposure (SIZE, SIZE) uint8 of the patient with these findings; bright is dense."""
    x, y = grid(SIZE)
    turn, zoom = rng.normal(0, 0.035), rng.uniform(0.93, 1.06)
    x, y = (x * np.cos(turn) + y * np.sin(turn)) / zoom, (y * np.cos(turn) - x * np.sin(turn)) / zoom
    x, y = x + rng.normal(0, 0.04), y + rng.normal(0, 0.04)
    present = dict(zip(FINDINGS, findings, strict=True))
    lungs = _lungs(x, y, patient, rng.normal(0, 0.03))
    density = _chest(rng, x, y, lungs, patient)
    if present["opacity"]:
        density = density + lungs * _opacity(rng, x, y, patient)
    if present["nodules"]:
        density = density + lungs * _nodules(rng, x, y)
    if present["effusion"]:
        density = density + lungs * _effusion(rng, x, y, patient)
    if present["device_line"]:
        density = density + _device_line(rng)
    return _exposed(rng, density)


def _lungs(x, y, patient: Patient, breath: float) -> np.ndarray:
    """Share of lung at every pixel: two upright ellipses that the diaphragm cuts off below."""
    floor = 0.46 + breath - 0.14 * np.cos((np.abs(x) - 0.36) * 3.2) + 0.05 * (x < 0)
    both = sum(
        ellipse(x, y, side * 0.39 * patient.width, -0.05, 0.285 * patient.width, patient.lung_height, 0.035)
        for side in (-1, 1)
    )
    return np.clip(both, 0, 1) * soft(floor + 0.12 - y, 0.03)


def _chest(rng, x, y, lungs, patient: Patient) -> np.ndarray:
    """Density of a chest without findings."""
    own = np.random.default_rng(patient.seed)
    shoulder = 0.80 * patient.width + 0.08 * soft(-0.35 - y, 0.25) + 0.04 * soft(y - 0.5, 0.2)
    body = soft(shoulder - np.abs(x), 0.05) * soft(y + 0.95 - 0.30 * np.abs(x), 0.05)
    density = body * (patient.bulk + 0.05 * noise(own, SIZE, 12)) - 0.36 * lungs
    density = density + body * 0.17 * np.exp(-((x / 0.085) ** 2)) * (1 + 0.15 * np.sin(y * 38))
    density = density + 0.11 * body * np.exp(-(((np.abs(x) - 0.13) / 0.09) ** 2) - ((y + 0.05) / 0.16) ** 2)
    heart = ellipse(
        x, y, 0.02 + 0.10 * patient.heart, 0.22, 0.31 * patient.heart, 0.27 * patient.heart**0.5, 0.035, 0.4
    )
    density = density + 0.26 * heart * (0.4 + 0.6 * lungs)
    density = density + body * _ribs(x, y, patient)
    vessels = np.exp(-(((np.abs(x) - 0.2) / 0.28) ** 2)) * (noise(own, SIZE, 1.1) + noise(own, SIZE, 2.0))
    return density + lungs * 0.024 * vessels + 0.012 * noise(rng, SIZE, 1.5)


def _ribs(x, y, patient: Patient) -> np.ndarray:
    """Ribs that run outwards and down at the back (strong) and inwards and down in front (faint), and clavicles."""
    away = np.abs(x) / patient.width
    reach = soft(0.78 - away, 0.03) * soft(away - 0.08, 0.03)
    density = np.zeros_like(x)
    for number in range(8):
        top = -0.78 + number * patient.rib_spacing
        back = top + patient.rib_slope * (away - 0.2) + 0.35 * (away - 0.35) ** 2
        front = top + 0.16 - 0.55 * (away - 0.75)
        density = density + 0.075 * np.exp(-(((y - back) / 0.024) ** 2))
        density = density + 0.035 * np.exp(-(((y - front) / 0.028) ** 2)) * soft(away - 0.3, 0.05)
    clavicle = -0.66 - 0.18 * (away - 0.15)
    return density * reach + 0.10 * np.exp(-(((y - clavicle) / 0.028) ** 2)) * reach


def _spot_in_lung(rng, low: float = -0.45, high: float = 0.35) -> tuple[float, float]:
    return rng.choice([-1, 1]) * rng.uniform(0.26, 0.52), rng.uniform(low, high)


def _opacity(rng, x, y, patient: Patient) -> np.ndarray:
    """A cloud without a sharp edge."""
    cx, cy = _spot_in_lung(rng)
    rx, ry = rng.uniform(0.14, 0.28, 2)
    cloud = np.exp(-(((x - abs(cx) * patient.side) / rx) ** 2) - ((y - cy) / ry) ** 2)
    return rng.uniform(0.20, 0.36) * cloud * np.clip(1 + 0.45 * noise(rng, SIZE, 3), 0, None)


def _nodules(rng, x, y) -> np.ndarray:
    """Three to eight small round spots."""
    density = np.zeros_like(x)
    for _ in range(rng.integers(3, 9)):
        cx, cy = _spot_in_lung(rng, -0.5, 0.4)
        radius = rng.uniform(0.04, 0.065)
        density = np.maximum(density, rng.uniform(0.18, 0.32) * ellipse(x, y, cx, cy, radius, radius, 0.015))
    return density


def _effusion(rng, x, y, patient: Patient) -> np.ndarray:
    """Fluid at the base of one lung, with a surface that climbs towards the chest wall."""
    level = rng.uniform(0.0, 0.36) - rng.uniform(0.3, 0.8) * np.clip(patient.side * x - 0.3, 0, None)
    return rng.uniform(0.28, 0.38) * soft(y - level, 0.035) * (patient.side * x > 0)


def _device_line(rng) -> np.ndarray:
    """A thin catheter-like curve from a shoulder or the neck to the middle of the chest."""
    side = rng.choice([-1, 1])
    start = np.array([64 + side * rng.uniform(4, 40), rng.uniform(2, 14)])
    bend = np.array([64 + side * rng.uniform(0, 20), rng.uniform(24, 44)])
    end = np.array([64 + rng.uniform(-4, 14), rng.uniform(58, 84)])
    t = np.linspace(0, 1, 40)[:, None]
    picture, draw = canvas(SIZE)
    draw.line(scaled((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end), fill=255, width=4)
    return rng.uniform(0.20, 0.36) * layer(picture)


def _exposed(rng, density: np.ndarray) -> np.ndarray:
    """Scatter, exposure, detector noise and contrast curve; sometimes the shadow of the collimator."""
    x, y = grid(SIZE)
    density = density * (1 - 0.10 * np.hypot(x, y)) * rng.uniform(0.9, 1.1) + rng.uniform(-0.04, 0.06) + 0.10
    density = density + rng.uniform(0.010, 0.028) * rng.standard_normal(density.shape)
    if rng.random() < 0.25:
        edge = rng.uniform(0.86, 0.97)
        density = density * soft(edge - np.abs(rng.choice([x, y])), 0.02)
    return to_pixels(np.clip(density, 0, 1) ** rng.uniform(0.85, 1.2) * rng.uniform(1.0, 1.12))
