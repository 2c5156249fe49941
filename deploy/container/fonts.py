"""`python -m deploy.container.fonts FROM TO` copies the fonts that the services draw with, and their licences.

Of the packages' 640 MB, which have every weight, the image gets what `shared/glyphs.py` names.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from shared.glyphs import SANS, SANS_MEDIUM, SERIF, SERIF_BLACK, SERIF_BOLD, chain_files


def needed(folder: Path) -> list[Path]:
    """Every file below `folder` that registration, issuer or renderer opens, and the licence of each family."""
    fonts = {file for font in (SERIF, SERIF_BOLD, SANS, SANS_MEDIUM) for file in chain_files(folder, font)}
    fonts.add(folder / SERIF_BLACK)
    licences = {file for font in fonts for file in font.parents[1].glob("LICENSE*")}
    return sorted(fonts | licences)


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    for file in needed(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


if __name__ == "__main__":
    main()
