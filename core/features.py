"""Embeddings of many images into one .npy file, at the network's speed and in memory that does not grow with them."""

import errno
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from core.backbone import Network
from core.catalog import Preprocessing
from core.errors import CheckpointError, SourceScoutError
from core.preprocess import normalise, resize

MOST_WORKERS = 8


def require_device(name: str) -> torch.device:
    """The device called `name` ("cpu", "cuda" or "cuda:1"); SourceScoutError when this machine does not have it."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise SourceScoutError(f'There is no device "{name}".', 'Use "cpu" or "cuda".')
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        why = "PyTorch was installed without CUDA" if torch.version.cuda is None else "PyTorch finds no such GPU"
        raise SourceScoutError(f'The device "{name}" cannot be used: {why}.', "Choose the CPU, or check the driver.")
    return device


def extract_features(
    network: Network,
    preprocessing: Preprocessing,
    pixels: Sequence[np.ndarray],
    indices: Sequence[int],
    out: Path,
    device: str = "cpu",
    batch_size: int = 32,
    workers: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The embeddings of `pixels[i]` for i in `indices`, in that order, as `out` (.npy): (N, D) float32, memory-mapped.

    Precision: float32 throughout, on a GPU too (no autocast, no TF32), with deterministic convolutions.
    `workers`: processes that decode and resize; None: up to 8 for a GPU, none on the CPU (a thread prepares the next
    batch). `on_batch(done)` is called after each batch; what it raises ends the work and removes the unfinished file.
    CheckpointError for features that are not finite, or a GPU with too little memory for half a batch;
    SourceScoutError for a full disk; the errors of `pixels` as they are.
    """
    where = require_device(device)
    network.module.to(where)
    batches = _Batches(pixels, preprocessing, np.asarray(indices), batch_size)
    done, parts = 0, 1
    with _npy_file(Path(out), len(indices), network.feature_dim) as file, _exact_float32():
        for images in _loaded(batches, where, workers):
            images = normalise(images.to(where, non_blocking=True), preprocessing)
            features, parts = _features(network, images, parts)
            file.write(_finite(features).tobytes())
            done += len(features)
            if on_batch:
                on_batch(done)
    return np.load(out, mmap_mode="r")


class _Batches(Dataset):
    """Whole batches of resized images as uint8 (B, C, h, w), or the error that an image raised (errors with two
    arguments do not survive the way back from a loader process)."""

    def __init__(self, pixels: Sequence[np.ndarray], preprocessing: Preprocessing, indices: np.ndarray, size: int):
        self.pixels, self.preprocessing, self.indices, self.size = pixels, preprocessing, indices, size

    def __len__(self) -> int:
        return -(-len(self.indices) // self.size)

    def __getitem__(self, k: int) -> torch.Tensor | SourceScoutError:
        rows = self.indices[k * self.size : (k + 1) * self.size]
        try:
            return torch.stack([resize(self.pixels[int(row)], self.preprocessing) for row in rows])
        except SourceScoutError as error:
            return error


def _loaded(batches: _Batches, device: torch.device, workers: int | None) -> Iterator[torch.Tensor]:
    """The batches in order, prepared while the network computes: by processes, or by one thread for 0 workers."""
    on_gpu = device.type == "cuda"
    if workers is None:
        workers = min(MOST_WORKERS, max(1, _cpus() - 1)) if on_gpu else 0
    source = DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=on_gpu)
    for images in source if workers else _one_ahead(batches):
        if isinstance(images, SourceScoutError):
            raise images
        yield images


def _one_ahead(batches: _Batches) -> Iterator[torch.Tensor | SourceScoutError]:
    with ThreadPoolExecutor(1) as thread:
        waiting = deque()
        for k in range(len(batches)):
            waiting.append(thread.submit(batches.__getitem__, k))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        for last in waiting:
            yield last.result()


def _cpus() -> int:
    """The cores that this process may use, which a container or a cluster may have made fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@torch.no_grad()
def _features(network: Network, images: torch.Tensor, parts: int) -> tuple[torch.Tensor, int]:
    """The features of a batch taken in `parts`, and in how many parts the next one is best taken: 2 once the GPU
    was full."""
    try:
        return torch.cat([network.features(chunk) for chunk in images.chunk(parts)]), parts
    except torch.OutOfMemoryError:
        if parts > 1:
            raise CheckpointError(
                f"The GPU's memory does not hold this network with {-(-len(images) // parts)} images at a time.",
                "Close other programs that use the GPU, or choose the CPU.",
            ) from None
    torch.cuda.empty_cache()
    return _features(network, images, 2)


def _finite(features: torch.Tensor) -> np.ndarray:
    if not features.isfinite().all():
        raise CheckpointError(
            "The network gives NaN or infinite features on these images.",
            "Check the checkpoint's preprocessing (mean, std, pixel range) and its weights.",
        )
    return features.cpu().numpy()


@contextmanager
def _exact_float32() -> Iterator[None]:
    """float32 without TF32 and with deterministic convolutions: the same images give the same features."""
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        yield


@contextmanager
def _npy_file(out: Path, rows: int, columns: int) -> Iterator[BinaryIO]:
    """A float32 .npy file of (rows, columns), written row after row, that is there only once it is complete.

    Not memory-mapped: pages written through a map count as this process's memory, and a full disk would kill it.
    """
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
    needed = rows * columns * 4
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(out.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with open(part, "wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            yield file
        os.replace(part, out)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what, remedy = f"The disk is full: the features need {needed / 2**20:.0f} MiB", "Make room there"
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            what, remedy = f"The features cannot be written ({error.strerror})", "Check the rights there"
        else:
            raise
        raise SourceScoutError(
            f"{what} in {out.parent}.", f"{remedy}, or set SOURCESCOUT_HOME to another disk."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink()
