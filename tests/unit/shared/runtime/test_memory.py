"""What a process does about memory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import gc
from shared.runtime.memory import give_back, keep_little

class Ring:
    def __init__(self):
        self.self = self

before = Ring()
keep_little()
give_back()
after = Ring()
seen = [each for each in gc.get_objects() if isinstance(each, Ring)]
print(gc.get_freeze_count() > 0, gc.isenabled(), seen == [after])
gc.disable()
del after, seen
give_back()
print(any(isinstance(each, Ring) for each in gc.get_objects()))
"""


def test_what_was_loaded_is_not_looked_through_again_and_what_comes_later_is() -> None:
    said = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.split() == ["True", "True", "True", "False"]
