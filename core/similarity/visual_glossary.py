"""What is measured of the looks of an image, in words, with the bins in which sets of images are counted.

Colour and intensity is what stays when the pixels of an image are shuffled; structure and texture is what depends on
where they are.
"""

from dataclasses import dataclass

import numpy as np

BINS = 96
GROUPS = {"colour": "Colour and intensity", "structure": "Structure and texture"}
SIZE = "size"  # the group of what belongs to neither answer
SIDE = 224  # pixels of the short side at which images are measured
COLOURED = 10  # chroma C*ab above which a pixel is visibly not grey
EDGE = 16  # grey values per pixel from which on a slope is an edge
LEVELS = 32  # of grey in co-occurrence
RING_EDGES = 2 * 2 ** (np.arange(18) / 3)  # waves per short side: thirds of an octave, from 2 to 102
RING_KEYS = tuple(f"ring_{number:02}" for number in range(len(RING_EDGES) - 1))


@dataclass(frozen=True)
class Feature:
    """A figure of an image. Histograms of it have BINS bins from `low` to `high`, the same for every set; values
    outside count in the outermost bins. The bins are equally wide, on a logarithmic axis where `log`."""

    name: str
    group: str  # of GROUPS, or SIZE
    unit: str  # "" for what has none
    meaning: str
    low: float
    high: float
    log: bool = False

    @property
    def edges(self) -> np.ndarray:
        """(BINS + 1,)"""
        return (np.geomspace if self.log else np.linspace)(self.low, self.high, BINS + 1)


FEATURES = {
    "brightness": Feature(
        "Brightness", "colour", "grey value, 0 to 255", "Mean of the grey values: low is dark, high is bright.", 0, 255
    ),
    "contrast": Feature(
        "Contrast", "colour", "grey values",
        "Standard deviation of the grey values (RMS contrast): how far light and dark lie apart.", 0, 128,
    ),
    "skewness": Feature(
        "Skewness", "colour", "",
        "Above 0: mostly dark with a few bright places; below 0: mostly bright with a few dark ones.", -4, 6,
    ),
    "dark_end": Feature(
        "Dark end", "colour", "grey value, 0 to 255", "5 % of the pixels are as dark as this, or darker.", 0, 255
    ),
    "bright_end": Feature(
        "Bright end", "colour", "grey value, 0 to 255", "95 % of the pixels are as dark as this, or darker.", 0, 255
    ),
    "entropy": Feature(
        "Entropy", "colour", "bits, 0 to 8",
        "Variety of grey values: 0 where all pixels are equal, 8 where all 256 values are equally frequent.", 0, 8,
    ),
    "foreground": Feature(
        "Foreground share", "colour", "share of pixels",
        "Pixels on the bright side of the threshold that splits the grey values best (Otsu). Bright counts as "
        "foreground: where objects are darker than what surrounds them, this is the background.", 0, 1,
    ),
    "saturation": Feature(
        "Saturation", "colour", "0 to 1", "Mean strength of the colours: 0 is grey, 1 is pure colours.", 0, 1
    ),
    "coloured": Feature(
        "Coloured pixels", "colour", "share of pixels",
        f"Pixels that are visibly not grey (chroma above {COLOURED} in CIELAB).", 0, 1,
    ),
    "colourfulness": Feature(
        "Colourfulness", "colour", "0 to about 150",
        "How strong and how varied the colours are, as people judge it: 0 is grey, 33 moderate, 82 high.", 0, 180,
    ),
    "red_green": Feature(
        "Green to red", "colour", "a*", "Mean tint: below 0 is greenish, 0 neutral, above 0 reddish (CIELAB).", -60, 60
    ),
    "blue_yellow": Feature(
        "Blue to yellow", "colour", "b*", "Mean tint: below 0 is bluish, 0 neutral, above 0 yellowish (CIELAB).",
        -60, 60,
    ),
    "hue_spread": Feature(
        "Spread of hues", "colour", "0 to 1",
        "0 where all coloured pixels have one hue, 1 where hues are opposite or of all kinds. Unknown for an image "
        "with less than 1 % of coloured pixels.", 0, 1,
    ),
    "sharpness": Feature(
        "Sharpness", "structure", "squared grey values",
        "Variance of the Laplacian: how abruptly neighbouring pixels change. Low where an image is blurred; noise "
        "raises it, too.", 0.1, 1e6, log=True,
    ),
    "noise": Feature(
        "Noise", "structure", "grey values",
        "Estimated standard deviation of random noise (Immerkaer). Fine texture and speckle count as noise.",
        0.02, 200, log=True,
    ),
    "edges": Feature(
        "Edge density", "structure", "share of pixels",
        f"Pixels at which grey changes by at least {EDGE} grey values per pixel (Sobel).", 0, 1,
    ),
    "glcm_contrast": Feature(
        "Texture contrast", "structure", "squared grey levels",
        f"Mean squared difference of neighbouring pixels, in {LEVELS} grey levels (co-occurrence).", 1e-3, 300,
        log=True,
    ),
    "glcm_homogeneity": Feature(
        "Texture homogeneity", "structure", "0 to 1",
        "How often neighbouring pixels have the same or nearly the same grey level; 1: always (co-occurrence).", 0, 1,
    ),
    "glcm_energy": Feature(
        "Texture uniformity", "structure", "0 to 1",
        "High where the same few pairs of grey levels come again and again, as in an even background (energy of the "
        "co-occurrence).", 0, 1,
    ),
    "glcm_correlation": Feature(
        "Texture correlation", "structure", "-1 to 1",
        "How well the grey level of a pixel tells that of its neighbour; 0: not at all (co-occurrence).", -0.2, 1,
    ),
    "lbp_flat": Feature(
        "Flat and dark spots", "structure", "share of pixels",
        "Pixels of which no neighbour is darker: even areas and the bottoms of dark spots (local binary patterns).",
        0, 1,
    ),
    "lbp_edges": Feature(
        "Edge patterns", "structure", "share of pixels",
        "Pixels with 3 to 5 adjoining neighbours at least as bright, as along edges (local binary patterns).", 0, 1,
    ),
    "lbp_irregular": Feature(
        "Irregular patterns", "structure", "share of pixels",
        "Pixels whose neighbours change between darker and brighter more than twice around, as in noise and fine "
        "texture (local binary patterns).", 0, 1,
    ),
    "slope": Feature(
        "Fine structure", "structure", "slope of the power spectrum",
        "How slowly power falls from coarse to fine waves: 0 is white noise, near -2 are natural photographs, lower "
        "is smoother.", -6, 1,
    ),
    "short_side": Feature(
        "Resolution", SIZE, "pixels", "Short side of the image as its file holds it.", 8, 8192, log=True
    ),
}  # fmt: skip
