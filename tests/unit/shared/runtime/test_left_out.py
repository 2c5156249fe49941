"""What a service's process doesn't load, and that nothing is missed. In processes of their own: it is about imports."""

from __future__ import annotations

import json
import subprocess
import sys

from shared.runtime.left_out import LEFT_OUT


def said(code: str) -> list[str]:
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    words: list[str] = json.loads(found.stdout)
    return words


def test_no_service_of_mail_and_pages_loads_what_is_left_out() -> None:
    names = sorted({name for modules in LEFT_OUT.values() for name in modules} | {"aiohttp", "pygments", "rich"})
    loaded = said(
        "import json, sys\n"
        "import services.mailer.__main__, services.ops.__main__\n"
        f"print(json.dumps([name for name in {names!r} if name in sys.modules]))"
    )
    assert loaded == []


def test_the_chain_is_read_without_the_curve_of_validators_and_the_constant_is_the_real_one() -> None:
    without, with_it = said(
        "import json, sys\n"
        "import services\n"
        "import eth_keyfile.keyfile as ours\n"
        "without = [name for name in sys.modules if name.startswith(('py_ecc.bls', 'py_ecc.optimized'))]\n"
        "from py_ecc.bls12_381 import curve_order\n"
        "print(json.dumps([str(without), str(ours.curve_order == curve_order)]))"
    )
    assert (without, with_it) == ("[]", "True")


def test_whoever_else_asks_for_such_a_module_gets_it() -> None:
    names = sorted(name for modules in LEFT_OUT.values() for name in modules if name != "better_exceptions")
    got = said(
        "import importlib, json, sys\n"
        "import services\n"
        "import structlog, httpx, eth_keyfile, faust, fastapi\n"
        f"print(json.dumps([name for name in {names!r} if len(vars(importlib.import_module(name))) > 10]))"
    )
    assert got == names
