"""How long a skilled user takes to go through some pages: the keystroke-level model, an estimate, not a measurement.

Source: Card, Moran, Newell, The Keystroke-Level Model for User Performance Time with Interactive Systems, CACM 23(7),
1980; the operators' seconds: Kieras, Using the Keystroke-Level Model to Estimate Execution Times, 2001. A tap of a
finger counts as pointing and pressing with a mouse.
"""

from __future__ import annotations

from dataclasses import dataclass

THINK = 1.2  # M: before each tap, of a field or a button
POINT = 1.1  # P
PRESS = 0.1  # B
HOME = 0.4  # H: the hand goes to the keys and comes back, for each field
KEYS = {"average": 0.28, "complex codes": 0.75, "worst, unfamiliar with a keyboard": 1.20}
"""K, for a key: Kieras's averages of kinds of typists."""
RESPOND = 1.0  # R: for each page over a mobile network; an assumption
READ = 500 / 60  # Japanese characters a second, read silently and in full; an assumption


@dataclass
class Steps:
    """What a person does on the way."""

    screens: int = 0
    taps: int = 0
    fields: int = 0
    keys: int = 0
    characters: int = 0  # that stand on the screens

    def seconds(self, typist: str) -> float:
        """Without reading more than the words of the buttons."""
        return (
            self.taps * (THINK + POINT + PRESS)
            + self.fields * 2 * HOME
            + self.keys * KEYS[typist]
            + self.screens * RESPOND
        )

    @property
    def seconds_to_read_all(self) -> float:
        return self.characters / READ
