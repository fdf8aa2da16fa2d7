"""In which order a measure puts the sources, and which of them it cannot tell apart."""


def tiers(distances: dict[str, dict], alike: str) -> list[list[str]]:
    """The names of `distances` (name -> `value`, `low`, `high` and perhaps `excess`), most alike first, in tiers.
    `alike`: whether "high" or "low" values mean alike.

    A source shares the tier of the ones before it if its interval reaches that of the tier's first. Without an interval
    each stands alone; without a value a source is left out.
    """
    known = {name: d for name, d in distances.items() if d["value"] is not None}
    sign = -1 if alike == "high" else 1
    found: list[list[str]] = []
    for name in sorted(known, key=lambda name: sign * _place(known[name])):
        if found and _overlap(known[found[-1][0]], known[name]):
            found[-1].append(name)
        else:
            found.append([name])
    return found


def seen(distance: dict) -> bool | None:
    """Whether a difference is seen: whether the interval leaves 0 out. None without an interval."""
    return None if distance["low"] is None else not distance["low"] <= 0 <= distance["high"]


def _place(distance: dict) -> float:
    return distance["value"] if distance.get("excess") is None else distance["excess"]


def _overlap(one: dict, other: dict) -> bool:
    if one["low"] is None or other["low"] is None:
        return False
    return one["low"] <= other["high"] and other["low"] <= one["high"]
