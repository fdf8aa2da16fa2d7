"""How alike the descriptions of a target and the sources are to a sentence encoder: an option.

It needs the package sentence-transformers and a model of that package in a folder on this machine, both the user's.
`python -m core.comparison.sentences IN OUT` encodes in a process of its own: the app never imports torch.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.comparison.job import findings
from core.errors import SimilarityError
from core.scoring import spool
from core.scoring.plan import digest
from core.settings import require_allowed
from core.similarity.words import Sentences, floor_of

PACKAGE = "sentence-transformers"
SECONDS = 600.0
GET_ONE = "hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2"
_HERE = Path(__file__).resolve().parents[2]


def installed() -> bool:
    """Whether the package is."""
    return importlib.util.find_spec("sentence_transformers") is not None


def model_folder(text: str, roots: tuple[Path, ...]) -> Path:
    """The folder of a model that can be loaded without running anything of its own; SimilarityError otherwise."""
    folder = require_allowed(text, roots)
    try:
        types = [str(module["type"]) for module in json.loads((folder / "modules.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError):
        raise SimilarityError(
            f"`{text}` holds no sentence encoder: it has no modules.json that can be read.",
            f"Fetch one with `{GET_ONE}`.",
        ) from None
    if foreign := [kind for kind in types if not kind.startswith("sentence_transformers.")]:
        raise SimilarityError(
            f"This model asks for code that is not of {PACKAGE} ({', '.join(foreign)}).",
            "Take a model without code of its own.",
        )
    if not any(folder.rglob("*.safetensors")):
        raise SimilarityError(
            f"`{text}` has no weights as safetensors; files that must be unpickled are not opened.",
            "Fetch the model anew: most are published as safetensors, too.",
        )
    return folder


def known(folder: Path, target: str, sources: Mapping[str, str], unrelated: Sequence[str]) -> Sentences | None:
    """What was found before for the model in `folder` and these texts; None where nothing was."""
    found = spool.read_json(_file(folder, target, sources))
    if found is None or set(found) != set(sources):
        return None
    return Sentences(folder.name, found, floor_of(found, unrelated))


def find(folder: Path, target: str, sources: Mapping[str, str]) -> None:
    """Compare the target's text with those of `sources` (by key) and keep what is found for `known`. Seconds to a
    minute. SimilarityError when the model cannot be loaded, RunError when nothing can be written."""
    vectors = _encoded(folder, [target, *sources.values()])
    cosine = [sum(a * b for a, b in zip(vectors[0], vector, strict=True)) for vector in vectors[1:]]
    spool.write_json(_file(folder, target, sources), dict(zip(sources, cosine, strict=True)))


def _file(folder: Path, target: str, sources: Mapping[str, str]) -> Path:
    """Named by the hash of the texts and of the model's files."""
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    stamps = [[name, file.stat().st_size, file.stat().st_mtime_ns] for name, file in files.items()]
    return findings() / f"sentences-{digest([stamps, target, dict(sources)])}.json"


def _encoded(folder: Path, texts: list[str]) -> list[list[float]]:
    with tempfile.TemporaryDirectory(prefix="sourcescout-sentences-") as place:
        source, target = Path(place) / "in.json", Path(place) / "out.json"
        source.write_text(json.dumps({"folder": str(folder), "texts": texts}), encoding="utf-8")
        command = [sys.executable, "-m", "core.comparison.sentences", str(source), str(target)]
        try:
            ended = subprocess.run(
                command, cwd=_HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SimilarityError(
                f"The encoder did not end within {SECONDS / 60:.0f} minutes and was stopped.", "Take a smaller one."
            ) from None
        if ended.returncode or not target.exists():
            said = ended.stderr.strip().splitlines()
            raise SimilarityError(
                f"The encoder could not be used ({said[-1] if said else f'exit status {ended.returncode}'}).",
                f"Check that the folder is complete and that {PACKAGE} can load it.",
            )
        return json.loads(target.read_text(encoding="utf-8"))


def encode(folder: str, texts: list[str]) -> list[list[float]]:
    """One vector of length 1 per text, from the model in `folder`; nothing is fetched and no code of it is run."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        folder, device="cpu", trust_remote_code=False, local_files_only=True, model_kwargs={"use_safetensors": True}
    )
    return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).astype(float).tolist()


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(encode(asked["folder"], asked["texts"])), encoding="utf-8")
