"""How close feature extraction from JPEG files comes to the speed of the network alone, and how flat memory stays.

    python -m tests.benchmarks.features [--device cuda] [--images 256] [--architecture resnet50] [--memory]

Files and ready tensors take turns, and the ratio is the median over the turns, so that other work on the machine
falls on both. Images are synthetic and lie in a temporary folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.backbone import Network, load_network
from core.catalog import Checkpoint, Preprocessing
from core.features import extract_features

BATCH = 32
PREPROCESSING = Preprocessing()


class JpegFiles:
    """The images of a folder, decoded when asked for; `repeat` times over."""

    def __init__(self, folder: Path, repeat: int = 1):
        self.files = sorted(folder.glob("*.jpg")) * repeat

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> np.ndarray:
        with Image.open(self.files[i]) as image:
            return np.asarray(image.convert("RGB"))


def write_jpegs(folder: Path, count: int, size: int) -> JpegFiles:
    """`count` images of `size` x `size` pixels with the detail of a photograph (about 25 kB at 224 px)."""
    rng = np.random.default_rng(0)
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{i:05d}.jpg", quality=90)
    return JpegFiles(folder)


def tiny_network() -> Network:
    return load_network(Checkpoint("tiny", "test_resnet", "timm", "random", preprocessing=PREPROCESSING))


def seconds_from_files(network: Network, files: JpegFiles, out: Path, device: str, workers: int | None) -> float:
    began = time.perf_counter()
    extract_features(network, PREPROCESSING, files, range(len(files)), out, device, BATCH, workers)
    return time.perf_counter() - began


@torch.no_grad()
def seconds_from_tensors(network: Network, count: int, device: str) -> float:
    """The network alone on a batch that is already on the device, at the same precision."""
    batch = torch.rand(BATCH, 3, *PREPROCESSING.input_size, device=device)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            network.features(batch[: min(BATCH, count - start)]).cpu()
        return time.perf_counter() - began


def throughput(arguments: argparse.Namespace, size: int) -> dict:
    """Images per second from files of `size` px and from ready tensors, and the median ratio of the two."""
    network = load_network(
        Checkpoint("bench", arguments.architecture, "timm", "random", preprocessing=PREPROCESSING), arguments.device
    )
    with tempfile.TemporaryDirectory() as folder:
        files = write_jpegs(Path(folder), arguments.images, size)
        out = Path(folder) / "features.npy"
        n = len(files)
        seconds_from_tensors(network, BATCH, arguments.device)  # warm-up
        pairs = []
        for _ in range(arguments.repeats):
            before = seconds_from_tensors(network, n, arguments.device)
            from_files = seconds_from_files(network, files, out, arguments.device, arguments.workers)
            after = seconds_from_tensors(network, n, arguments.device)
            pairs.append(((before + after) / 2, from_files))
    return {
        "architecture": arguments.architecture,
        "device": arguments.device,
        "precision": "float32",
        "threads": torch.get_num_threads(),
        "loader_processes": "default" if arguments.workers is None else arguments.workers,
        "image_px": size,
        "images": n,
        "tensors_per_s": round(n / statistics.median(ready for ready, _ in pairs), 2),
        "files_per_s": round(n / statistics.median(files for _, files in pairs), 2),
        "ratio": round(statistics.median(ready / files for ready, files in pairs), 3),
        "ratios": [round(ready / files, 3) for ready, files in pairs],
    }


def peak_memory(count: int, device: str) -> dict:
    """Peak resident memory (MB) of a process of its own that extracts `count` images with a tiny network."""
    command = [sys.executable, "-m", "tests.benchmarks.features", "--peak", str(count), "--device", device]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(count: int, device: str) -> None:
    import resource

    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder), 100, 224)
        files = JpegFiles(Path(folder), repeat=count // 100)
        network = tiny_network()
        started = resident_mb()
        extract_features(network, PREPROCESSING, files, range(count), Path(folder) / "features.npy", device, BATCH)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"images": count, "before_mb": round(started), "peak_mb": round(peak)}))


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--threads", type=int, default=max(1, torch.get_num_threads() - 1), help="torch's threads")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="peak memory at 1,000 and 20,000 images instead")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print_peak(arguments.peak, arguments.device)
    elif arguments.memory:
        for count in (1_000, 20_000):
            print(json.dumps(peak_memory(count, arguments.device)), flush=True)
    else:
        for size in (224, 1024):
            print(json.dumps(throughput(arguments, size)), flush=True)


if __name__ == "__main__":
    main()
