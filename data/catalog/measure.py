"""How large timm's networks are, measured on the meta device: nothing is downloaded, no memory is filled.

Counted are the multiply-adds of all convolutions and matrix products in one forward pass of one image, the two of
attention included (torch's FlopCounterMode, halved). Norms, activations, pooling, resizing and sums are not.
"""

import warnings
from concurrent.futures import ProcessPoolExecutor

import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

NOTHING = {"parameters_m": None, "backbone_m": None, "multiply_adds_g": None, "features": None}


def measure(tag: str) -> dict:
    """`parameters_m` (millions, with the head that the weights have), `backbone_m` (without its classifier),
    `multiply_adds_g` (1e9, at the recorded input size, with the head) and `features` (width of the pooled embedding);
    None where the network does not run on the meta device or gives no embedding."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    try:
        with torch.device("meta"):
            network = timm.create_model(tag, pretrained=False).eval().requires_grad_(False)
    except Exception as error:
        print(f"{tag}: not built: {type(error).__name__}: {str(error)[:200]}", flush=True)
        return dict(NOTHING)
    whole = _millions(network)
    found = NOTHING | {"parameters_m": round(whole, 3), "backbone_m": round(whole - _classifier(network), 3)}
    try:
        with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
            image = torch.zeros(1, *timm.get_pretrained_cfg(tag).input_size)
            maps = network.forward_features(image)
            network.forward_head(maps)
        flops = counter.get_total_flops()
        with torch.device("meta"), torch.no_grad():
            embedding = network.forward_head(maps, pre_logits=True)
    except Exception as error:
        print(f"{tag}: not run: {type(error).__name__}: {str(error)[:200]}", flush=True)
        return found
    width = embedding.shape[1] if embedding.ndim == 2 else None
    return found | {"multiply_adds_g": round(flops / 2e9, 3), "features": width}


def _millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def _classifier(network: torch.nn.Module) -> float:
    """Millions of parameters in the last layer, or in both where a distilled network has two."""
    try:
        heads = network.get_classifier()
    except (AttributeError, NotImplementedError):
        return 0.0
    heads = heads if isinstance(heads, (tuple, list)) else [heads]
    return sum(_millions(head) for head in heads if isinstance(head, torch.nn.Module))


def measure_all(tags: list[str], processes: int = 2) -> dict[str, dict]:
    """`measure` for each tag."""
    found = {}
    with ProcessPoolExecutor(processes) as pool:
        for number, (tag, facts) in enumerate(zip(tags, pool.map(measure, tags, chunksize=4), strict=True), 1):
            found[tag] = facts
            if number % 50 == 0:
                print(f"{number} of {len(tags)} measured", flush=True)
    return found
