"""A wrong pixel range and a collapsed network are flagged on real images; good networks and controls are not."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing
from core.doubts import examine

HALF = Preprocessing((96, 96), (0.5,) * 3, (0.5,) * 3)
REAL = ("mnv2_imagenet", "mnv2_inat_bird", "mnv2_inat_insect", "mnv2_035_imagenet_nohead")
RANDOM = ("mobilenetv2_100", "resnet18", "densenet121", "test_vit")
PLACES = {"busi": "targets/busi", "nih_cxr": "targets/nih_cxr/images", "imagenet_1k": "source_samples/imagenet_1k"}
WRONG = {
    "0 to 255": replace(HALF, pixel_range=(0.0, 255.0)),
    "divided by 255 twice": replace(HALF, pixel_range=(0.0, 1 / 255)),
}
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pictures(realdata):
    """A few images of each place."""

    def read(folder):
        files = sorted(path for path in (realdata / folder).rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
        return [np.array(Image.open(file).convert("RGB")) for file in files[:: max(1, len(files) // 8)][:8]]

    return {name: read(folder) for name, folder in PLACES.items()}


def real(realdata, name, weights=None) -> Checkpoint:
    nohead = "035" in name
    return Checkpoint(
        name, "mobilenetv2_035" if nohead else "mobilenetv2_100", "timm",
        str(weights or realdata / "checkpoints" / f"{name}.pth"), {"pad_type": "same"}, 0 if nohead else None,
        preprocessing=HALF,
    )  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_good_networks_are_not_flagged_and_wrong_pixel_ranges_are(realdata, pictures, name):
    network = load_network(real(realdata, name))
    for place, pixels in pictures.items():
        assert examine(network, HALF, pixels)["warnings"] == [], place
        for how, preprocessing in WRONG.items():
            warnings = examine(network, preprocessing, pixels)["warnings"]
            assert warnings and "range looks wrong" in warnings[0], (place, how)


def constant(state):
    """Everything that depends on the image is scaled down until the biases decide."""
    return {name: value * (1e-4 if name == "conv_stem.weight" else 1) for name, value in state.items()}


def silent(state):
    """The last convolution gives the same for every image."""
    return {name: value * (0 if name == "conv_head.weight" else 1) for name, value in state.items()}


@pytest.mark.realdata
@pytest.mark.parametrize("damage", [constant, silent])
@pytest.mark.parametrize("name", REAL)
def test_a_collapsed_network_is_flagged(realdata, pictures, tmp_path, name, damage):
    state = torch.load(realdata / "checkpoints" / f"{name}.pth", weights_only=True)
    torch.save(damage(state), tmp_path / "w.pth")
    network = load_network(real(realdata, name, tmp_path / "w.pth"))
    for place, pixels in pictures.items():
        assert "looks collapsed" in " ".join(examine(network, HALF, pixels)["warnings"]), place


@pytest.mark.realdata
@pytest.mark.parametrize("architecture", RANDOM)
def test_a_random_initialisation_is_not_flagged(pictures, architecture):
    size = replace(HALF, input_size=(160, 160)) if architecture == "test_vit" else HALF
    network = load_network(Checkpoint("r", architecture, "timm", "random", seed=1, preprocessing=size))
    for place, pixels in pictures.items():
        assert examine(network, size, pixels)["warnings"] == [], place


@pytest.fixture
def drawn():
    """Smooth pictures that differ."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 6, 6, 3), np.uint8)
    return [np.array(Image.fromarray(picture).resize((64, 64))) for picture in small]


def trained_like(drawn, preprocessing):
    """A random network whose batch normalisation has seen these pictures in the right range."""
    from core.preprocess import prepare

    torch.manual_seed(0)
    module = timm.create_model("test_resnet").train()
    images = torch.stack([prepare(picture, preprocessing) for picture in drawn])
    with torch.no_grad():
        for _ in range(40):
            module(images)
    return module.state_dict()


def test_running_statistics_tell_a_wrong_range_even_where_large_values_are_right(drawn, tmp_path):
    caffe = Preprocessing((64, 64), (103.939, 116.779, 123.68), (1.0,) * 3, "BGR", (0.0, 255.0))
    torch.save(trained_like(drawn, caffe), tmp_path / "w.pth")
    network = load_network(Checkpoint("a", "test_resnet", "timm", str(tmp_path / "w.pth"), preprocessing=caffe))
    right = examine(network, caffe, drawn)
    assert right["warnings"] == [] and right["against"] == "batch normalisation" and 0.5 < right["scale"] < 2
    squared = replace(caffe, pixel_range=(0.0, 65025.0))
    assert "range looks wrong" in examine(network, squared, drawn)["warnings"][0]


def test_equal_pictures_and_a_single_one_are_no_reason_for_an_error(drawn):
    network = load_network(
        Checkpoint("r", "test_resnet", "timm", "random", preprocessing=replace(HALF, input_size=(64, 64)))
    )
    size = replace(HALF, input_size=(64, 64))
    assert examine(network, size, drawn[:1])["cosine"] is None
    assert "looks collapsed" in " ".join(examine(network, size, [drawn[0]] * 5)["warnings"])


def test_examining_changes_nothing(drawn):
    size = replace(HALF, input_size=(64, 64))
    network = load_network(Checkpoint("r", "test_resnet", "timm", "random", preprocessing=size))
    first = examine(network, size, drawn)
    assert examine(network, size, drawn) == first
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.module.modules())
