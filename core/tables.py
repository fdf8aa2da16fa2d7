"""Tables of answers as CSV, safe to open in a spreadsheet: what a cell says is never taken for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from core.errors import SourceScoutError

_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # how a cell begins that a spreadsheet computes, or that was guarded before
_NUMBER = re.compile(r"[+-]?\d*\.?\d+(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table as CSV (RFC 4180). What could be a formula gets an apostrophe in front; numbers stay numbers."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_guard(str(cell)) for cell in row] for row in rows)
    return text.getvalue()


def read_csv(text: str, columns: Sequence[str], error: type[SourceScoutError]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with these `columns`, each with its number in a spreadsheet and the cells as they were before
    `write_csv`. `error` is raised with a message for people where this is no such table."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        if missing := [column for column in columns if column not in (rows.fieldnames or ())]:
            raise error(f"Columns are missing: {', '.join(missing)}.", f"Needed are {', '.join(columns)}.")
        for place, row in enumerate(rows, 2):
            yield place, {column: _unguard(row[column] or "") for column in columns}
    except csv.Error as problem:
        raise error(f"This is no CSV table: {problem}.", "Compare it with exported answers.") from None


def decoded(content: bytes, error: type[SourceScoutError]) -> str:
    """The text of an uploaded table; `error` where it is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error("The file is no text in UTF-8.", "Save it as CSV in UTF-8.") from None


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
