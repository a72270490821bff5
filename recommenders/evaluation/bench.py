"""What a benchmark found: a table for people, one JSON object for machines."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def machine() -> dict[str, Any]:
    """The machine on which a benchmark runs."""
    return {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}


@dataclass(frozen=True)
class BenchResult:
    """One benchmark's outcome.

    `settings` say how it was run (sizes, seeds, data); `figures` are what was measured and `ratios` what is to be
    compared between machines; `columns` and `rows` are the table for people.
    """

    name: str
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    ratios: Mapping[str, float]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    machine: Mapping[str, Any] = field(default_factory=machine)

    def as_json(self) -> str:
        """One JSON object with name, machine, settings, figures and ratios."""
        parts = ("name", "machine", "settings", "figures", "ratios")
        return json.dumps({part: getattr(self, part) for part in parts})

    def table(self) -> str:
        """The table as plain text: the first column to the left, the others to the right."""
        content = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*content, strict=True)]
        lines = [_line(row, widths) for row in content]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _line(row: Iterable[str], widths: list[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
