"""Names in weights files: the entries that a refusal proposes make the file load, and nothing is left out unasked."""

import tomllib
from dataclasses import replace

import pytest
import timm
import torch
import torchvision

from core.backbone import check_checkpoint, load_network
from core.catalog import Checkpoint, Preprocessing, checkpoint_record, parse_checkpoint
from core.errors import CheckpointError
from core.mismatch import propose
from core.naming import adapt, as_toml

SMALL = Preprocessing(input_size=(64, 64))


def under(prefix):
    return lambda state: {f"{prefix}{name}": value for name, value in state.items()}


def self_supervised(state):
    """Two encoders, the second a moving average, a queue and a projection head instead of a classifier (MoCo)."""
    body = {name: value for name, value in state.items() if not name.startswith("fc.")}
    both = {f"module.encoder_{which}.{name}": value + (which == "k") for which in "qk" for name, value in body.items()}
    heads = {f"module.encoder_{which}.fc.0.weight": torch.ones(3, 512) for which in "qk"}
    return {**both, **heads, "module.queue": torch.ones(4)}


def numbered(state):
    """The parts of torchvision's ResNet but its head, as an `nn.Sequential` numbers them (RadImageNet's files)."""
    parts = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
    split = ((*name.partition("."), value) for name, value in state.items() if not name.startswith("fc."))
    return {f"backbone.{parts[first]}.{rest}": value for first, _, rest, value in split}


CASES = {
    "a prefix": (under("module."), {"strip_prefix": "module."}),
    "two prefixes": (under("module.encoder."), {"strip_prefix": "module.encoder."}),
    "another head beside": (lambda s: s | {"rotation.weight": torch.ones(2)}, {"ignore": ["rotation."]}),
    "a name that other names begin with": (lambda s: s | {"queue": torch.ones(2)}, {"ignore": ["queue"]}),
    "two encoders and a projection head": (
        self_supervised,
        {
            "strip_prefix": "module.encoder_q.",
            "num_classes": 0,
            "ignore": ["module.encoder_k.", "module.encoder_q.fc.", "module.queue"],
        },  # fmt: skip
    ),
    "numbered parts": (numbered, {"strip_prefix": "backbone."}),
}
ENTRIES = ("strip_prefix", "ignore", "rename", "num_classes")


@pytest.mark.parametrize("change, expected", CASES.values(), ids=CASES)
def test_a_refused_file_loads_with_the_entries_that_the_refusal_proposes(change, expected, tmp_path):
    torch.manual_seed(0)
    module = torchvision.models.resnet18(num_classes=5).eval()
    changed = change(module.state_dict())
    torch.save({"state_dict": changed, "epoch": 3}, tmp_path / "w.pth")
    refused = Checkpoint("mine", "resnet18", "torchvision", str(tmp_path / "w.pth"), preprocessing=SMALL)
    with pytest.raises(CheckpointError) as caught:
        load_network(refused)
    proposed = propose(changed, module.state_dict(), [name for name, _ in module.named_children()], "fc")[0]
    assert f"set {as_toml(proposed)}." in caught.value.remedy
    assert tomllib.loads(f"checkpoint = {{ {as_toml(proposed)} }}")["checkpoint"] == proposed
    assert {key: proposed[key] for key in expected} == expected
    record = checkpoint_record(refused) | proposed
    accepted = parse_checkpoint(record, tmp_path)
    assert parse_checkpoint(checkpoint_record(accepted), tmp_path) == accepted
    network = load_network(accepted)
    images = torch.rand(2, 3, 64, 64)
    module.fc = torch.nn.Identity()
    with torch.no_grad():
        torch.testing.assert_close(network.features(images), module(images))
    told = " ".join(check_checkpoint(accepted)["problems"])
    assert "not used: epoch" in told
    for entry in proposed.get("ignore", []):
        assert entry in told
    assert ("taken off" in told) == ("strip_prefix" in proposed) and ("Renamed" in told) == ("rename" in proposed)


def test_files_with_one_input_channel_load_as_grey_networks_or_say_so(tmp_path):
    torch.save(timm.create_model("test_resnet", in_chans=1).state_dict(), tmp_path / "w.pth")
    colour = Checkpoint("mine", "test_resnet", "timm", str(tmp_path / "w.pth"), preprocessing=SMALL)
    with pytest.raises(CheckpointError, match="set in_chans = 1 in kwargs and color = grey"):
        load_network(colour)
    grey = Preprocessing((64, 64), (0.5,), (0.5,), "grey")
    assert load_network(replace(colour, kwargs={"in_chans": 1}, preprocessing=grey)).outputs == 1000


def test_four_channels_are_refused_as_such(tmp_path):
    torch.save(timm.create_model("test_resnet", in_chans=4).state_dict(), tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="takes 4 channels"):
        load_network(Checkpoint("mine", "test_resnet", "timm", str(tmp_path / "w.pth"), preprocessing=SMALL))


IDLE = {
    "a prefix that no name has": ({"strip_prefix": "model."}, 'strip_prefix "model."'),
    "an ignored name that is not there": ({"ignore": ("head.",)}, 'ignore "head."'),
    "a renamed part that is not there": ({"rename": {"0.": "conv."}}, 'rename "0."'),
    "a renamed part that is only ignored": ({"ignore": ("a.",), "rename": {"a.": "conv."}}, 'rename "a."'),
    "two tensors under one name": ({"strip_prefix": "a."}, "one name: weight"),
}


@pytest.mark.parametrize("entries, words", IDLE.values(), ids=IDLE)
def test_instructions_without_effect_and_clashes_are_refused(entries, words):
    found = {"a.weight": torch.ones(1), "weight": torch.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        adapt(found, Checkpoint("mine", "net", "timm", "/w.pth", **entries))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [{"strip_prefix": "module"}, {"rename": {"0": "conv1."}}, {"rename": {"0.": 3}}, {"ignore": ("",)},
     {"weights": "random", "strip_prefix": "module."}],
)  # fmt: skip
def test_instructions_that_cannot_be_meant_are_refused(entries):
    with pytest.raises(CheckpointError):
        Checkpoint(**{"name": "mine", "architecture": "net", "library": "timm", "weights": "/w.pth"} | entries)


def test_the_names_are_part_of_what_determines_the_features_only_where_they_are_changed():
    plain = Checkpoint("mine", "net", "timm", "/w.pth")
    assert plain.naming == {}
    assert replace(plain, strip_prefix="a.").naming != replace(plain, strip_prefix="b.").naming
