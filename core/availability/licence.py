"""What the licence of a checkpoint says now, where to read it, and whether it seems to conflict with the purpose."""

import re
from dataclasses import dataclass

from huggingface_hub import constants

from core.availability import licence_question
from core.availability.standing import Availability
from core.catalog import Checkpoint


@dataclass(frozen=True)
class Licence:
    """`name` as the hub's card states it now, else as registered; `link` to its text, else to the card, else empty;
    `read`: when the card was read (ISO 8601), empty for what was registered; `question`: what to have checked."""

    name: str
    registered: str
    link: str
    read: str
    question: str


def licence_of(checkpoint: Checkpoint, availability: Availability, commercial_use: bool) -> Licence:
    """The licence as it is known; the first of both names that raises a question for this purpose tells it."""
    answer = availability.answer
    now = answer.get("licence_name") or answer.get("licence") or ""
    questions = [licence_question(text, commercial_use) for text in (now, checkpoint.licence) if text]
    question = next(filter(None, questions), "") if questions else licence_question("", commercial_use)
    name, read = (now, availability.said) if now else (checkpoint.licence, "")
    return Licence(name, checkpoint.licence, _link(availability), read, "" if checkpoint.kind == "random" else question)


def _link(availability: Availability) -> str:
    """The text that the card names; for Creative Commons their own; else the card itself."""
    answer, address = availability.answer, availability.address
    stated = answer.get("licence_link", "")
    if re.fullmatch(r"https?://[^\s()<>\[\]]+", stated):
        return stated
    if commons := re.fullmatch(r"cc-(by[a-z-]*)-(\d\.\d)", answer.get("licence", "")):
        return f"https://creativecommons.org/licenses/{commons[1]}/{commons[2]}/legalcode"
    page = f"{constants.ENDPOINT}/{address.repository}" if address else ""
    return f"{page}/blob/main/{stated}" if page and re.fullmatch(r"[\w./-]+", stated) else page
