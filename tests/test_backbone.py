"""Loading checkpoints: what fits is loaded exactly, what does not is said precisely, and no file's code is run."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

from core.backbone import check_checkpoint, load_network
from core.catalog import (
    Checkpoint,
    Preprocessing,
    checkpoint_record,
    identity,
    parse_checkpoint,
)
from core.errors import CheckpointError
from core.weights import tag_file
from tests.hub_server import use_hub

SMALL = Preprocessing(input_size=(64, 64))
INCEPTION = Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3)
CODE_TO_RUN = "it must never exist"
pytestmark = pytest.mark.usefixtures("one_thread")


def _checkpoint(weights="random", architecture="test_resnet", library="timm", **facts) -> Checkpoint:
    return Checkpoint(
        "mine", architecture, library, str(weights), preprocessing=facts.pop("preprocessing", SMALL), **facts
    )


def _module(architecture="test_resnet", **kwargs) -> nn.Module:
    torch.manual_seed(3)
    return timm.create_model(architecture, **kwargs).eval()


def _refusal(weights, **facts) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_network(_checkpoint(weights, **facts))
    return caught.value


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_loads_exactly_and_tells_its_number_of_classes(tmp_path, suffix):
    module = _module(num_classes=7)
    file = tmp_path / f"weights{suffix}"
    save = safetensors.torch.save_file if suffix == ".safetensors" else torch.save
    save(module.state_dict(), file)
    network = load_network(_checkpoint(file))
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = module.forward_head(module.forward_features(images), pre_logits=True)
        torch.testing.assert_close(network.features(images), expected)
    assert network.outputs == 7 and network.has_head
    assert network.feature_dim == expected.shape[1]
    assert network.parameters_count == sum(p.numel() for p in module.parameters())


def test_files_of_the_old_format_and_files_with_an_outer_dictionary_load_too(tmp_path):
    state = _module().state_dict()
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "outer.pth")
    for name in ("old.pth", "outer.pth"):
        assert load_network(_checkpoint(tmp_path / name)).outputs == 1000


def test_half_precision_weights_become_float32(tmp_path):
    module = _module()
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}, tmp_path / "w.pth"
    )
    network = load_network(_checkpoint(tmp_path / "w.pth"))
    assert {parameter.dtype for parameter in network.module.parameters()} == {torch.float32}
    assert network.features(torch.rand(1, 3, 64, 64)).dtype == torch.float32


def test_a_random_initialisation_follows_its_seed_and_leaves_the_random_state_alone():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, again, other = (load_network(_checkpoint(seed=seed)).module.state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "architecture, first, second",
    [
        ("mobilenetv2_035", "conv_stem", "blocks.0.0.conv_dw"),
        ("test_vit", "patch_embed.proj", "blocks.0.attn.qkv"),
    ],
)
def test_the_first_two_layers_are_those_that_an_image_meets_first(architecture, first, second):
    size = (160, 160) if architecture == "test_vit" else (64, 64)
    network = load_network(_checkpoint(architecture=architecture, preprocessing=Preprocessing(input_size=size)))
    (name_1, layer_1), (name_2, layer_2) = network.first_two_layers()
    assert (name_1, name_2) == (first, second)
    assert layer_1 is network.module.get_submodule(first) and layer_2 is network.module.get_submodule(second)


def test_features_keep_gradients_to_the_first_layers():
    network = load_network(_checkpoint())
    (_, first), (_, second) = network.first_two_layers()
    network.features(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert first.weight.grad.norm() > 0 and second.weight.grad.norm() > 0


def test_torchvision_features_are_what_goes_into_its_head(tmp_path):
    torch.manual_seed(0)
    module = torchvision.models.resnet18(num_classes=4).eval()
    torch.save(module.state_dict(), tmp_path / "w.pth")
    network = load_network(_checkpoint(tmp_path / "w.pth", "resnet18", "torchvision"))
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(module.fc(network.features(images)), module(images))
    assert (network.outputs, network.feature_dim) == (4, 512)
    assert [name for name, _ in network.first_two_layers()] == ["conv1", "layer1.0.conv1"]


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "resnetv2_18", "torchvision resnet18"])
def test_the_outputs_of_the_source_head_follow_from_the_features(architecture):
    size = Preprocessing(input_size=(160, 160))
    library = "torchvision" if " " in architecture else "timm"
    checkpoint = _checkpoint(architecture=architecture.split()[-1], library=library, preprocessing=size, seed=3)
    network, images = load_network(checkpoint), torch.rand(2, 3, 160, 160)
    torch.manual_seed(3)
    make = torchvision.models.get_model if library == "torchvision" else timm.create_model
    whole = make(checkpoint.architecture).eval()
    with torch.no_grad():
        torch.testing.assert_close(network.source_logits(network.features(images)), whole(images), atol=1e-4, rtol=1e-4)
    headless = load_network(dataclasses.replace(checkpoint, num_classes=0))
    assert headless.head is None and not headless.has_head
    with pytest.raises(CheckpointError, match="no head"):
        headless.source_logits(torch.zeros(1, headless.feature_dim))


def test_a_torchvision_file_without_a_head_loads_with_no_classes(tmp_path):
    state = torchvision.models.resnet18().state_dict()
    torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, tmp_path / "w.pth")
    assert not load_network(_checkpoint(tmp_path / "w.pth", "resnet18", "torchvision", num_classes=0)).has_head
    assert "num_classes = 0" in _refusal(tmp_path / "w.pth", architecture="resnet18", library="torchvision").remedy


def test_a_torchvision_network_without_a_linear_head_is_refused():
    assert "no linear head" in _refusal("random", architecture="squeezenet1_1", library="torchvision").message


@pytest.mark.parametrize(
    "architecture, library, says",
    [
        ("resnt50", "timm", "resnet50"),
        ("resnet500", "torchvision", "resnet50"),
        ("mobilenetv2_100", "torchvision", 'library = "timm"'),
        ("fcn_resnet50", "torchvision", "resnet50"),  # would download a backbone of its own
        ("entirely_unheard_of", "timm", "documentation"),
    ],
)
def test_an_unknown_architecture_is_refused_with_what_was_perhaps_meant(architecture, library, says):
    error = _refusal("random", architecture=architecture, library=library)
    assert architecture in error.message and says in error.remedy


def test_keyword_arguments_that_do_not_fit_are_named():
    assert "qkv_bias = True" in _refusal("random", kwargs={"qkv_bias": True}).remedy
    assert "takes no input of 3 x 64 x 64" in _refusal("random", kwargs={"in_chans": 1}).message
    assert "takes no input" in _refusal("random", architecture="vit_tiny_patch16_224").message


@pytest.mark.parametrize(
    "damage, facts, message, remedy",
    [
        (lambda s: s.pop("bn1.weight"), {}, "Missing in the file (1): bn1.weight", "kwargs"),
        (lambda s: s.update({"extra.w": torch.ones(2)}), {}, "not in the network (1): extra.w", 'ignore = ["extra."]'),
        (lambda s: s.update({"bn1.weight": torch.ones(2)}), {}, "bn1.weight (2 in the file, ", "kwargs"),
        (lambda s: s.update({"bn1.weight": s["bn1.weight"].int()}), {}, "int32 in the file", "kind int32"),
        (lambda s: [s.pop("fc.weight"), s.pop("fc.bias")], {}, "Missing in the file (2)", "set num_classes = 0"),
        (lambda s: None, {"num_classes": 5}, "fc.weight (1000 x", "set num_classes = 1000"),
        (lambda s: None, {"num_classes": 0}, "not in the network (2): fc.weight, fc.bias", "set num_classes = 1000"),
        (lambda s: [s.update({f"module.{k}": s.pop(k)}) for k in list(s)], {}, "module.conv1", "begins with `module.`"),
        (lambda s: None, {"architecture": "test_vit"}, "Missing in the file (", "a ResNet"),
    ],
)  # fmt: skip
def test_weights_that_do_not_match_are_listed_precisely(tmp_path, damage, facts, message, remedy):
    state = dict(_module().state_dict())
    damage(state)
    torch.save(state, tmp_path / "w.pth")
    error = _refusal(tmp_path / "w.pth", **facts)
    assert message.lower() in error.message.lower()
    assert remedy in error.remedy


def test_a_long_list_of_mismatches_shows_five_of_each_and_the_count(tmp_path):
    torch.save({f"layer{i}": torch.ones(1) for i in range(12)}, tmp_path / "w.pth")
    message = _refusal(tmp_path / "w.pth").message
    assert "(12): layer0, layer1, layer2, layer3, layer4, ..." in message and "layer5" not in message


class _Bomb:
    def __reduce__(self):
        return Path.touch, (Path(os.environ["BOMB"]),)


def test_a_checkpoint_that_holds_code_is_refused_and_the_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / CODE_TO_RUN))
    torch.save({"conv1.weight": _Bomb()}, tmp_path / "bomb.pth")
    torch.save({"conv1.weight": _Bomb()}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(_module(), tmp_path / "model.pth")
    for name in ("bomb.pth", "old.pth", "model.pth"):
        error = _refusal(tmp_path / name)
        assert "contains code" in error.message and "state_dict()" in error.remedy
    assert not (tmp_path / CODE_TO_RUN).exists()


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("w.pth", lambda state: b"", "is empty"),
        ("w.pth", lambda state: b"<!DOCTYPE html><html>", "web page"),
        ("w.pth", lambda state: b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        ("w.pth", lambda state: b"\x00" * 600, "not a file of weights"),
        ("w.pth", _cut, "damaged or cut short"),
        ("w.safetensors", lambda state: b"<!DOCTYPE html><html>", "not a whole safetensors file"),
        ("w.safetensors", lambda state: b"", "is empty"),
    ],
)
def test_files_that_are_no_weights_are_named_for_what_they_are(tmp_path, name, content, says):
    torch.save(_module().state_dict(), tmp_path / "whole.pth")
    (tmp_path / name).write_bytes(content((tmp_path / "whole.pth").read_bytes()))
    assert says in _refusal(tmp_path / name).message


def test_a_cut_safetensors_file_is_refused(tmp_path):
    safetensors.torch.save_file(_module().state_dict(), tmp_path / "whole.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(_cut((tmp_path / "whole.safetensors").read_bytes()))
    assert "not a whole safetensors file" in _refusal(tmp_path / "cut.safetensors").message


def test_what_is_no_regular_file_or_too_large_is_not_opened(tmp_path):
    assert "cannot be read" in _refusal(tmp_path / "missing.pth").message
    assert "not a file" in _refusal(tmp_path).message
    os.mkfifo(tmp_path / "pipe.pth")
    assert "not a file" in _refusal(tmp_path / "pipe.pth").message
    with open(tmp_path / "huge.pth", "wb") as file:
        file.truncate(21 * 2**30)
    assert "21 GiB" in _refusal(tmp_path / "huge.pth").message


def test_a_list_or_a_table_of_other_things_is_no_state_dict(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    torch.save({"epoch": 3, "weight": torch.ones(2)}, tmp_path / "mixed.pth")
    assert "holds a list" in _refusal(tmp_path / "list.pth").message
    assert "epoch" in _refusal(tmp_path / "mixed.pth").message


def test_a_check_reports_what_it_found(tmp_path):
    torch.save(_module().state_dict(), tmp_path / "w.pth")
    checkpoint = _checkpoint(tmp_path / "w.pth")
    report = check_checkpoint(checkpoint)
    assert report["ok"] and report["error"] is None and report["problems"] == []
    assert report["identity"] == identity(checkpoint)
    assert report["head"] == "1000 outputs"
    assert report["layers"][0] == load_network(checkpoint).first_two_layers()[0][0]
    assert report["images_per_second"] > 0 and report["memory_mb"] > 0
    assert report["weights_file"] == str(tmp_path / "w.pth")


def test_a_check_finds_weights_that_give_nan(tmp_path):
    state = _module().state_dict()
    next(iter(state.values()))[0] = torch.nan
    torch.save(state, tmp_path / "w.pth")
    report = check_checkpoint(_checkpoint(tmp_path / "w.pth"))
    assert report["ok"] and "NaN" in report["problems"][0]


def test_the_check_command_reports_on_every_record_and_fails_on_none(tmp_path):
    torch.save(_module(num_classes=0).state_dict(), tmp_path / "w.pth")
    fine = checkpoint_record(_checkpoint(tmp_path / "w.pth", num_classes=0))
    records = [fine, fine | {"weights": str(tmp_path / "missing.pth")}, fine | {"library": "keras"}]
    (tmp_path / "in.json").write_text(json.dumps(records))
    subprocess.run(
        [sys.executable, "-m", "core.backbone", tmp_path / "in.json", tmp_path / "out.json"],
        check=True, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    first, second, third = json.loads((tmp_path / "out.json").read_text())
    assert first["ok"] and first["head"] == "none"
    assert not second["ok"] and "cannot be read" in second["error"]["message"]
    assert not third["ok"] and "keras" in third["error"]["message"]


def test_zero_classes_survive_the_record():
    checkpoint = _checkpoint(num_classes=0)
    assert parse_checkpoint(checkpoint_record(checkpoint), Path("/")) == checkpoint


# --- timm tags, against a hub of our own -----------------------------------------------------------------------

TAG = _checkpoint("timm", "test_resnet.r160_in1k")
REPOSITORY = "timm/test_resnet.r160_in1k"


def test_a_timm_tag_is_downloaded_once_and_then_comes_from_the_cache(hub, tmp_path, monkeypatch):
    state = _module().state_dict()
    hub.put(REPOSITORY, "model.safetensors", safetensors.torch.save(state))
    network = load_network(TAG)
    assert all(torch.equal(value, state[name]) for name, value in network.module.state_dict().items())
    asked = len(hub.requests)
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache", offline=True)
    assert load_network(TAG).outputs == 1000
    assert load_network(dataclasses.replace(TAG, num_classes=0)).outputs == 0
    assert identity(TAG, tag_file(TAG)).startswith("sha256:")
    assert len(hub.requests) == asked


def test_a_tag_without_safetensors_comes_as_a_torch_file(hub, tmp_path):
    torch.save(_module().state_dict(), tmp_path / "w.bin")
    hub.put(REPOSITORY, "pytorch_model.bin", (tmp_path / "w.bin").read_bytes())
    report = check_checkpoint(TAG)
    assert report["ok"] and report["weights_file"].endswith("pytorch_model.bin")
    assert report["problems"][0] == "input_size is [64, 64], but timm records [160, 160] for this tag."


@pytest.mark.parametrize(
    "status, code, says",
    [
        (404, "EntryNotFound", "neither"),
        (404, "RepoNotFound", "HF_TOKEN"),
        (403, "Forbidden", "answers 403 Forbidden"),
        (503, "Busy", "answers 503 Service Unavailable"),
    ],
)
def test_what_the_hub_refuses_is_explained(hub, status, code, says):
    hub.refusal = (status, code)
    with pytest.raises(CheckpointError, match=says):
        tag_file(TAG)


@pytest.mark.parametrize("offline, says", [(True, "HF_HUB_OFFLINE"), (False, "does not answer")])
def test_without_a_network_and_with_an_empty_cache_a_tag_fails_within_seconds(tmp_path, monkeypatch, offline, says):
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache", offline)
    began = time.monotonic()
    with pytest.raises(CheckpointError, match=says):
        load_network(TAG)
    assert time.monotonic() - began < 8


def test_a_tag_that_timm_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(CheckpointError, match="resnet50.a1_in1k"):
        load_network(_checkpoint("timm", "resnet50.no_such_tag"))


# --- real weights ----------------------------------------------------------------------------------------------


@pytest.mark.realdata
@pytest.mark.parametrize(
    "file, architecture, num_classes, head",
    [
        ("mnv2_imagenet", "mobilenetv2_100", None, "1001 outputs"),
        ("mnv2_inat_bird", "mobilenetv2_100", None, "965 outputs"),
        ("mnv2_inat_insect", "mobilenetv2_100", 1022, "1022 outputs"),
        ("mnv2_035_imagenet_nohead", "mobilenetv2_035", 0, "none"),
    ],
)
def test_the_real_checkpoints_load_strictly(realdata, file, architecture, num_classes, head):
    weights = realdata / "checkpoints" / f"{file}.pth"
    report = check_checkpoint(
        _checkpoint(
            weights, architecture, kwargs={"pad_type": "same"}, num_classes=num_classes, preprocessing=INCEPTION
        )
    )
    assert report["ok"] and report["problems"] == []
    assert (report["head"], report["feature_dim"]) == (head, 1280)
    assert report["layers"] == ["conv_stem", "blocks.0.0.conv_dw"]


@pytest.mark.realdata
def test_real_weights_for_another_width_are_listed_with_both_shapes(realdata):
    weights = realdata / "checkpoints" / "mnv2_imagenet.pth"
    error = _refusal(weights, architecture="mobilenetv2_035", kwargs={"pad_type": "same"})
    assert "conv_stem.weight (32 x 3 x 3 x 3 in the file, 16 x 3 x 3 x 3 in the network)" in error.message
    assert error.message.count("in the file,") == 5
