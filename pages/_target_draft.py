"""A form in progress, and the widgets that begin with what it started from."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st

from core.target import TargetTask


@dataclass(frozen=True)
class Draft:
    """A form in progress. `number` makes its widgets its own; `base` holds what it started from, if anything."""

    number: int
    base: TargetTask | None
    imported: bool = False

    def key(self, name: str, *depends_on: str) -> str:
        """The key of a widget; it starts afresh when something in `depends_on` changes."""
        suffix = hashlib.sha256("|".join(depends_on).encode()).hexdigest()[:8] if depends_on else ""
        return f"target_{self.number}_{name}{suffix}"

    def start(self, name: str, otherwise=""):
        """What a field begins with."""
        return getattr(self.base, name) if self.base else otherwise


def ask_text(draft: Draft, name: str, label: str, placeholder: str, **options) -> str:
    return st.text_input(
        label,
        str(draft.start(name)),
        placeholder=placeholder,
        key=draft.key(name),
        persist_state="session",
        **options,
    ).strip()


def choice_or_own(draft: Draft, name: str, label: str, suggestions: Collection[str]) -> str:
    """One of the suggestions, or the user's own words; "" when left open."""
    start = draft.start(name)
    options = [*suggestions, start] if start and start not in suggestions else list(suggestions)
    chosen = st.selectbox(
        label,
        options,
        index=options.index(start) if start else None,
        accept_new_options=True,
        placeholder="Choose or type",
        key=draft.key(name),
        persist_state="session",
    )
    return (chosen or "").strip()


def segments(draft: Draft, name: str, label: str, choices: dict[str, str]) -> str:
    return st.segmented_control(
        label,
        list(choices),
        default=draft.start(name, next(iter(choices))),
        required=True,
        format_func=choices.get,
        key=draft.key(name),
        persist_state="session",
    )
