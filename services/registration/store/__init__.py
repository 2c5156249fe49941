"""The schema `registration`: all of its SQL. Birth dates and phone numbers never leave it."""

from __future__ import annotations

from services.registration.store.recalled import RegistrationTransaction
from services.registration.store.registrations import RejectedRow
from shared.runtime.db import Database

__all__ = ["RegistrationTransaction", "RejectedRow", "Store"]

Store = Database[RegistrationTransaction]
