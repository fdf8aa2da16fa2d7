"""What all generators of the demo share: random streams, smooth noise, soft shapes, antialiased polygons."""

import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OVERSAMPLING = 3


def stream(*key: int | str) -> np.random.Generator:
    """A random stream of its own for every key, so that one image never depends on the ones before it."""
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in key])


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x (to the right) and y (downwards) of every pixel centre, both (size, size) in -1..1."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    return np.meshgrid(axis, axis)


def noise(rng: np.random.Generator, size: int, scale: float, along: float | None = None, angle: float = 0.0):
    """Smooth noise (size, size) with mean 0 and standard deviation 1.

    `scale` is the blur in pixels; `along` stretches it into fibres that run in the direction `angle` (radians).
    """
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    u = fx * np.cos(angle) + fy * np.sin(angle)
    v = -fx * np.sin(angle) + fy * np.cos(angle)
    low_pass = np.exp(-2 * np.pi**2 * ((u * (along or scale)) ** 2 + (v * scale) ** 2))
    low_pass[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * low_pass, s=(size, size))
    return field / field.std()


def soft(distance: np.ndarray, width: float) -> np.ndarray:
    """0 outside and 1 inside, with an edge about `width` wide, for a distance that is positive inside."""
    return 0.5 * (1 + np.tanh(distance / width))


def ellipse(x, y, cx: float, cy: float, rx: float, ry: float, width: float = 0.03, angle: float = 0.0):
    """A soft filled ellipse in the coordinates of `grid`."""
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
    return soft((1 - np.hypot(u / rx, v / ry)) * min(rx, ry), width)


def outline(rng, cx: float, cy: float, major: float, minor: float, angle: float, ragged: float = 0.0) -> np.ndarray:
    """Corners (18, 2) of an ellipse, in pixels, whose radius varies by about the share `ragged`."""
    t = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    radius = 1 + ragged * sum(rng.normal(0, 0.6) * np.cos(k * t + rng.uniform(0, 6.28)) for k in (2, 3, 4))
    u, v = major * radius * np.cos(t), minor * radius * np.sin(t)
    return np.stack([cx + u * np.cos(angle) - v * np.sin(angle), cy + u * np.sin(angle) + v * np.cos(angle)], 1)


def canvas(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An oversampled grey canvas to draw on; read it with `layer`."""
    image = Image.new("L", (size * OVERSAMPLING,) * 2, 0)
    return image, ImageDraw.Draw(image)


def scaled(points: np.ndarray) -> list[tuple[float, float]]:
    """Points in pixels as `ImageDraw` wants them on a `canvas`."""
    return [tuple(point) for point in (np.asarray(points) * OVERSAMPLING).tolist()]


def layer(image: Image.Image) -> np.ndarray:
    """The canvas as (size, size) values in 0..1, antialiased."""
    return np.asarray(image.reduce(OVERSAMPLING), dtype=np.float64) / 255


def blurred(pixels: np.ndarray, radius: float) -> np.ndarray:
    """uint8 pixels, grey or RGB, through a Gaussian of `radius` pixels (the optics)."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Values in 0..1 (clipped) as uint8."""
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def scattered(rng: np.random.Generator, size: int, spacing: float, jitter: float = 0.35) -> np.ndarray:
    """Points (K, 2) in pixels about `spacing` apart on a disturbed hexagonal lattice that covers the image."""
    rows = np.arange(-spacing, size + spacing, spacing * 0.87)
    points = [
        (column + (row_number % 2) * spacing / 2, row)
        for row_number, row in enumerate(rows)
        for column in np.arange(-spacing, size + spacing, spacing)
    ]
    shifted = np.array(points) + rng.uniform(0, spacing, 2)
    return shifted + rng.normal(0, jitter * spacing, shifted.shape)


def contrasting(rng: np.random.Generator, color: np.ndarray) -> np.ndarray:
    """A random colour that stands out from `color`."""
    return max(rng.uniform(0, 1, (4, 3)), key=lambda other: np.abs(other - color).sum())
