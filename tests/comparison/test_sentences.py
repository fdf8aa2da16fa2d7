"""A sentence encoder as an option. The model is a tiny one with random weights: it says nothing, but it is a real one,
made by the package itself, so that what we keep can be held against what the package gives."""

import json
import shutil

import pytest

from core.comparison import sentences
from core.errors import SimilarityError, SourceScoutError

TEXTS = {"echo": "ultrasound of the breast", "photos": "photographs of dogs and cats", "same": "tissue of the colon"}
TARGET = "tissue of the colon"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")


def tiny_encoder(folder):
    """A sentence encoder of one layer with random weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

    set_seed(0)
    words = sorted({word for text in (TARGET, *TEXTS.values()) for word in text.split()})
    part = folder.with_name("part")
    part.mkdir()
    (part / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizerFast(vocab_file=str(part / "vocab.txt")).save_pretrained(part)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words) + 5, **shape)).save_pretrained(part)
    SentenceTransformer(modules=[Transformer(str(part)), Pooling(16)], device="cpu").save(str(folder))
    return folder


def test_cosines_are_those_of_the_package_and_are_kept(encoder, monkeypatch):
    from sentence_transformers import SentenceTransformer, util

    folder = sentences.model_folder(str(encoder), (encoder.parent,))
    assert sentences.known(folder, TARGET, TEXTS, ["photos"]) is None
    sentences.find(folder, TARGET, TEXTS)
    found = sentences.known(folder, TARGET, TEXTS, ["photos"])
    model = SentenceTransformer(str(encoder), device="cpu")
    expected = util.cos_sim(model.encode([TARGET]), model.encode(list(TEXTS.values())))[0].tolist()
    assert list(found.cosine.values()) == pytest.approx(expected, abs=1e-5)
    assert found.cosine["same"] == pytest.approx(1, abs=1e-6) and found.cosine["photos"] < 0.999
    assert found.floor.n == 1 and found.floor.highest == found.cosine["photos"] and found.model == "tiny"
    assert sentences.known(folder, "another text", TEXTS, []) is None


def test_a_folder_without_a_model_is_refused_with_the_way_to_one(tmp_path):
    with pytest.raises(SimilarityError, match="modules.json.*hf download"):
        sentences.model_folder(str(tmp_path), (tmp_path,))
    with pytest.raises(SourceScoutError, match="outside"):
        sentences.model_folder("/", (tmp_path,))


@pytest.mark.parametrize("modules", [[{"type": "os.system"}], [{"type": "custom.Model", "path": ""}]])
def test_a_model_with_code_of_its_own_is_refused(tmp_path, modules):
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(SimilarityError, match="asks for code"):
        sentences.model_folder(str(tmp_path), (tmp_path,))


def test_weights_that_must_be_unpickled_are_refused(tmp_path):
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Transformer"}]))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(SimilarityError, match="safetensors"):
        sentences.model_folder(str(tmp_path), (tmp_path,))


def test_an_encoder_that_cannot_be_loaded_says_why(encoder, tmp_path):
    broken = shutil.copytree(encoder, tmp_path / "broken")
    next(broken.rglob("*.safetensors")).write_bytes(b"\0" * 100)
    folder = sentences.model_folder(str(broken), (tmp_path,))
    with pytest.raises(SimilarityError, match="could not be used"):
        sentences.find(folder, TARGET, TEXTS)
    assert sentences.known(folder, TARGET, TEXTS, []) is None
