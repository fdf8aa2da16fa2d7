"""Is the data fit for the task? The sentence that answers it, with what was found further down the page."""

from core.images.shortcuts import FEWEST_IMAGES
from pages._target_alike import COPIES, SHORTCUTS
from pages._target_reading import Found, Later
from pages._text import count


def verdict_of(found: Found, whole: bool) -> str:
    """The answer; on the `whole` page also about copies and shortcuts, which are looked for after the first answer."""
    findings = found.inspection.findings
    errors, warnings = (sum(f.level == level for f in findings) for level in ("error", "warning"))
    whole = whole and found.part is not None
    below = _cautions_below(found.later) if whole else []
    n = warnings + len(below)
    if errors:
        said = [f"**Not yet.** {count(errors, 'thing')} must be put right before anything can be scored."]
    elif n:
        them = "it" if n == 1 else "them"
        said = [f"**Yes, with {count(n, 'caution')}.** Scores can be computed; read {them} first."]
    else:
        said = ["**Yes.** Every image was read."]
    if below:
        said.append(f"Further down: {'; '.join(below)}.")
    if whole:
        said.append(_nothing_below(found.later))
    return " ".join(said)


def _cautions_below(later: Later) -> list[str]:
    """Links to what was found further down. Equal pixels are among the findings already."""
    near = [same for same in later.similar or () if not same.exact]
    classes, parts = sum(same.across_classes for same in near), sum(same.across_splits for same in near)
    markers = list(dict.fromkeys(check.name for check in later.shortcuts.risks)) if later.shortcuts else []
    cautions = [
        (classes, f"[{count(classes, 'set')} of near-duplicates across classes](#{COPIES})"),
        (parts, f"[{count(parts, 'set')} of near-duplicates across parts](#{COPIES})"),
        (markers, f"[{count(len(markers), 'shortcut risk')}: {_first_of(markers)}](#{SHORTCUTS})"),
    ]
    return [caution for there, caution in cautions if there]


def _first_of(names: list[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if names[1:] else "".join(names)


def _nothing_below(later: Later) -> str:
    """What was not looked for yet, cannot be told, or was looked for in vain."""
    near, shortcuts = f"[near-duplicates](#{COPIES})", f"[shortcuts](#{SHORTCUTS})"
    missing = [near] * (later.similar is None) + [shortcuts] * (later.shortcuts is None)
    if missing:
        return f"Not looked for yet: {' and '.join(missing)}."
    few, said = later.shortcuts.n < FEWEST_IMAGES, []
    if not _cautions_below(later):
        said.append(f"No {near} across classes or parts{'' if few else f' and no {shortcuts}'} were found.")
    if few:
        said.append(f"There are too few images to look for {shortcuts}.")
    return " ".join(said)
