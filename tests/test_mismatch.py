"""Files as training leaves them: what fits is proposed, what would be wrong is not, and what is chosen is said."""

import argparse
import collections
from pathlib import Path

import pytest
import timm
import torch
import torchvision

from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing
from core.errors import CheckpointError
from core.mismatch import propose
from core.weights import open_state_dict

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = Preprocessing(input_size=(64, 64))


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return dict(timm.create_model("test_resnet", num_classes=5).state_dict())


def body(state):
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def under(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


def other(state):
    """The same network at another moment of its training."""
    return {name: value + 1 for name, value in state.items()}


def load(content, tmp_path, **facts):
    torch.save(content, tmp_path / "w.pth")
    facts = {"architecture": "test_resnet", "library": "timm", "preprocessing": SMALL} | facts
    return load_network(Checkpoint("mine", weights=str(tmp_path / "w.pth"), **facts))


def refusal(content, tmp_path, **facts) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load(content, tmp_path, **facts)
    return caught.value


OUTER = {
    "under any name": (lambda s: {"net": s}, "`net`"),
    "two deep": (lambda s: {"model": {"state_dict": s}}, "`model.state_dict`"),
    "beside optimiser, time and accuracy": (
        lambda s: {"time": "now", "model_state": s, "best_acc1": torch.tensor(0.9),
                   "optimizer_state": {"state": {0: {"exp_avg": torch.ones(2, 2)}}, "param_groups": []}},
        "not used: time, best_acc1, optimizer_state",
    ),
    "beside arguments": (lambda s: {"model": s, "args": argparse.Namespace(lr=0.1)}, "not used: args"),
    "Lightning's": (
        lambda s: {"state_dict": s, "epoch": 3, "hyper_parameters": {"lr": 0.1}, "callbacks": {}, "loops": {},
                   "optimizer_states": [], "pytorch-lightning_version": "2.5"},
        "`state_dict`. Beside the weights in the file and not used: epoch, hyper_parameters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrap, says", OUTER.values(), ids=OUTER)
def test_weights_inside_a_training_checkpoint_load_and_what_lies_beside_them_is_told(wrap, says, state, tmp_path):
    network = load(wrap(state), tmp_path)
    assert network.outputs == 5 and says in " ".join(network.notes)


def teacher_and_student(state):
    return {
        "student": under("module.backbone.", body(state)) | {"module.head.mlp.0.weight": torch.ones(2, 2)},
        "teacher": under("backbone.", body(other(state))) | {"head.mlp.0.weight": torch.ones(2, 2)},
        "optimizer": {"state": {}}, "epoch": 3,
    }  # fmt: skip


COPIES = {
    "DINO": (teacher_and_student, ["teacher.backbone.", "student.module.backbone."], "DINO's own code"),
    "a moving average": (
        lambda s: {"state_dict": s, "state_dict_ema": other(s), "epoch": 1},
        ["state_dict.", "state_dict_ema."],
        "choose one",
    ),
    "a moving average beside the names": (lambda s: s | under("ema.", other(s)), ["", "ema."], "choose one"),
}


@pytest.mark.parametrize("make, prefixes, says", COPIES.values(), ids=COPIES)
def test_of_two_networks_in_a_file_none_is_taken_unasked(make, prefixes, says, state, tmp_path):
    error = refusal(make(state), tmp_path)
    assert "2 networks that fit and differ" in error.remedy and says in error.remedy
    found, _ = open_state_dict(tmp_path / "w.pth")
    module = timm.create_model("test_resnet", num_classes=5)
    proposals = propose(found, module.state_dict(), [name for name, _ in module.named_children()], "fc")
    assert [entries.get("strip_prefix", "") for entries in proposals] == prefixes
    taken = [load(make(state), tmp_path, **entries | {"ignore": tuple(entries["ignore"])}) for entries in proposals]
    first, second = (network.module.state_dict()["conv1.0.weight"] for network in taken)
    assert not torch.equal(first, second)


def test_equal_copies_are_no_choice_and_copies_of_another_precision_are(state, tmp_path):
    assert "choose" not in refusal(state | under("model.", state), tmp_path).remedy
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    assert "choose one" in refusal(state | under("model.", rounded), tmp_path).remedy


PROPOSED = {
    "metrics and losses beside": (
        lambda s: {"state_dict": under("model.", s) | {"criterion.weight": torch.ones(5), "acc.tp": torch.zeros(1)}},
        {"strip_prefix": "model.", "ignore": ["criterion.", "acc."]},
    ),
    "an encoder and a projector": (
        lambda s: under("encoder.", body(s)) | {"projector.0.weight": torch.ones(2, 2)},
        {"strip_prefix": "encoder.", "ignore": ["projector."], "num_classes": 0},
    ),
    "a head of several layers under the head's name": (
        lambda s: body(s) | {"fc.0.weight": torch.ones(3, 4), "fc.2.weight": torch.ones(3, 3)},
        {"ignore": ["fc."], "num_classes": 0},
    ),
    "a head of another name": (
        lambda s: under("module.", body(s)) | {"module.classifier.1.weight": torch.ones(3, 4)},
        {"strip_prefix": "module.", "ignore": ["module.classifier."], "num_classes": 0},
    ),
    "a compiled network": (lambda s: under("_orig_mod.", s), {"strip_prefix": "_orig_mod."}),
    "an averaged network": (
        lambda s: under("module.", s) | {"n_averaged": torch.tensor(3)},
        {"strip_prefix": "module.", "ignore": ["n_averaged"]},
    ),
    "no counters": (
        lambda s: under("module.", {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")}),
        {"strip_prefix": "module."},
    ),
}


@pytest.mark.parametrize("change, entries", PROPOSED.values(), ids=PROPOSED)
def test_the_proposed_entries_load_the_file(change, entries, state, tmp_path):
    content = change(state)
    load(content, tmp_path, **entries | {"ignore": tuple(entries.get("ignore", ()))})
    found, _ = open_state_dict(tmp_path / "w.pth")
    module = timm.create_model("test_resnet")
    assert propose(found, module.state_dict(), [name for name, _ in module.named_children()], "fc") == [entries]


def test_a_grey_stem_under_a_prefix_is_told_with_the_prefix(tmp_path):
    grey = under("model.", timm.create_model("test_resnet", in_chans=1, num_classes=3).state_dict())
    remedy = refusal(grey, tmp_path).remedy
    assert "takes 1 channel: set in_chans = 1" in remedy and 'strip_prefix = "model."' in remedy
    preprocessing = Preprocessing((64, 64), (0.5,), (0.5,), "grey")
    assert load(grey, tmp_path, strip_prefix="model.", kwargs={"in_chans": 1}, preprocessing=preprocessing).outputs == 3


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_layers_of_a_larger_network_are_not_proposed_to_be_ignored(prefix, tmp_path):
    larger = under(prefix, torchvision.models.resnet34(num_classes=2).state_dict())
    remedy = refusal(larger, tmp_path, architecture="resnet18").remedy
    assert "of a larger network" in remedy and "ignore" not in remedy


LIKE = {
    "torchvision's EfficientNet": (
        lambda: torchvision.models.efficientnet_b0(num_classes=2), "efficientnet_b0", "timm", "torchvision"
    ),
    "timm's EfficientNet": (lambda: timm.create_model("efficientnet_b0"), "efficientnet_b0", "torchvision", "timm"),
    "a DenseNet": (lambda: timm.create_model("densenet121"), "resnet18", "timm", "a DenseNet"),
    "an Inception-v3": (lambda: timm.create_model("inception_v3"), "resnet18", "timm", "an Inception-v3"),
    "torchvision's ViT": (
        lambda: torchvision.models.VisionTransformer(32, 16, 1, 2, 8, 16), "test_vit", "timm", "vit_b_16"
    ),
    "timm's ViT": (lambda: timm.create_model("test_vit"), "vit_b_16", "torchvision", 'ViT with library = "timm"'),
}  # fmt: skip


@pytest.mark.parametrize("make, architecture, library, says", LIKE.values(), ids=LIKE)
def test_names_of_another_kind_of_network_are_recognised(make, architecture, library, says, tmp_path):
    with torch.device("meta"):
        names = make().state_dict()
    content = {name: torch.zeros(1, 1) for name in names}
    assert says in refusal(content, tmp_path, architecture=architecture, library=library).remedy


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "inception_v3"])
def test_timm_and_torchvision_use_the_same_names_for(name):
    with torch.device("meta"):
        kwargs = {"aux_logits": False} if name == "inception_v3" else {}
        ours, theirs = timm.create_model(name, **kwargs), torchvision.models.get_model(name, weights=None, **kwargs)
    shapes = [{key: value.shape for key, value in module.state_dict().items()} for module in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_names_of_old_densenets_and_of_transformers_are_recognised(tmp_path):
    old = {"module.densenet121.features.denseblock1.denselayer1.norm.1.weight": torch.ones(2, 2)}
    assert "old spelling" in refusal(old, tmp_path, architecture="densenet121").remedy
    theirs = {"encoder.layer.0.attention.attention.query.weight": torch.ones(2, 2)}
    assert "Hugging Face" in refusal(theirs, tmp_path, architecture="test_vit").remedy


def test_averaged_counters_load_and_whole_numbers_as_weights_do_not(state, tmp_path):
    averaged = {k: v.float() if k.endswith("num_batches_tracked") else v for k, v in state.items()}
    assert load(averaged, tmp_path).outputs == 5
    quantised = {k: v.to(torch.int8) for k, v in state.items()}
    assert "kind int8" in refusal(quantised, tmp_path).remedy


class Scheduler:
    """Anything that a training framework leaves in its checkpoints."""


@pytest.mark.parametrize("thing, kind", [(Scheduler(), "Scheduler"), (Path("logs"), "PosixPath"),
                                         (collections.defaultdict(list), "defaultdict")])  # fmt: skip
def test_a_checkpoint_with_other_objects_is_refused_with_their_kind_and_how_to_save_the_weights_alone(
    thing, kind, state, tmp_path
):
    error = refusal({"state_dict": state, "callbacks": thing}, tmp_path)
    assert kind in error.message and "is not run" in error.message
    assert 'weights_only=False)["state_dict"]' in error.remedy


def test_weights_beside_a_state_dict_are_not_passed_over(state, tmp_path):
    assert "conv9.weight" in refusal({"model": state, "conv9.weight": torch.ones(2, 2)}, tmp_path).message
