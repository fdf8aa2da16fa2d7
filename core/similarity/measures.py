"""The distances between features: what each says, and where it misleads. One place, for pages and for measures."""

from dataclasses import dataclass

NEEDS = {
    "features": "Needs the images of both sets.",
    "labels": "Needs the images of both sets, and their classes.",
    "fingerprints": "Fingerprints are enough.",
}
NEIGHBOURS = 5
MIN_CLASS = 20  # images: a smaller class says little, and its mean could give an image away


@dataclass(frozen=True)
class Measure:
    """What a page says of a distance. `alike`: whether "high" or "low" values mean alike; `first`: shown before the
    others; `needs`: "features" (the images at hand), "labels" as well, or "fingerprints" (statistics are enough);
    `signed`: values below 0 occur, by chance."""

    name: str
    unit: str
    meaning: str
    limits: str
    paper: str
    needs: str = "features"
    alike: str = "low"
    first: bool = False
    signed: bool = False


MEASURES = {
    "mixing": Measure(
        name="Neighbour mixing",
        unit="share of neighbours",
        meaning=(
            f"Put equally many target and source images together: what share of the {NEIGHBOURS} images nearest to a "
            "target image, itself left out, comes from the source? About half, if the network sees no difference; "
            "0, if it tells the two apart without fail."
        ),
        limits=(
            "It says whether the sets overlap, not how far apart they are: several sources far away all score 0. "
            "Nearest by the angle between features."
        ),
        paper="Schilling 1986, JASA 81:799; Henze 1988",
        alike="high",
        first=True,
    ),
    "kid": Measure(
        name="KID",
        unit="squared MMD, cubic kernel",
        meaning=(
            "Kernel distance between the two clouds of features. Its estimate has no bias: without a difference it "
            "scatters around 0, below it as well as above, at any number of images."
        ),
        limits=(
            "Its size depends on the scale of the network's features: compare sources within one network only. Large "
            "features weigh much, because they enter to the third power."
        ),
        paper="Binkowski et al. 2018, arXiv:1801.01401",
        signed=True,
        first=True,
    ),
    "frechet": Measure(
        name="Frechet distance",
        unit="squared feature units",
        meaning=(
            "Distance between two normal distributions fitted to the features (FID, with this network in place of "
            "Inception). Above 0 even without a difference, the more the fewer images: read what exceeds the floor, "
            "and compare values only at the same number of images."
        ),
        limits=(
            "It sees means and covariances only. With few images its bias is larger than most differences between sets."
        ),
        paper="Heusel et al. 2017, arXiv:1706.08500",
        first=True,
    ),
    "cosine": Measure(
        name="Cosine distance",
        unit="1 - cosine",
        meaning="1 minus the cosine of the angle between the mean features of both sets.",
        limits="Two sets with the same mean are at distance 0, however much they differ otherwise.",
        paper="",
        needs="fingerprints",
    ),
    "binned_kl": Measure(
        name="Binned KL divergence",
        unit="nats per feature",
        meaning=(
            "For each feature a histogram of 100 bins; the divergence of the target from the source (how badly the "
            "source's histogram predicts the target's images), averaged over the features."
        ),
        limits=(
            "Our variant of the task fingerprint. As there: 100 bins, from target to source. Otherwise: bins are "
            "fixed, -4 to 6 for features scaled to a root mean square of 1 per image, so that any two sets compare "
            "(there: 5 to 95 % quantiles over a collection of tasks); half a count is added to every bin of both sides "
            "(there: a softmax over the source's bins, with which a set is not at distance 0 from itself); all "
            "features weigh the same (there, in the variant with 100 bins: a softmax of the target's mean features). "
            "The authors' variant was read in their code, IMSY-DKFZ/task-fingerprinting, not checked against the paper."
        ),
        paper="Godau et al. 2024, arXiv:2412.08763",
        needs="fingerprints",
    ),
    "class_aware": Measure(
        name="Class-aware distance",
        unit="squared feature units",
        meaning=(
            "Each class as a normal distribution on 32 principal components; the least effort of moving the target's "
            "classes onto the source's, each class in proportion to its images."
        ),
        limits=(
            f"Needs labels on both sides; classes of fewer than {MIN_CLASS} images are left out. Effort between "
            "classes is the squared Bures-Wasserstein distance, as between the labels of OTDD; unlike there, images "
            "are moved class by class, not one by one."
        ),
        paper="after Alvarez-Melis & Fusi 2020, arXiv:2002.02923",
        needs="labels",
    ),
    "fisher": Measure(
        name="Fisher distance",
        unit="1 - cosine",
        meaning=(
            "Which features matter to a linear classifier of each set's own classes? The cosine distance between the "
            "two answers (diagonal Fisher information)."
        ),
        limits=(
            "A light variant of Task2Vec: the Fisher information of a linear head on frozen features, where Task2Vec "
            "takes that of the whole network. Needs labels on both sides. How hard a task is moves it as well as what "
            "the task is about."
        ),
        paper="after Achille et al. 2019, arXiv:1902.03545",
        needs="labels",
    ),
    "mmd_rbf": Measure(
        name="MMD (fingerprint)",
        unit="squared MMD, Gaussian kernels",
        meaning=(
            "Kernel distance between the clouds of features, each brought to length 1, from means of 512 random "
            "waves. Unbiased: without a difference it scatters around 0."
        ),
        limits=(
            "Images that are in both sets are not known to a fingerprint, and pull the value below 0. A kernel of "
            "random waves stands in for Gaussian kernels of widths 0.25, 0.5, 1 and 2."
        ),
        paper="Gretton et al. 2012; Rahimi & Recht 2007",
        needs="fingerprints",
        signed=True,
        first=True,
    ),
    "frechet_128": Measure(
        name="Frechet distance (fingerprint)",
        unit="squared feature units",
        meaning="As the Frechet distance, in 128 fixed random directions of the feature space, on all images of both.",
        limits=(
            "Biased by the number of images of both sets. The floor is what two samples of these sizes from one normal "
            "distribution give; features with heavier tails give more."
        ),
        paper="Heusel et al. 2017, arXiv:1706.08500",
        needs="fingerprints",
        first=True,
    ),
    "class_aware_128": Measure(
        name="Class-aware distance (fingerprint)",
        unit="squared feature units",
        meaning=(
            "As the class-aware distance, in 128 fixed random directions that are taken as independent of each other."
        ),
        limits=f"Needs class sizes in both fingerprints; classes of fewer than {MIN_CLASS} images are left out.",
        paper="after Alvarez-Melis & Fusi 2020, arXiv:2002.02923",
        needs="fingerprints",
    ),
}
