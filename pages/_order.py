"""A quick way to rank a few things by feel: the best, the second, and the rest follows."""

import streamlit as st


def ask_order(names: list[str], key: str) -> list[str]:
    """The `names`, best first, by two clicks for three of them; [] until it is known."""
    order, rest = [], list(names)
    for label in ("Best", "Second", "Third", "Fourth")[: len(names) - 1]:
        chosen = st.segmented_control(label, rest, key=f"{key}_{label}_{'/'.join(order)}")
        if chosen is None:
            return []
        order, rest = [*order, chosen], [name for name in rest if name != chosen]
    st.markdown(f"Your order: {', '.join([*order, *rest])}.")
    return [*order, *rest]
