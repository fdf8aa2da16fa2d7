"""A wrong pixel range and a collapsed network are flagged on real images; good networks and controls are not."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing
from core.doubts import ALIKE, HIGHEST_SCALE, LOWEST_SCALE, examine

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


def real(realdata, name, weights=None, preprocessing=HALF) -> Checkpoint:
    nohead = "035" in name
    return Checkpoint(
        name, "mobilenetv2_035" if nohead else "mobilenetv2_100", "timm",
        str(weights or realdata / "checkpoints" / f"{name}.pth"), {"pad_type": "same"}, 0 if nohead else None,
        preprocessing=preprocessing,
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


# What follows looks at the networks' own input size, on eight images of every target set: one test for each fault.
OWN = replace(HALF, input_size=(224, 224))
THREE = ("busi", "nih_cxr", "pneumoniamnist")


@pytest.fixture(scope="module")
def targets(realdata):
    """Eight images of every target set."""

    def read(name):
        files = sorted((realdata / "targets" / name).rglob("*.jp*g"))
        return [np.array(Image.open(file).convert("RGB")) for file in files[:: len(files) // 8][:8]]

    grey = np.load(realdata / "targets" / "pneumoniamnist.npz")["train_images"][::600][:8]
    return {name: read(name) for name in ("busi", "brain_mri", "covid_xray", "nih_cxr")} | {
        "pneumoniamnist": list(grey)
    }


@pytest.fixture(scope="module", params=REAL)
def own(realdata, request):
    return load_network(real(realdata, request.param, preprocessing=OWN))


@pytest.mark.realdata
def test_at_its_own_size_a_good_network_is_far_from_every_limit_on_every_target(own, targets):
    """Also where images are smooth (28 pixels enlarged), which the spread behind the first layer is not free of."""
    for place, pixels in targets.items():
        found = examine(own, OWN, pixels)
        assert found["warnings"] == [], place
        assert 10 * LOWEST_SCALE < found["scale"] < HIGHEST_SCALE / 10, place
        assert found["cosine"] < 0.95 and found["rank"] > 2 and found["dead_embedding"] < 0.7, place


@pytest.mark.realdata
@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.45, 1.0), (0.45, 0.225)])
def test_at_its_own_size_documented_ranges_from_0_to_1_are_not_doubted(realdata, targets, mean, std):
    preprocessing = replace(OWN, mean=(mean,) * 3, std=(std,) * 3)
    network = load_network(real(realdata, REAL[-1], preprocessing=preprocessing))
    assert [examine(network, preprocessing, pixels)["warnings"] for pixels in targets.values()] == [[]] * 5


@pytest.mark.realdata
@pytest.mark.parametrize("how, beyond", [("0 to 255", HIGHEST_SCALE * 4), ("divided by 255 twice", LOWEST_SCALE / 4)])
def test_at_its_own_size_a_wrong_range_is_flagged(own, targets, how, beyond):
    for place in THREE:
        found = examine(own, replace(WRONG[how], input_size=(224, 224)), targets[place])
        assert "range looks wrong" in found["warnings"][0], place
        assert found["scale"] > beyond > 1 or found["scale"] < beyond < 1, place


@pytest.mark.realdata
def test_at_its_own_size_minus_1_to_1_instead_of_0_to_1_is_not_found(own, targets):
    """A factor of two lies within what targets differ by; the module says that it is not found."""
    doubled = replace(OWN, pixel_range=(-1.0, 1.0))
    for place in THREE:
        assert examine(own, doubled, targets[place])["warnings"] == [], place


@pytest.mark.realdata
@pytest.mark.parametrize("damage", [constant, silent])
def test_at_its_own_size_a_collapsed_network_is_flagged(realdata, targets, tmp_path, damage):
    for name in REAL:
        state = torch.load(realdata / "checkpoints" / f"{name}.pth", weights_only=True)
        torch.save(damage(state), tmp_path / "w.pth")
        network = load_network(real(realdata, name, tmp_path / "w.pth", OWN))
        for place in THREE:
            found = examine(network, OWN, targets[place])
            assert "looks collapsed" in " ".join(found["warnings"]), (name, place)
            assert 1 - found["cosine"] < (1 - ALIKE) / 5 or found["dead_embedding"] == 1, (name, place)


@pytest.mark.realdata
@pytest.mark.parametrize("architecture", ["regnety_002", "resnet18", "vit_tiny_patch16_224"])
def test_at_its_own_size_a_random_initialisation_is_not_flagged_on_any_target(targets, architecture):
    """RegNetY sees little but brightness in brain MRI: mean cosine 0.9998, effective rank 1.02."""
    network = load_network(Checkpoint("r", architecture, "timm", "random", seed=1, preprocessing=OWN))
    assert [examine(network, OWN, pixels)["warnings"] for pixels in targets.values()] == [[]] * 5


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
