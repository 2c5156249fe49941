"""The local chain: anvil with its state in a file. `python -m deploy.local.anvil` becomes it.

anvil writes its state by truncating the file, once a second: a kill in that moment leaves half a file. So the
supervisor keeps a copy of the last whole one, and a start takes that when the file is torn; what is lost then is a
second of chain, less than the depth of finality. The state grows by 1.7 KB a block; `miner.py` lets it rest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
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


def keep_state(place: Place) -> None:
    """Copy the state aside when it is newer and whole. Dying in the middle leaves the former copy."""
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
        return  # no state yet, or no room for a copy: the next second tries again


def mend_state(place: Place) -> None:
    """Before a start: put the last whole state in the place of a torn one. A torn one is kept beside it."""
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
    mend_state(place)
    command = [str(program), "--host", "127.0.0.1", "--port", str(place.port("chain"))]
    command += ["--chain-id", str(CHAIN_ID), "--block-time", "1", "--slots-in-an-epoch", "2", "--quiet"]
    command += ["--state", str(state_file(place)), "--state-interval", "1"]
    if asked.clock:  # at each start again: the state does not remember how far its clock was from the real one
        command += ["--timestamp", str(int(clock_from(asked.clock)().timestamp()))]
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
