"""What is to be rendered. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DueRendering:
    """An assertion whose PDFs are due. `attempts` counts the failed ones."""

    assertion_id: str
    attempts: int
