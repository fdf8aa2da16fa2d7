"""What timm records for a pretrained tag. Imports timm, so the UI runs it as a process:

python -m core.tags IN.json OUT.json
"""

import json
import sys
from pathlib import Path

import timm


def recorded_preprocessing(tag: str) -> dict:
    """`input_size`, `mean`, `std` and `color` of `tag` for `core.catalog.Preprocessing`; {} for an unknown tag."""
    try:
        facts = timm.get_pretrained_cfg(tag)
    except RuntimeError:
        return {}
    if facts is None:
        return {}
    channels, *size = facts.input_size
    return {
        "input_size": size,
        "mean": list(facts.mean)[:channels],
        "std": list(facts.std)[:channels],
        "color": "grey" if channels == 1 else "RGB",
    }


if __name__ == "__main__":
    tag = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(recorded_preprocessing(tag)), encoding="utf-8")
