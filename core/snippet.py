"""Python that a person can copy: it makes a candidate's network with its preprocessing, and checks the file's hash."""

from core.catalog import Checkpoint, Preprocessing

_HUB_FILE = "model.safetensors"


def snippet(checkpoint: Checkpoint, identity: str) -> str:
    """The code for `checkpoint`. `identity` is `core.catalog.identity`: the hash that the weights file must have.

    Running it defines `model` (in eval mode, with its pretraining head) and `prepare(image)` for a PIL image.
    """
    parts = [
        _heading(checkpoint, identity),
        _imports(checkpoint),
        *_weights(checkpoint, identity),
        _model(checkpoint),
        _prepare(checkpoint.preprocessing),
        "# model(prepare(Image.open(path))[None]) gives the outputs for one image." + _next_step(checkpoint),
    ]
    return "\n\n".join(parts) + "\n"


def _heading(checkpoint: Checkpoint, identity: str) -> str:
    facts = {"Pretraining data": checkpoint.source, "Licence": checkpoint.licence, "Identity": identity}
    lines = [_one_line(checkpoint.name), *(f"{key}: {_one_line(value)}" for key, value in facts.items() if value)]
    if checkpoint.kind == "random":
        lines.append("Random initialisation: the same weights only with the same versions of torch and the library.")
    return "\n".join(f"# {line}" for line in lines)


def _one_line(text: str) -> str:
    """Names are typed by people: nothing in them may end the comment that they stand in."""
    return " ".join(text.split())


def _imports(checkpoint: Checkpoint) -> str:
    names = ["numpy as np", "torch", checkpoint.library]
    if checkpoint.kind != "random":
        names.append("hashlib")
    if checkpoint.kind == "timm":
        names.append("huggingface_hub")
    if _is_safetensors(checkpoint):
        names.append("safetensors.torch")
    standard = [f"import {name}" for name in sorted(names) if name == "hashlib"]
    others = [f"import {name}" for name in sorted(names) if name != "hashlib"]
    return "\n".join([*standard, *others, "from PIL import Image", "from torch.nn import functional"])


def _is_safetensors(checkpoint: Checkpoint) -> bool:
    return checkpoint.kind == "file" and checkpoint.weights.endswith(".safetensors")


def _weights(checkpoint: Checkpoint, identity: str) -> list[str]:
    """The steps before the network: find the file, check its hash, open it without running anything in it."""
    if checkpoint.kind == "random":
        return []
    digest = identity.removeprefix("sha256:")
    check = f"""\
sha256 = {digest!r}
with open(path, "rb") as file:
    found = hashlib.file_digest(file, "sha256").hexdigest()
if found != sha256:
    raise RuntimeError(f"{{path}} is not the file that was scored: its SHA-256 differs.")"""
    if checkpoint.kind == "timm":
        tag = repr(checkpoint.architecture)
        path = f"path = huggingface_hub.hf_hub_download(timm.get_pretrained_cfg({tag}).hf_hub_id, {_HUB_FILE!r})"
        return [f"{path}\n{check}"]
    load = "safetensors.torch.load_file(path)" if _is_safetensors(checkpoint) else (
        'torch.load(path, map_location="cpu", weights_only=True)'
    )  # fmt: skip
    unwrap = """\
for key in ("state_dict", "model", "model_state_dict"):  # some files wrap their weights once more
    if isinstance(state.get(key), dict):
        state = state[key]"""
    return [f"path = {checkpoint.weights!r}\n{check}", f"state = {load}\n{unwrap}", *_naming(checkpoint)]


def _naming(checkpoint: Checkpoint) -> list[str]:
    """The steps of `core.naming.adapt`: what the checkpoint leaves out and renames."""
    lines = []
    if checkpoint.ignore:
        lines += [
            f"left_out = {checkpoint.ignore!r}  # names, or beginnings of names",
            "state = {name: value for name, value in state.items()",
            "         if name not in left_out and not name.startswith(tuple(x for x in left_out if x.endswith('.')))}",
        ]
    if checkpoint.strip_prefix:
        lines.append(f"state = {{name.removeprefix({checkpoint.strip_prefix!r}): v for name, v in state.items()}}")
    if checkpoint.rename:
        lines += [
            f"names = {dict(sorted(checkpoint.rename.items(), key=lambda pair: -len(pair[0])))!r}",
            "old = {name: next((x for x in names if name.startswith(x)), '') for name in state}",
            "state = {names.get(old[name], '') + name.removeprefix(old[name]): v for name, v in state.items()}",
        ]
    return ["\n".join(lines)] if lines else []


def _model(checkpoint: Checkpoint) -> str:
    lines = {"timm": _timm_model, "torchvision": _torchvision_model}[checkpoint.library](checkpoint)
    if checkpoint.kind == "random":
        lines.insert(0, f"torch.manual_seed({checkpoint.seed})")
    if checkpoint.kind == "file":
        lines.append("model.load_state_dict(state, strict=True)")
    return "\n".join([*lines, "model.eval()"])


def _timm_model(checkpoint: Checkpoint) -> list[str]:
    name, given = repr(checkpoint.architecture), dict(checkpoint.kwargs)
    if checkpoint.kind == "timm":
        lines = [f'overlay = {{"file": path, "custom_load": False}}']  # noqa: F541
        arguments = _arguments(given)
        lines.append(f"model = timm.create_model({name}, pretrained=True, pretrained_cfg_overlay=overlay{arguments})")
        return [*lines, "model.reset_classifier(0)"] if checkpoint.num_classes == 0 else lines
    if checkpoint.num_classes is not None:
        return [f"model = timm.create_model({name}{_arguments(given | {'num_classes': checkpoint.num_classes})})"]
    if checkpoint.kind == "random":
        return [f"model = timm.create_model({name}{_arguments(given)})"]
    return [
        f"model = timm.create_model({name}{_arguments(given)})",
        "head = model.pretrained_cfg['classifier']",
        "head = head if isinstance(head, str) else head[0]",
        'if f"{head}.weight" in state:  # as many outputs as the file has',
        f'    outputs = len(state[f"{{head}}.weight"])',  # noqa: F541
        f"    model = timm.create_model({name}, num_classes=outputs{_arguments(given)})",
    ]


def _torchvision_model(checkpoint: Checkpoint) -> list[str]:
    name, given = repr(checkpoint.architecture), dict(checkpoint.kwargs)
    if checkpoint.num_classes:
        given["num_classes"] = checkpoint.num_classes
    lines = [f"model = torchvision.models.get_model({name}, weights=None{_arguments(given)})"]
    last = "head = [name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)][-1]"
    if checkpoint.num_classes == 0:
        return [*lines, last, "model.set_submodule(head, torch.nn.Identity())  # the file has no head"]
    if checkpoint.num_classes is None and checkpoint.kind == "file":
        lines += [
            last,
            'if f"{head}.weight" in state:  # as many outputs as the file has',
            '    outputs = len(state[f"{head}.weight"])',
            f"    model = torchvision.models.get_model({name}, weights=None, num_classes=outputs{_arguments(given)})",
        ]
    return lines


def _arguments(values: dict) -> str:
    return "".join(f", {key}={value!r}" for key, value in values.items())


def _prepare(preprocessing: Preprocessing) -> str:
    """The steps of `core.preprocess` on a PIL image."""
    low, high = preprocessing.pixel_range
    lines = [
        "def prepare(image):",
        '    """PIL image -> tensor (C, height, width): the whole image, resized without cropping."""',
        f'    pixels = torch.from_numpy(np.array(image.convert("{"L" if preprocessing.color == "grey" else "RGB"}")))',
        f"    planes = {'pixels[None]' if preprocessing.color == 'grey' else 'pixels.permute(2, 0, 1)'}",
        f"    size = {tuple(preprocessing.input_size)}",
        '    planes = functional.interpolate(planes[None], size, mode="bilinear", antialias=True)[0]',
    ]
    if preprocessing.color == "BGR":
        lines.append("    planes = planes.flip(0)  # blue, green, red")
    scaled = "planes.float() / 255" if (low, high) == (0.0, 1.0) else f"{low} + planes.float() * {(high - low) / 255}"
    lines += [
        f"    mean = torch.tensor({list(preprocessing.mean)})[:, None, None]",
        f"    std = torch.tensor({list(preprocessing.std)})[:, None, None]",
        f"    return ({scaled} - mean) / std",
    ]
    return "\n".join(lines)


def _next_step(checkpoint: Checkpoint) -> str:
    if checkpoint.library == "timm":
        return "\n# model.reset_classifier(number_of_classes) puts a new head on for fine-tuning."
    return "\n# For fine-tuning, replace its last linear layer by one for your classes."
