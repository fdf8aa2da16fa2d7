"""Pages run by AppTest: the shell, and a database of its own for every test."""

from pathlib import Path

import pytest
import streamlit as st

from core.store import Store
from pages import _state

SHELL = Path(__file__).parents[2] / "pages" / "_shell.py"


@pytest.fixture(autouse=True)
def own_database():
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def store() -> Store:
    return _state.store()


@pytest.fixture
def project(store) -> str:
    return store.add_project("Study")


@pytest.fixture(autouse=True)
def look_freely(monkeypatch):
    """Whoever sits here has said what they expect: nothing is covered. `test_cover.py` is about the rest."""
    monkeypatch.setattr(_state, "covered", lambda current: False)
