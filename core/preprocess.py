"""From the pixels of an image to a network's input, as a checkpoint's `Preprocessing` says. Deterministic."""

import numpy as np
import torch
from torch.nn import functional

from core.catalog import Preprocessing


def prepare(pixels: np.ndarray, preprocessing: Preprocessing) -> torch.Tensor:
    """The network's input for one image: uint8 (H, W) or (H, W, 3) RGB -> float32 (C, h, w)."""
    return normalise(resize(pixels, preprocessing), preprocessing)


def resize(pixels: np.ndarray, preprocessing: Preprocessing) -> torch.Tensor:
    """The whole image at the network's size and in its channel order: uint8 (H, W) or (H, W, 3) -> uint8 (C, h, w).

    Bilinear with antialiasing, uncropped, so that the aspect ratio changes with the network's. Rounded to uint8 after
    resizing, as Pillow does (no value differs by more than 1 from Pillow's, in a third of its time).
    """
    if preprocessing.color == "grey" and pixels.ndim == 3:
        pixels = _luminance(pixels)
    planes = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
    planes = planes[None] if pixels.ndim == 2 else planes.permute(2, 0, 1)
    if tuple(planes.shape[1:]) != tuple(preprocessing.input_size):
        size = tuple(preprocessing.input_size)
        planes = functional.interpolate(planes[None], size, mode="bilinear", antialias=True)[0]
    if preprocessing.color == "BGR" and len(planes) == 3:
        planes = planes.flip(0)
    return planes.expand(preprocessing.channels, -1, -1)


def _luminance(pixels: np.ndarray) -> np.ndarray:
    """ITU-R 601 luma in whole numbers, rounded: uint8 (H, W, 3) -> uint8 (H, W)."""
    red, green, blue = np.moveaxis(pixels.astype(np.uint32), -1, 0)
    return ((red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16).astype(np.uint8)


def normalise(images: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Values mapped to the pixel range, then (x - mean) / std per channel: uint8 (..., C, h, w) -> float32, there."""
    mean, std = (torch.tensor(values, device=images.device)[:, None, None]
                 for values in (preprocessing.mean, preprocessing.std))  # fmt: skip
    low, high = preprocessing.pixel_range
    return torch.addcmul((low - mean) / std, images.float(), (high - low) / 255 / std)
