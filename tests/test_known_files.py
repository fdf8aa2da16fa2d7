"""Known files: every record fills in a valid checkpoint that fits the file as its makers' code builds it."""

import datetime

import pytest
import timm
import torch
import torchvision
from timm.layers import SwiGLUPacked
from torch import nn

from core.architectures import TORCHVISION_NAMES, make_module
from core.backbone import check_checkpoint
from core.checkpoint_form import BLANK, checkpoint_of
from core.known_files import BY, fields_of_known, known_files, read_on
from core.mismatch import propose
from core.naming import adapt
from core.weights import StateFile

LOADABLE = [key for key, record in known_files().items() if "architecture" in record]


def checkpoint(key, choice=0, weights="/w.pth"):
    return checkpoint_of(BLANK | {"architecture": "resnet50"} | fields_of_known(key, choice) | {"weights": weights})


@pytest.mark.parametrize("key", known_files())
def test_a_known_file_fills_in_the_form(key):
    record = known_files()[key]
    for choice, known in enumerate(record["preprocessing"] or [{}]):
        filled = checkpoint(key, choice)
        assert filled.source == record["source"] and filled.licence == record["licence"]
        assert filled.verified == (known.get("by") == "authors") == bool(known.get("source"))
    assert key not in LOADABLE or timm.is_model(filled.architecture) or filled.architecture in TORCHVISION_NAMES


@pytest.mark.parametrize("key", known_files())
def test_every_fact_says_who_says_it_and_what_was_read(key):
    record = known_files()[key]
    for fact in record["fact"]:
        assert fact.keys() == {"about", "by", "says", "read"} and fact["by"] in BY and fact["says"] and fact["read"]
    told = {fact["about"] for fact in record["fact"]}
    assert key not in LOADABLE or "layout" in told and any("preprocessing" in about for about in told)
    assert any("licence" in fact["about"] or "licence" in fact["says"] for fact in record["fact"])
    assert datetime.date(2026, 11, 21) <= read_on() <= datetime.date.today()


@pytest.mark.parametrize("key", [key for key in known_files() if key.startswith("radimagenet")])
def test_the_two_preprocessings_of_radimagenet_are_two_choices_that_are_stated(key):
    example, keras = (checkpoint(key, choice) for choice in (0, 1))
    assert example.preprocessing.color == keras.preprocessing.color == "BGR"
    assert "issue 18" in example.preprocessing_source and example.name != keras.name
    values = torch.tensor([0.0, 255.0])
    assert ((values / 255 - 0.5) / 0.5).tolist() == [-1, 1] and example.preprocessing.mean == (0.5,) * 3
    caffe = [(0 - mean) / 255 for mean in (103.939, 116.779, 123.68)]
    assert [-mean for mean in keras.preprocessing.mean] == pytest.approx(caffe, abs=1e-6)
    assert keras.preprocessing.std == (1.0,) * 3


def numbered(module, last):
    """As RadImageNet's example numbers the parts."""
    return {
        "backbone." + name: value for name, value in nn.Sequential(*list(module.children())[:last]).state_dict().items()
    }


def radiologynet(name):
    """As RadiologyNET's models.py wraps torchvision's networks."""
    module = torchvision.models.get_model(name, weights=None)
    if name == "inception_v3" or name.startswith("resnet"):
        module.fc = nn.Linear(module.fc.in_features, 36)
        return {f"model.{key}": value for key, value in module.state_dict().items()}
    if name == "densenet121":
        module.classifier = nn.Linear(1024, 36)
        state = module.state_dict()
        return state | {f"model.{key}": value for key, value in state.items()}
    module.classifier[-1] = nn.Linear(module.classifier[-1].in_features, 36)
    return module.state_dict()


def grey(module, name):
    """With the first convolution for one channel, as torchxrayvision makes it."""
    state = dict(module.state_dict())
    return state | {name: state[name][:, :1]}


def rad_dino():
    state = timm.create_model("vit_base_patch14_dinov2", num_classes=0).state_dict()
    return state | {"mask_token": torch.empty(1, 768)}


def biomedclip():
    trunk = timm.create_model("vit_base_patch16_224", num_classes=0).state_dict()
    rest = {"visual.head.proj.weight": torch.empty(512, 768), "text.proj.0.weight": torch.empty(2, 2)}
    return {f"visual.trunk.{key}": value for key, value in trunk.items()} | rest | {"logit_scale": torch.empty(())}


def uni2():
    return timm.create_model(
        "vit_giant_patch14_224", img_size=224, patch_size=14, depth=24, num_heads=24, init_values=1e-5, embed_dim=1536,
        mlp_ratio=2.66667 * 2, num_classes=0, no_embed_class=True, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU,
        reg_tokens=8, dynamic_img_size=True,
    ).state_dict()  # fmt: skip


def prov_gigapath():
    return timm.create_model(
        "vit_giant_patch14_dinov2", img_size=224, in_chans=3, patch_size=16, embed_dim=1536, depth=40, num_heads=24,
        init_values=1e-05, mlp_ratio=5.33334, num_classes=0,
    ).state_dict()  # fmt: skip


def torchvision_(name, **arguments):
    return torchvision.models.get_model(name, weights=None, **arguments)


# The state dicts as the code that `read` names builds or loads them.
AS_MADE = {
    "radimagenet_resnet50": lambda: numbered(torchvision_("resnet50"), 9),
    "radimagenet_densenet121": lambda: numbered(torchvision_("densenet121"), 1),
    "radimagenet_inception_v3": lambda: numbered(torchvision_("inception_v3", aux_logits=False), 20),
    "torchxrayvision_densenet121": lambda: (
        grey(torchvision_("densenet121", num_classes=18), "features.conv0.weight") | {"op_threshs": torch.empty(18)}
    ),
    "torchxrayvision_resnet50": lambda: grey(torchvision_("resnet50", num_classes=18), "conv1.weight"),
    "rad_dino": rad_dino,
    "biomedclip": biomedclip,
    "uni": lambda: timm.create_model(
        "vit_large_patch16_224", img_size=224, patch_size=16, init_values=1e-5, num_classes=0, dynamic_img_size=True
    ).state_dict(),
    "uni2": uni2,
    "prov_gigapath": prov_gigapath,
    "medmnist_resnet18": lambda: torchvision_("resnet18", num_classes=9).state_dict(),
    "medmnist_resnet50": lambda: torchvision_("resnet50", num_classes=9).state_dict(),
}


@pytest.mark.filterwarnings("ignore:The default weight initialization of inception_v3")
@pytest.mark.parametrize("key", LOADABLE)
def test_the_names_as_filled_in_are_those_of_the_network(key, monkeypatch):
    """Names and shapes only, without memory for the weights: the largest has 1.1 billion."""
    with torch.device("meta"):
        filled, network = checkpoint(key), {}
        found = AS_MADE[key]() if key in AS_MADE else radiologynet(filled.architecture)
        given, _ = adapt(found, filled)
        monkeypatch.setattr("core.architectures.state_file", lambda _: StateFile(given, found, ()))
        monkeypatch.setattr("core.architectures.fit_weights", lambda module, *_: network.update(module.state_dict()))
        make_module(filled)
    assert {name: value.shape for name, value in given.items()} == {name: v.shape for name, v in network.items()}


@pytest.mark.parametrize("name, last", [("resnet18", 9), ("densenet121", 1), ("inception_v3", 20)])
@pytest.mark.filterwarnings("ignore:The default weight initialization of inception_v3")
def test_the_check_would_have_proposed_the_numbers_of_radimagenet(name, last):
    arguments = {"aux_logits": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        module = torchvision_(name, **arguments)
    found = {key: torch.zeros(value.shape) for key, value in numbered(module, last).items()}
    children = [child for child, _ in module.named_children()]
    head = "classifier" if name == "densenet121" else "fc"
    (entries,) = propose(found, module.state_dict(), children, head)
    assert entries["strip_prefix"] == "backbone." and entries["num_classes"] == 0
    known = f"radimagenet_{name.replace('resnet18', 'resnet50')}"
    assert entries["rename"] == known_files()[known]["rename"]


def test_a_file_laid_out_like_radimagenets_loads_as_filled_in(tmp_path):
    torch.save(numbered(torchvision_("resnet50"), 9), tmp_path / "w.pt")
    report = check_checkpoint(checkpoint("radimagenet_resnet50", weights=str(tmp_path / "w.pt")))
    assert report["ok"], report["error"]
    assert report["head"] == "none" and "Renamed" in " ".join(report["problems"])
