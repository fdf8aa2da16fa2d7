"""Known files: every record fills in a form that is a valid checkpoint, and says only what has a source."""

import pytest
import torch
import torchvision

from core.backbone import check_checkpoint
from core.checkpoint_form import BLANK, checkpoint_of
from core.known_files import fields_of_known, known_files


@pytest.mark.parametrize("key", known_files())
def test_a_known_file_fills_in_the_form(key):
    record = known_files()[key]
    for choice in range(max(1, len(record["preprocessing"]))):
        fields = BLANK | fields_of_known(key, choice) | {"weights": "/w.pth"}
        fields["architecture"] = fields["architecture"] or "resnet50"
        checkpoint = checkpoint_of(fields)
        assert checkpoint.source == record["source"] and checkpoint.licence == record["licence"]
        assert checkpoint.verified == bool(record["preprocessing"])
    assert record["facts"] and all(known["source"] for known in record["preprocessing"])


@pytest.mark.parametrize("key", [key for key in known_files() if key.startswith("radimagenet")])
def test_the_two_preprocessings_of_radimagenet_are_two_choices_that_are_stated(key):
    example, keras = (checkpoint_of(BLANK | fields_of_known(key, i) | {"weights": "/w.pth"}) for i in (0, 1))
    assert example.preprocessing.color == keras.preprocessing.color == "BGR"
    assert example.preprocessing != keras.preprocessing
    assert "issue 18" in example.preprocessing_source and example.name != keras.name


@pytest.mark.parametrize("name", ["resnet50", "densenet121"])
def test_a_file_laid_out_like_radimagenets_loads_as_filled_in(name, tmp_path):
    module = getattr(torchvision.models, name)()
    body = torch.nn.Sequential(*list(module.children())[:-1])
    torch.save({f"backbone.{key}": value for key, value in body.state_dict().items()}, tmp_path / "w.pt")
    fields = BLANK | fields_of_known(f"radimagenet_{name}") | {"weights": str(tmp_path / "w.pt")}
    report = check_checkpoint(checkpoint_of(fields))
    assert report["ok"], report["error"]
    assert report["head"] == "none" and "Renamed" in " ".join(report["problems"])
