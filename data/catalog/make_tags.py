"""Makes timm_tags.csv, the table of all pretrained tags of the installed timm: `python data/catalog/make_tags.py`.

Facts that timm records, what the names tell (tag_names.py), and what we measure (measure.py; about 7 minutes).
Needs no network. Sizes measured before are kept for tags that did not change; `--again` measures all.
"""

import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import timm  # noqa: E402

from data.catalog.measure import NOTHING, measure_all  # noqa: E402
from data.catalog.tag_names import pretraining  # noqa: E402

CSV = HERE / "timm_tags.csv"
OPEN_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0")


def main(again: bool) -> None:
    tags = timm.list_pretrained()
    sizes = {} if again else measured_before()
    sizes |= measure_all([tag for tag in tags if tag not in sizes])
    rows = [facts(tag) | sizes[tag] for tag in tags]
    with CSV.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} tags of timm {timm.__version__}")


def measured_before() -> dict[str, dict]:
    if not CSV.exists():
        return {}
    with CSV.open(encoding="utf-8") as file:
        return {row["tag"]: {key: row[key] for key in NOTHING} for row in csv.DictReader(file)}


def facts(tag: str) -> dict:
    """What timm records for `tag`, and what its name tells."""
    cfg = timm.get_pretrained_cfg(tag)
    _, height, width = cfg.input_size
    licence = cfg.license if cfg.license not in (None, "unknown") else ""
    return {
        "tag": tag,
        "architecture": cfg.architecture,
        "family": timm.models.model_entrypoint(cfg.architecture).__module__.rpartition(".")[2],
        **pretraining(tag),
        "input_height": height,
        "input_width": width,
        "mean": " ".join(map(str, cfg.mean)),
        "std": " ".join(map(str, cfg.std)),
        "interpolation": cfg.interpolation,
        "licence": licence,
        "classes": cfg.num_classes,
        "hub_id": cfg.hf_hub_id or "",
        # timm's records have no entry for gating; weights under their owner's own licence often ask for consent.
        "gated": "not recorded" if licence in OPEN_LICENCES or not licence else "may be: own licence",
    }


if __name__ == "__main__":
    main("--again" in sys.argv[1:])
