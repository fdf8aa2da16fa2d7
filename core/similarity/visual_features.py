"""One image in numbers: FEATURES, and its radial power profile.

All but the size is measured at one scale: an image whose short side is longer than SIDE is reduced to it, with
smoothing, as it would be for a network; a smaller one is not enlarged. So noise and sharpness are those that are left
at that scale, and those of smaller images are of their own pixels. Grey is luma (ITU-R BT.601), 0 to 255.
"""

import math
from functools import cache

import numpy as np
from PIL import Image

from core.similarity.visual_glossary import COLOURED, EDGE, FEATURES, LEVELS, RING_EDGES, RING_KEYS, SIDE

VERSION = 1  # of what is measured and of the bins: figures of another version do not compare
_SMALLEST = 8  # pixels of the short side; below it there is no structure to be measured
_REFERENCE_RINGS = 8  # up to 13 waves per short side: what an image of 28 pixels has, too


def measure(image: np.ndarray) -> dict[str, float]:
    """FEATURES of one image, uint8 (H, W) or (H, W, 3), and RING_KEYS: its radial power profile (see `_spectrum`).

    What an image does not have is NaN: the hues of a grey one, the skewness of a constant one, the structure of one
    whose short side is below 8 pixels.
    """
    picture = Image.fromarray(image)
    grey = np.asarray(_at_scale(picture.convert("L")))
    return {
        **dict.fromkeys([*FEATURES, *RING_KEYS], math.nan),
        **_intensity(grey),
        **(_colour(np.asarray(_at_scale(picture))) if image.ndim == 3 else _NO_COLOUR),
        **(_structure(grey) if min(grey.shape) >= _SMALLEST else {}),
        "short_side": float(min(image.shape[:2])),
    }


def _at_scale(picture: Image.Image) -> Image.Image:
    scale = SIDE / min(picture.size)
    if scale >= 1:
        return picture
    return picture.resize([round(side * scale) for side in picture.size], Image.Resampling.BILINEAR)  # antialiased


def _intensity(grey: np.ndarray) -> dict[str, float]:
    counts = np.bincount(grey.ravel(), minlength=256)
    values, share, below = np.arange(256), counts / grey.size, counts.cumsum()
    mean = share @ values
    sd = math.sqrt(share @ (values - mean) ** 2)
    some = share[share > 0]
    return {
        "brightness": mean,
        "contrast": sd,
        "skewness": share @ (values - mean) ** 3 / sd**3 if sd else math.nan,
        "dark_end": float(np.searchsorted(below, 0.05 * grey.size)),
        "bright_end": float(np.searchsorted(below, 0.95 * grey.size)),
        "entropy": abs(float(some @ np.log2(some))),
        "foreground": _above_otsu(share) if sd else math.nan,
    }


def _above_otsu(share: np.ndarray) -> float:
    """Share of pixels above the threshold of Otsu (1979), which sets the two means furthest apart.

    `share` (256,) of pixels by grey value, at least two of them above 0."""
    below, moment = share.cumsum()[:-1], (share * np.arange(256)).cumsum()
    inside = below * (1 - below)
    between = np.divide((moment[-1] * below - moment[:-1]) ** 2, inside, out=np.zeros(255), where=inside > 1e-9)
    return float(1 - below[between.argmax()])


_NO_COLOUR = dict.fromkeys(["saturation", "coloured", "colourfulness", "red_green", "blue_yellow"], 0.0)


def _colour(rgb: np.ndarray) -> dict[str, float]:
    a, b = _tints(rgb)
    chroma = np.hypot(a, b)
    coloured = chroma > COLOURED
    share = float(coloured.mean())
    return {
        "saturation": _saturation(rgb),
        "coloured": share,
        "colourfulness": _colourfulness(rgb),
        "red_green": float(a.mean()),
        "blue_yellow": float(b.mean()),
        "hue_spread": _spread(a[coloured], b[coloured], chroma[coloured]) if share >= 0.01 else math.nan,
    }


def _tints(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) a* and b* of CIELAB for sRGB, white D65 (IEC 61966-2-1; CIE 15)."""
    channels = np.moveaxis(rgb, 2, 0)
    x, y, z = (sum(light[value] for light, value in zip(part, channels, strict=True)) for part in _light())
    x, y, z = (np.where(part > 216 / 24389, np.cbrt(part), part * (841 / 108) + 4 / 29) for part in (x, y, z))
    return 500 * (x - y), 200 * (y - z)


@cache
def _light() -> np.ndarray:
    """(3, 3, 256): what each value of red, green and blue adds to X, Y and Z, which are 1 for white."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    return ((to_xyz / to_xyz.sum(1, keepdims=True))[..., None] * linear).astype(np.float32)


def _saturation(rgb: np.ndarray) -> float:
    """Mean of (max - min) / max of red, green and blue: the S of HSV."""
    red, green, blue = np.moveaxis(rgb, 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    spread = highest - np.minimum(np.minimum(red, green), blue)
    return float((spread / np.maximum(highest, 1).astype(np.float32)).mean())


def _colourfulness(rgb: np.ndarray) -> float:
    """M of Hasler and Suesstrunk (2003)."""
    red, green, blue = np.moveaxis(rgb.astype(np.float32), 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread, distance = (math.hypot(*(float(f(part)) for part in opponents)) for f in (np.std, np.mean))
    return spread + 0.3 * distance


def _spread(a: np.ndarray, b: np.ndarray, chroma: np.ndarray) -> float:
    """Circular variance of the hues (Mardia 1972)."""
    return 1 - math.hypot((a / chroma).mean(), (b / chroma).mean())


def _structure(grey: np.ndarray) -> dict[str, float]:
    wide = grey.astype(np.int16)
    return {
        "sharpness": _sharpness(wide),
        "noise": _noise(wide),
        "edges": _edges(wide),
        **_co_occurrence(grey),
        **_patterns(grey),
        **_spectrum(grey),
    }


def _sharpness(grey: np.ndarray) -> float:
    """Variance of the Laplacian of 4 neighbours (Pech-Pacheco et al. 2000)."""
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.var(dtype=np.float32))


def _noise(grey: np.ndarray) -> float:
    """Standard deviation of white noise by Immerkaer (1996): mean size of what the difference of two Laplacians lets
    through."""
    across = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return math.sqrt(math.pi / 2) / 6 * float(np.abs(both).mean())


def _edges(grey: np.ndarray) -> float:
    across = grey[:, 2:] - grey[:, :-2]
    across = across[:-2] + 2 * across[1:-1] + across[2:]
    down = grey[2:] - grey[:-2]
    down = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    slope = np.hypot(across, down, dtype=np.float32)
    return float((slope >= 8 * EDGE).mean())  # the weights of Sobel's two sides add up to 8 over one pixel


def _co_occurrence(grey: np.ndarray) -> dict[str, float]:
    """Haralick et al. (1973) from pairs of pixels at distance 1 in 4 directions, each pair in both orders; homogeneity
    is the inverse difference moment, energy the root of the angular second moment."""
    level = (grey // (256 // LEVELS)).astype(np.int16)
    one = level * LEVELS
    pairs = (
        one[:, :-1] + level[:, 1:], one[:-1] + level[1:], one[:-1, :-1] + level[1:, 1:], one[:-1, 1:] + level[1:, :-1]
    )  # fmt: skip
    counts = sum(np.bincount(pair.ravel(), minlength=LEVELS**2) for pair in pairs).reshape(LEVELS, LEVELS)
    share = (counts + counts.T) / (2 * counts.sum())
    i, j = np.indices(share.shape)
    mean = (share * i).sum()
    variance = (share * (i - mean) ** 2).sum()
    covariance = (share * (i - mean) * (j - mean)).sum()
    return {
        "glcm_contrast": float((share * (i - j) ** 2).sum()),
        "glcm_homogeneity": float((share / (1 + (i - j) ** 2)).sum()),
        "glcm_energy": math.sqrt((share**2).sum()),
        "glcm_correlation": float(covariance / variance) if variance else math.nan,
    }


def _patterns(grey: np.ndarray) -> dict[str, float]:
    """Local binary patterns that are uniform and rotation invariant (Ojala et al. 2002), of the 8 nearest pixels
    (those at the corners are not interpolated)."""
    height, width = grey.shape
    inner = grey[1:-1, 1:-1]
    code = np.zeros(inner.shape, np.uint8)
    for bit, (down, right) in enumerate([(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]):
        neighbour = grey[down : height - 2 + down, right : width - 2 + right]
        code |= (neighbour >= inner).view(np.uint8) << bit
    share = np.bincount(_pattern_of_code(), np.bincount(code.ravel(), minlength=256), 10) / inner.size
    return {"lbp_flat": share[8], "lbp_edges": share[3:6].sum(), "lbp_irregular": share[9]}


@cache
def _pattern_of_code() -> np.ndarray:
    """(256,): how many of the 8 neighbours are at least as bright, where they adjoin; else 9."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(1)
    return np.where(changes <= 2, bits.sum(1), 9)


def _spectrum(grey: np.ndarray) -> dict[str, float]:
    """Slope and radial profile of the power spectrum of the central square, under a Hann window (van der Schaaf and
    van Hateren 1996).

    The profile is the log10 of the mean power in rings of RING_EDGES that the image has in full, less its mean over
    the first 8 of them, so that contrast does not count; the slope is that of a line through all of its rings.
    """
    from scipy.fft import rfft2

    side = min(grey.shape)
    ring, weight, n = _rings(side)
    top, left = ((length - side) // 2 for length in grey.shape)
    square = grey[top : top + side, left : left + side].astype(np.float32)
    if square.min() == square.max():
        return {}
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    window = window[:, None] * window
    waves = rfft2((square - (square * window).sum() / window.sum()) * window)
    power = np.bincount(ring, (waves.real**2 + waves.imag**2).ravel() * weight, len(n) + 2)[1:-1] / n
    profile = np.log10(np.maximum(power, 1e-9 * power.max()))
    slope, _ = np.polyfit(np.log10(RING_EDGES[: len(n)]), profile, 1)
    profile -= profile[:_REFERENCE_RINGS].mean()
    return {"slope": float(slope), **dict(zip(RING_KEYS, profile.tolist(), strict=False))}


@cache
def _rings(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the half plane of a real transform of `side` x `side`: the ring of every wave (0: coarser than the first, the
    last: finer than the image has in full), how often it counts, and the sum of that per ring in between."""
    right = np.arange(side // 2 + 1)
    down = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(down[:, None], right).ravel()
    edges = RING_EDGES[: np.searchsorted(RING_EDGES, side / 2, side="right")]
    ring = np.searchsorted(edges, radius, side="right")
    weight = np.broadcast_to(np.where((right == 0) | (2 * right == side), 1.0, 2.0), (side, len(right))).ravel()
    return ring, weight, np.bincount(ring, weight, len(edges) + 1)[1:-1]
