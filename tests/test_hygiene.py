"""The process that draws pages stays light, and the rings of the design stay apart."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "timm", "umap", "sklearn", "scipy")
UI_MODULES = [
    "core.availability.asking", "core.availability.fetching", "core.availability.fit",
    "core.availability.licence", "core.availability.standing",
    "core.catalog", "core.catalog_tags", "core.charts", "core.checking", "core.demo",
    "core.errors", "core.evidence.charts", "core.evidence.quiz", "core.evidence.track", "core.evidence.views",
    "core.images.index", "core.images.inspect", "core.images.medmnist_jobs",
    "core.images.near", "core.survey.signatures",
    "core.images.parts", "core.images.readers", "core.images.samples", "core.images.shortcuts", "core.metrics",
    "core.report.ranking", "core.scoring.agreement", "core.scoring.overview", "core.scoring.plan",
    "core.scoring.ranking", "core.scoring.runner", "core.scoring.spool", "core.settings",
    "core.similarity.questionnaire", "core.similarity.semantic", "core.similarity.visual",
    "core.similarity.visual_charts", "core.snippet", "core.starter", "core.store", "core.survey.cases",
    "core.survey.charts", "core.survey.exchange", "core.survey.expectation", "core.survey.experiments",
    "core.survey.glossary", "core.survey.heuristics", "core.survey.meeting_server", "core.survey.team", "core.target",
]  # fmt: skip


def loaded_after(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_what_pages_import_loads_nothing_heavy():
    loaded = loaded_after("\n".join(f"import {module}" for module in UI_MODULES))
    assert not loaded & set(HEAVY)


def test_drawing_the_demo_pages_loads_nothing_heavy(tmp_path):
    code = f"""
import os
os.environ["SOURCESCOUT_HOME"] = {str(tmp_path)!r}
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("pages/_shell.py", default_timeout=60).run()
next(b for b in at.button if b.label == "Open the demo project").click().run()
at.session_state["similarity_sources"] = ["imagenet_1k", "nct_crc_he_100k"]
for page in ("scoring", "target", "sources", "intuition", "similarity", "heuristics", "evidence", "words", "overview"):
    at.switch_page(f"{{page}}.py").run()
    assert not at.exception, at.exception
"""
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.parametrize("module", ["core.images.readers", "core.metrics", "core.scoring.worker", "core.backbone"])
def test_the_worker_side_knows_nothing_of_pages_or_the_database(module):
    assert not loaded_after(f"import {module}") & {"streamlit", "duckdb"}


def test_the_meeting_knows_nothing_of_pages_or_the_database():
    assert not loaded_after("import core.survey.meeting_server") & {"streamlit", "duckdb"}


def test_the_database_knows_nothing_of_pages():
    assert "streamlit" not in loaded_after("import core.store")


def test_sql_is_in_one_place():
    texts = {path: path.read_text() for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py")}
    assert [path.name for path, text in texts.items() if "import duckdb" in text or "execute(" in text] == ["store.py"]
