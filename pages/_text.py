"""Small pieces of text for all pages: what a person typed is shown as it is, whatever Markdown makes of it."""

import re
from datetime import UTC, datetime


def code(text: str) -> str:
    """`text` as Markdown code."""
    shown = text.replace("`", "'").replace("\n", " ")
    return f"`{shown}`"


def plain(text: str) -> str:
    """`text` in one line, with what Markdown would interpret escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!:$~|<>&])", r"\\\1", " ".join(text.split()))


def count(n: int, one: str, many: str = "") -> str:
    """ "1 image", "1,200 images"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def ago(moment: str) -> str:
    """How long ago an ISO 8601 time was: "just now", "3 minutes ago", "2 days ago"."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{count(int(seconds // length), unit)} ago"
    return "just now"


def distinct(names: dict[str, str]) -> dict[str, str]:
    """`names` by id, with "(2)", "(3)" behind those that came before: a select box knows its options by their text."""
    shown: dict[str, str] = {}
    for id, name in names.items():
        label, number = name, 1
        while label in shown.values():
            number += 1
            label = f"{name} ({number})"
        shown[id] = label
    return shown
