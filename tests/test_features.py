"""Preprocessing and extraction: the right pixels go in, the right rows come out, and nothing half-done stays."""

import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing
from core.errors import CheckpointError, SourceScoutError, TargetError
from core.features import extract_features, require_device
from core.preprocess import prepare

PLAIN = Preprocessing(input_size=(32, 32), mean=(0.0,) * 3, std=(1.0,) * 3)
RNG = np.random.default_rng(0)
pytestmark = pytest.mark.usefixtures("one_thread")


def _picture(height: int, width: int) -> np.ndarray:
    """Smooth colours with an edge, so that resizing has something to get wrong."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [255 * x / width, 255 * y / height, 255 * (x + y > width)]
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("height, width", [(100, 60), (20, 300), (7, 9), (32, 32)])
def test_the_whole_image_is_resized_as_pillow_resizes_it(height, width):
    pixels = _picture(height, width)
    prepared = prepare(pixels, PLAIN) * 255
    expected = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR))
    assert prepared.shape == (3, 32, 32) and prepared.dtype == torch.float32
    assert np.abs(prepared.permute(1, 2, 0).numpy() - expected).max() <= 1.01


def test_a_network_that_is_not_square_gets_height_before_width():
    assert prepare(_picture(50, 50), Preprocessing(input_size=(16, 48))).shape == (3, 16, 48)


def test_mean_and_std_apply_to_values_in_the_pixel_range_per_channel():
    pixels = np.full((32, 32, 3), (0, 51, 255), dtype=np.uint8)
    settings = Preprocessing((32, 32), (0.5, 0.4, 0.3), (0.1, 0.2, 0.5), "RGB", (-1.0, 1.0))
    means = prepare(pixels, settings).mean(dim=(1, 2))
    torch.testing.assert_close(means, torch.tensor([(-1 - 0.5) / 0.1, (-0.6 - 0.4) / 0.2, (1 - 0.3) / 0.5]))
    bytes_kept = prepare(pixels, Preprocessing((32, 32), (0.0,) * 3, (1.0,) * 3, "RGB", (0.0, 255.0)))
    torch.testing.assert_close(bytes_kept.mean(dim=(1, 2)), torch.tensor([0.0, 51.0, 255.0]))


def test_bgr_networks_get_blue_first():
    pixels = _picture(32, 32)
    swapped = Preprocessing((32, 32), (0.0,) * 3, (1.0,) * 3, "BGR")
    torch.testing.assert_close(prepare(pixels, swapped), prepare(pixels, PLAIN).flip(0))


def test_grey_images_are_repeated_for_colour_networks():
    grey = _picture(40, 50)[..., 0]
    torch.testing.assert_close(prepare(grey, PLAIN), prepare(np.stack([grey] * 3, axis=-1), PLAIN))


def test_colour_images_become_luminance_for_grey_networks_as_in_pillow():
    pixels = RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    settings = Preprocessing((32, 32), (0.0,), (1.0,), "grey", (0.0, 255.0))
    expected = np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.float32)
    torch.testing.assert_close(prepare(pixels, settings)[0], torch.from_numpy(expected))
    assert prepare(pixels[..., 0], settings).shape == (1, 32, 32)


def test_preparing_leaves_read_only_pixels_as_they_were():
    pixels = _picture(40, 40)
    before = pixels.copy()
    pixels.flags.writeable = False
    assert torch.equal(prepare(pixels, PLAIN), prepare(before, PLAIN))
    assert np.array_equal(pixels, before)


# --- extraction ------------------------------------------------------------------------------------------------

IMAGES = [RNG.integers(0, 256, (40, 30 + i) if i % 3 else (40, 30 + i, 3), dtype=np.uint8) for i in range(23)]


@pytest.fixture(scope="module")
def network():
    return load_network(Checkpoint("tiny", "test_resnet", "timm", "random", preprocessing=PLAIN))


class _Fake:
    """A network of our own making: `embed` maps prepared images to features."""

    feature_dim, module = 3, torch.nn.Identity()

    def __init__(self, embed=lambda images: images.mean(dim=(2, 3))):
        self.features = embed


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_are_the_features_of_the_chosen_images_in_their_order(network, tmp_path, workers):
    indices, seen = np.array([22, 3, 3, 0, 17, 9, 1]), []
    features = extract_features(
        network, PLAIN, IMAGES, indices, tmp_path / "f.npy", batch_size=3, workers=workers, on_batch=seen.append
    )
    with torch.no_grad():
        expected = torch.cat([network.features(prepare(IMAGES[i], PLAIN)[None]) for i in indices])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert np.array_equal(np.load(tmp_path / "f.npy"), features)
    assert seen == [3, 6, 7]
    assert _files(tmp_path) == ["f.npy"]


def test_the_same_images_give_the_same_bytes(network, tmp_path):
    for name in ("a.npy", "b.npy"):
        extract_features(network, PLAIN, IMAGES, range(23), tmp_path / name)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_cancelling_between_batches_leaves_nothing_behind(tmp_path):
    def cancel(done: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_features(_Fake(), PLAIN, IMAGES, range(23), tmp_path / "f.npy", batch_size=4, on_batch=cancel)
    assert _files(tmp_path) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_keeps_its_own_error(tmp_path, workers):
    class Broken(list):
        def __getitem__(self, i):
            if i == 5:
                raise TargetError("`x/5.png` cannot be read.", "Remove it.")
            return super().__getitem__(i)

    with pytest.raises(TargetError) as caught:
        extract_features(_Fake(), PLAIN, Broken(IMAGES), range(23), tmp_path / "f.npy", batch_size=4, workers=workers)
    assert (caught.value.message, caught.value.remedy) == ("`x/5.png` cannot be read.", "Remove it.")
    assert _files(tmp_path) == []


def test_features_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="preprocessing"):
        extract_features(_Fake(lambda x: x.mean(dim=(2, 3)) / 0), PLAIN, IMAGES, range(23), tmp_path / "f.npy")
    assert _files(tmp_path) == []


def _gpu_that_holds(images_at_once: int, sizes: list[int]):
    def embed(images: torch.Tensor) -> torch.Tensor:
        if len(images) > images_at_once:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(images))
        return images.mean(dim=(2, 3))

    return _Fake(embed)


def test_a_full_gpu_is_tried_again_with_half_the_batch(tmp_path):
    sizes = []
    halved = extract_features(_gpu_that_holds(5, sizes), PLAIN, IMAGES, range(23), tmp_path / "a.npy", batch_size=10)
    whole = extract_features(_Fake(), PLAIN, IMAGES, range(23), tmp_path / "b.npy", batch_size=10)
    np.testing.assert_array_equal(halved, whole)
    assert sizes == [5, 5, 5, 5, 2, 1]


def test_a_gpu_too_small_for_half_a_batch_says_what_to_do(tmp_path):
    with pytest.raises(CheckpointError, match="choose the CPU"):
        extract_features(_gpu_that_holds(4, []), PLAIN, IMAGES, range(23), tmp_path / "f.npy", batch_size=10)
    assert _files(tmp_path) == []


def test_too_little_disk_space_is_found_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("core.features.shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    network = _Fake()
    network.feature_dim = 100_000
    with pytest.raises(SourceScoutError, match="need 9 MiB"):
        extract_features(network, PLAIN, IMAGES, range(23), tmp_path / "f.npy", on_batch=pytest.fail)
    assert _files(tmp_path) == []


def test_a_disk_that_fills_up_on_the_way_is_reported_with_what_is_needed(tmp_path, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            if len(data) < 100:  # the features; the header is longer
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    monkeypatch.setattr("core.features.open", lambda *a: Full(open(*a)), raising=False)  # noqa: SIM115
    with pytest.raises(SourceScoutError, match="The disk is full"):
        extract_features(_Fake(), PLAIN, IMAGES, range(23), tmp_path / "f.npy", batch_size=4)
    assert _files(tmp_path) == []


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(SourceScoutError, match='no device "tpu"'):
        require_device("tpu")
    with pytest.raises(SourceScoutError, match="cuda:99"):
        require_device("cuda:99")
    assert require_device("cpu").type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_features_of_the_cpu(network, tmp_path):
    on_gpu = extract_features(network, PLAIN, IMAGES, range(23), tmp_path / "g.npy", "cuda", batch_size=5)
    on_cpu = extract_features(network, PLAIN, IMAGES, range(23), tmp_path / "c.npy", "cpu", batch_size=5)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-3, atol=1e-4)


@pytest.mark.realdata
def test_mobilenet_recognises_imagenet_images(realdata, tmp_path):
    """Top-1 on 200 images of 200 classes: 0.80; BGR gives 0.58, pixels in [0, 1] 0.69, other mean and std 0.56."""
    settings = Preprocessing((224, 224), (0.5,) * 3, (0.5,) * 3)
    checkpoint = Checkpoint("mnv2", "mobilenetv2_100", "timm", str(realdata / "checkpoints" / "mnv2_imagenet.pth"),
                            kwargs={"pad_type": "same"}, preprocessing=settings)  # fmt: skip
    network = load_network(checkpoint)
    files = sorted((realdata / "source_samples" / "imagenet_1k").glob("*.jpg"))
    pixels = _Opened(files)
    chosen = np.arange(2, 1000, 5)
    features = extract_features(network, settings, pixels, chosen, tmp_path / "f.npy")
    with torch.no_grad():
        best = network.module.classifier(torch.from_numpy(features.copy())).argmax(dim=1).numpy()
    assert (best == chosen + 1).mean() > 0.75  # class 0 is the background, the others sorted WordNet ids
    assert len(np.unique(features, axis=0)) == 200 and features.std() > 0.1


class _Opened:
    def __init__(self, files: list[Path]):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> np.ndarray:
        with Image.open(self.files[i]) as image:
            return np.asarray(image.convert("RGB"))
