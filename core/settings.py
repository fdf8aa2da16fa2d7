"""Where SourceScout keeps its data, and which folders it may read."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import SourceScoutError

RESEARCH_USE = "Research use only. Not for clinical decisions."


def home() -> Path:
    """The user data folder: SOURCESCOUT_HOME, else the platform's usual place. Created when missing.

    SourceScoutError when it cannot be made."""
    given = os.environ.get("SOURCESCOUT_HOME") or _platform_data_folder()
    try:
        folder = Path(given).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: an unknown user after ~
        raise SourceScoutError(
            f"The data folder `{given}` cannot be made: {getattr(error, 'strerror', None) or error}.",
            "Set SOURCESCOUT_HOME to a folder that you may write to, on a disk with free space.",
        ) from None
    return folder


def _platform_data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "SourceScout"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "SourceScout"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "sourcescout"


def allowed_roots() -> tuple[Path, ...]:
    """Folders that may be read: SOURCESCOUT_ROOTS (separated like PATH), else the home folder; the demo and the
    MedMNIST files that SourceScout fetched always."""
    given = [p for p in os.environ.get("SOURCESCOUT_ROOTS", "").split(os.pathsep) if p]
    roots = [Path(p).expanduser() for p in given] or [Path.home()]
    return tuple(root.resolve() for root in [*roots, demo_folder(), medmnist_folder()])


def medmnist_folder() -> Path:
    """Where fetched MedMNIST files are kept; made when the first one is fetched."""
    return home() / "datasets" / "medmnist"


def demo_folder() -> Path:
    """The demo project that ships with SourceScout."""
    return data_folder() / "demo"


def data_folder() -> Path:
    """The facts that ship with SourceScout."""
    return Path(__file__).resolve().parent.parent / "data"


def full_path(text: str | Path) -> Path:
    """`text` as a path with `~` filled in, links not resolved; SourceScoutError when it cannot be one."""
    try:
        return Path(text).expanduser()
    except (ValueError, RuntimeError) as error:  # RuntimeError: an unknown user after ~
        raise SourceScoutError(f"{str(text)!r} is no usable path: {error}", "Correct it.") from None


def require_allowed(path: str | Path, roots: tuple[Path, ...]) -> Path:
    """`path` with links resolved; SourceScoutError when it lies outside every one of `roots`."""
    try:
        resolved = Path(path).expanduser().resolve()
        allowed = any(resolved.is_relative_to(root) for root in roots)
        if allowed:
            with suppress(FileNotFoundError, NotADirectoryError):
                resolved.stat()  # says whether the system would look there: a name too long, a folder not to be read
    except (ValueError, RuntimeError, OSError) as error:  # a null character, an unknown user after ~, a loop of links
        why = getattr(error, "strerror", None) or error
        raise SourceScoutError(f"{str(path)!r} is no usable path: {why}.", "Correct it.") from None
    if not allowed:
        raise SourceScoutError(
            f"`{path}` is outside the folders that SourceScout may read ({', '.join(str(root) for root in roots)}).",
            "Move it there, or start the app with SOURCESCOUT_ROOTS set to the folders that you allow.",
        )
    return resolved
