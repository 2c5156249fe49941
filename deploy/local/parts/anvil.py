"""The local chain: anvil with its state in a file. `python -m deploy.local.parts.anvil` becomes it.

Once a second anvil truncates its state file and writes it; a kill in that moment leaves an incomplete file. So the
supervisor copies each complete one, and a start falls back to the copy. At most a second of chain is lost, less than
the depth of finality. The state grows by 1.7 KB a block; `miner.py` pauses mining while nothing happens.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from deploy.local.environment import CHAIN_ID, REPOSITORY, Place
from shared.clock import clock_from

_END = b'"historical_states":null}'  # how anvil 1.7.1's state file ends


def state_file(place: Place) -> Path:
    return place.data / "chain" / "state.json"


def kept_file(place: Place) -> Path:
    return place.data / "chain" / "state.whole.json"


def anvil_program() -> Path | None:
    """The program of the npm package for this platform, or None when npm has installed none."""
    found = sorted((REPOSITORY / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    return found[0] if found else None


def command(place: Place, clock: str) -> list[str]:
    """What the supervisor runs: this module, which becomes anvil. `clock` is AKASHI_CLOCK, "" for the real time."""
    own = [sys.executable, "-m", "deploy.local.parts.anvil", "--home", str(place.home)]
    own += ["--port-base", str(place.port_base)]
    return [*own, "--clock", clock] if clock else own


def prepare(place: Place) -> None:
    state_file(place).parent.mkdir(parents=True, exist_ok=True)


def keep_state(place: Place) -> None:
    """Copy the state when it is newer than the copy and complete. Dying in the middle leaves the previous copy."""
    state, kept = state_file(place), kept_file(place)
    try:
        if kept.exists() and kept.stat().st_mtime_ns >= state.stat().st_mtime_ns:
            return
        draft = kept.with_suffix(".draft")
        shutil.copyfile(state, draft)
        with draft.open("rb") as file:
            file.seek(max(0, draft.stat().st_size - len(_END)))
            if file.read() != _END:
                return
        draft.replace(kept)
    except OSError:
        return  # no state yet, or no space for a copy: tried again a second later


def restore_state(place: Place) -> None:
    """Before a start: replace an incomplete state by the last complete one. The incomplete one is kept beside it."""
    state, kept = state_file(place), kept_file(place)
    if not state.exists() or _is_whole(state):
        return
    state.replace(state.with_suffix(".torn"))
    if _is_whole(kept):
        shutil.copyfile(kept, state)


def _is_whole(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (OSError, ValueError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    parser.add_argument("--clock", default="")
    asked = parser.parse_args()
    place = Place(asked.home, asked.port_base)
    program = anvil_program()
    if program is None:
        raise SystemExit("anvil: not found in node_modules/@foundry-rs; run `make setup`")
    restore_state(place)
    words = [str(program), "--host", "127.0.0.1", "--port", str(place.port("chain"))]
    words += ["--chain-id", str(CHAIN_ID), "--block-time", "1", "--slots-in-an-epoch", "2", "--quiet"]
    words += ["--state", str(state_file(place)), "--state-interval", "1"]
    if asked.clock:  # needed at each start: the state does not keep the clock's offset
        words += ["--timestamp", str(int(clock_from(asked.clock)().timestamp()))]
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
