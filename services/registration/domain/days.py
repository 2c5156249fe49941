"""Which days of a record can't be, by the programme's bounds and by each other; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from shared.clock import years_after
from shared.programme import Bounds
from shared.soundness import Fault, day_fault, period_fault


def faults_of_days(days: Mapping[str, date], bounds: Bounds, valid_years: int | None = None) -> dict[str, Fault]:
    """What is wrong with `days`, those that a record names, by their fields: at most one a field.

    `valid_years`: of every period of the qualification; None: any.
    """
    begins, ends, born, completed = map(days.get, ("valid_from", "valid_until", "birth_date", "completed_on"))
    begins_fault = day_fault(begins, bounds) if begins is not None else None
    ends_fault = ended_fault(begins, ends, bounds) if ends is not None else None
    if ends is not None and begins is not None and begins_fault is None and ends_fault is None:
        ends_fault = length_fault(begins, ends, valid_years)
    born_fault = birth_fault(born, begins, bounds) if born is not None and begins is not None else None
    completed_fault = None
    if completed is not None:
        completed_fault = completion_fault(
            completed, None if born_fault else born, None if ends_fault else ends, bounds
        )
    found = {
        "birth_date": born_fault,
        "completed_on": completed_fault,
        "valid_from": begins_fault,
        "valid_until": ends_fault,
    }
    return {field: fault for field, fault in found.items() if fault is not None}


def ended_fault(begins: date | None, ends: date, bounds: Bounds) -> Fault | None:
    """Of the last day of a period; of a period that begins on no possible day only by the calendar."""
    if begins is None or day_fault(begins, bounds):
        return day_fault(ends, bounds)
    return period_fault(begins, ends, bounds)


def length_fault(begins: date, ends: date, valid_years: int | None) -> Fault | None:
    """Of the last day of a period that is to last `valid_years`; None: any."""
    if valid_years is None:
        return None
    last = years_after(begins, valid_years) - timedelta(days=1)
    if begins.month == 2 and begins.day == 29 and last.day == 27:  # the day after it is the 1st of March
        last += timedelta(days=1)
    return None if ends == last else Fault(f"{last}, the last day of {valid_years} years", str(ends))


def birth_fault(born: date, begins: date, bounds: Bounds) -> Fault | None:
    """Of a date of birth, by the age at which the period begins."""
    if years_after(born, bounds.youngest_years) > begins:
        return Fault(f"a person of {bounds.youngest_years} years when the registration begins", str(born))
    if years_after(born, bounds.oldest_years) < begins:
        return Fault(f"a person of {bounds.oldest_years} years at most when the registration begins", str(born))
    return None


def completion_fault(completed: date, born: date | None, ends: date | None, bounds: Bounds) -> Fault | None:
    """Of the day on which the registration was completed. `born` and `ends` None: not known, or at fault themselves."""
    if fault := day_fault(completed, bounds):
        return fault
    if born is not None and completed < born:
        return Fault("a day after the person was born", str(completed))
    if ends is not None and completed > ends:
        return Fault(f"a day not after valid_until, {ends}", str(completed))
    return None
