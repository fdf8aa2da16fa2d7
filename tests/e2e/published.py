"""Tags on a hub of the tests, as timm publishes networks: model.safetensors and config.json, the weights random."""

from pathlib import Path

import timm
import torch
from timm.models import save_for_hf

from tests.hub_server import Hub


def publish(hub: Hub, tag: str, folder: Path) -> None:
    """Put `tag` on the hub; `folder` is empty and takes the files."""
    torch.manual_seed(0)
    save_for_hf(timm.create_model(tag), folder, safe_serialization=True)
    for file in folder.iterdir():
        hub.put(timm.get_pretrained_cfg(tag).hf_hub_id, file.name, file.read_bytes())
