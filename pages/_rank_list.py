"""The list that people put in order by dragging, keys or buttons, as a Streamlit component."""

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from core.settings import data_folder

# The page is drawn anew after each move, with the order of then: entries that stand there are left where people put
# them meanwhile.
_MOUNT = """
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector("ol");
  if (root.dataset.list === data.list) return;
  root.dataset.list = data.list;
  root.setAttribute("aria-label", data.label);
  root.replaceChildren();
  rankList(root, data.items, (keys) => setStateValue("order", keys));
}
"""


@lru_cache(maxsize=1)
def _files() -> dict[str, str]:
    folder = data_folder() / "survey"
    script, style = (folder.joinpath(f"rank_list.{end}").read_text(encoding="utf-8") for end in ("js", "css"))
    return {"html": "<ol></ol>", "css": style, "js": script + _MOUNT}


def rank_list(label: str, names: dict[str, str], key: str, on_change: Callable[[], None]) -> list[str]:
    """The keys of `names` in the order that a person gave them; first that of `names`. Lists with another `key` know
    nothing of each other."""
    component = st.components.v2.component("sourcescout.rank_list", **_files())
    items = [{"key": one, "name": name} for one, name in names.items()]
    result = component(
        key=key, data={"list": key, "label": label, "items": items}, default={"order": list(names)},
        on_order_change=on_change,
    )  # fmt: skip
    return list(result.order) if sorted(result.order) == sorted(names) else list(names)  # it came from a browser
