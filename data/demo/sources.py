"""What the demo's checkpoints were pretrained on: objects, textures, limb-like radiographs, and stain names.

Each source draws one image of a given class: `(rng, class number) -> (SIZE, SIZE, 3) or (SIZE, SIZE)` uint8.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tissue
from drawing import stream
from limbs import LIMBS, draw_limb
from objects import OBJECTS, draw_object
from textures import TEXTURES, draw_texture

SIZE = 96
STAINS = ("blue stain", "green stain", "brown stain", "red stain")
_DYES = np.array([[0.80, 0.45, 0.15], [0.75, 0.20, 0.55], [0.25, 0.50, 0.80], [0.15, 0.70, 0.60]])


@dataclass(frozen=True)
class Source:
    """A synthetic pretraining data set."""

    key: str
    name: str
    classes: tuple[str, ...]
    draw: Callable[[np.random.Generator, int], np.ndarray]
    train_images: int
    channels: int
    seed: int

    def images(self, part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` images (N, SIZE, SIZE, channels) uint8 and their classes (N,); parts share no random stream."""
        labels = np.arange(count) % len(self.classes)
        drawn = [self.draw(stream(self.key, self.seed, part, i), int(label)) for i, label in enumerate(labels)]
        return np.stack(drawn).reshape(count, SIZE, SIZE, self.channels), labels


def draw_stain(rng: np.random.Generator, number: int) -> np.ndarray:
    """Tissue of any kind whose label is only the colour of the counterstain."""
    slide = tissue.draw_slide(rng)
    counterstain = (_DYES[number] + rng.normal(0, 0.08, 3)) * rng.uniform(0.5, 1.1)
    slide = tissue.Slide(slide.haematoxylin, counterstain, slide.light, slide.blur, slide.magnification * 1.25)
    return tissue.patch(rng, tissue.CLASSES[rng.integers(4)], slide)


SOURCES = (
    Source("objects", "Synthetic objects", OBJECTS, draw_object, 6000, 3, 11),
    Source("textures", "Synthetic textures", TEXTURES, draw_texture, 6000, 3, 12),
    Source("limbs", "Synthetic limb radiographs", LIMBS, draw_limb, 6000, 1, 13),
    Source("stains", "Synthetic stain names", STAINS, draw_stain, 400, 3, 14),
)
