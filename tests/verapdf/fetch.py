"""veraPDF, the open validator of PDF/A and PDF/UA. `python -m tests.verapdf.fetch` takes it from Maven."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.parts.java import fetch_jars, java

_FOLDER = Path(__file__).parent
_JARS = _FOLDER / "target" / "dependency"


def verdicts(pdfs: Mapping[str, bytes], standards: Sequence[str], folder: Path) -> dict[tuple[str, str], str]:
    """What veraPDF says of each document by each standard ("3b": PDF/A-3b, "ua1": PDF/UA-1): "ok", or what fails.

    One process for all (2 s, and 0.1 s each). `folder` takes the files. FileNotFoundError when veraPDF isn't there.
    """
    if not any(_JARS.glob("validation-model-*.jar")):
        raise FileNotFoundError(f"{_JARS}: no veraPDF there; run `make setup`")
    names = {}
    for number, (name, body) in enumerate(pdfs.items()):
        path = folder / f"{number}.pdf"
        path.write_bytes(body)
        names[str(path)] = name
    command = [str(java()), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{_JARS}/*"]
    command += ["org.mozilla.javascript.tools.shell.Main", "-version", "200", str(_FOLDER / "check.js")]
    said = subprocess.run([*command, ",".join(standards), *names], capture_output=True, text=True, check=True).stdout
    lines = [line.split("\t") for line in said.splitlines()]
    return {(names[path], standard): verdict for path, standard, verdict in lines}


if __name__ == "__main__":
    fetch_jars(_FOLDER)
