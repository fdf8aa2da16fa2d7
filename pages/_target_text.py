"""Small pieces of text for the Target page."""

import re


def code(text: str) -> str:
    """`text` as Markdown code, so that a name made by a user is shown as it is."""
    shown = text.replace("`", "'").replace("\n", " ")
    return f"`{shown}`"


def count(n: int, one: str, many: str = "") -> str:
    """ "1 image", "1,200 images"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """`text` with what Markdown would interpret escaped, for places that know no plain text."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>])", r"\\\1", text)
