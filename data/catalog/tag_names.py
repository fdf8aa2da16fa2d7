"""What the name of a timm pretrained tag tells about pretraining: `vit_base_patch16_clip_224.laion2b_ft_in12k_in1k`.

Behind the first dot, data sets stand in the order in which they were used. Where the name is silent, the hand-checked
table timm_untold.toml is asked; what it does not know either stays unknown.
"""

import fnmatch
import re
import tomllib
from pathlib import Path

UNTOLD = tomllib.loads((Path(__file__).parent / "timm_untold.toml").read_text(encoding="utf-8"))["untold"]
UNKNOWN = "unknown"
# Longer names first where one begins with another.
DATA = {
    "in1k": "ImageNet-1K", "in12k": "ImageNet-12K", "inw21k": "ImageNet-21K (winter)", "in21k": "ImageNet-21K",
    "in22k": "ImageNet-22K", "laion2b": "LAION-2B", "laion400m": "LAION-400M", "laiona": "LAION-Aesthetics",
    "webli": "WebLI", "openai": "OpenAI WIT", "dfndr2b": "DFNDR-2B", "dfn2b": "DFN-2B", "dfn5b": "DFN-5B",
    "metaclip2_worldwide": "MetaCLIP 2 worldwide", "metaclip_2pt5b": "MetaCLIP 2.5B", "metaclip_400m": "MetaCLIP 400M",
    "metaclip_altogether": "MetaCLIP Altogether", "datacomp1b": "DataComp-1B", "datacompxl": "DataComp-XL",
    "lvd142m": "LVD-142M", "lvd1689m": "LVD-1689M", "sat493m": "SAT-493M", "ig1b": "Instagram-1B",
    "yfcc100m": "YFCC-100M", "yfcc15m": "YFCC-15M", "cc12m": "CC12M", "merged2b": "Merged-2B", "m38m": "Merged-38M",
    "m30m": "Merged-30M", "jft": "JFT-300M", "sa1b": "SA-1B", "bamboo": "Bamboo",
}  # fmt: skip
_FINE_TUNED = re.compile(r"(?<![a-z0-9])ft_")
_WORD = re.compile(r"(?<![a-z0-9])(" + "|".join(DATA) + r")(?![a-z0-9])")
# The first rule that fits names the kind of the first step: how the network was taught before any fine-tuning.
_KINDS = [
    ("weakly or semi-supervised", r"(?<![a-z0-9])(ssl|swsl|wsl|swag|ns_jft)(?![a-z0-9])"),
    ("self-supervised", r"(?<![a-z0-9])(dino|lvd\d+m|sat493m|mae|fcmae|ijepa|mim|seer|m30m)(?![a-z0-9])"),
    ("image-text", r"clip|(?<![a-z0-9])(laion\w*|webli|openai|dfn\w+|datacomp\w*|cc12m|yfcc15m|merged2b)(?![a-z0-9])"),
    ("distilled", r"(?<![a-z0-9])(dist|distilled|ssld|usi)(?![a-z0-9])"),
]
# Masked image modelling, though the name does not say so (docstrings of timm/models/beit.py and eva.py).
_MASKED = ("beit_*.in22k_*", "beitv2_*.in1k_ft_*", "eva_*.in22k_ft_*")


def pretraining(tag: str) -> dict:
    """`data` in words ("LAION-2B, then ImageNet-1K"), its first step `first_data`, `kind` of that step, and
    `told_by`: "name", or where the table read it, or "" for unknown."""
    recipe = tag.partition(".")[2]
    steps = [DATA[word] for word in _WORD.findall(recipe)]
    row = next((row for row in UNTOLD if any(fnmatch.fnmatchcase(tag, pattern) for pattern in row["tags"])), None)
    if row:
        steps = row["all"] if "all" in row else row["data"] + steps
    elif (tuned := _FINE_TUNED.search(recipe)) and not _WORD.search(recipe[: tuned.start()]):
        steps = [UNKNOWN, *steps]
    kind = row["kind"] if row else _kind(tag, recipe, steps)
    steps = steps or [UNKNOWN]
    told_by = row["read"] if row else "name" if steps[0] != UNKNOWN else ""
    return {"data": ", then ".join(steps), "first_data": steps[0], "kind": kind, "told_by": told_by}


def _kind(tag: str, recipe: str, steps: list[str]) -> str:
    if any(fnmatch.fnmatchcase(tag, pattern) for pattern in _MASKED):
        return "self-supervised"
    for kind, pattern in _KINDS:
        if re.search(pattern, recipe):
            return kind
    if "distilled" in tag.partition(".")[0]:
        return "distilled"
    return "supervised" if steps and steps[0] != UNKNOWN else UNKNOWN
