"""The eight services. Whatever they import comes after this: libraries without what none of them uses."""

import gc

from shared.runtime import left_out

left_out.install()
gc.set_threshold(10_000, 20, 20)  # loading modules makes a hundred thousand objects and no garbage
