"""The tables of the schema `ops`, a module each, in one transaction. What events say is written by `events.py`."""

from __future__ import annotations

from functools import cached_property

from services.ops.store.board import BoardQueries, Seen
from services.ops.store.cohort_orders import CohortOrderRows
from services.ops.store.dead_letters import DeadLetterRows
from services.ops.store.decisions import DecisionRows
from services.ops.store.erasures import ErasureRows
from services.ops.store.history import PersonEvents
from services.ops.store.letters import LetterRows
from services.ops.store.paper import PaperRows
from services.ops.store.rejections import RejectionRows
from services.ops.store.restores import RestoreRows
from services.ops.store.scrubs import ScrubRows
from services.ops.store.search import SearchRows
from services.ops.store.standing import Standing
from services.ops.store.statements import StatementRows
from shared.runtime.db import Transaction


class Tables(Transaction):
    @property
    def board(self) -> BoardQueries:
        return BoardQueries(self, self.standing)

    def board_seen(self, seen: Seen) -> BoardQueries:
        """The board for a user who sees the people of these qualifications; None: of all."""
        return BoardQueries(self, self.standing, seen)

    @cached_property
    def standing(self) -> Standing:
        return Standing(self)

    @property
    def history(self) -> PersonEvents:
        return PersonEvents(self)

    @property
    def search(self) -> SearchRows:
        return SearchRows(self, self.standing)

    @property
    def decisions(self) -> DecisionRows:
        return DecisionRows(self)

    @property
    def cohort_orders(self) -> CohortOrderRows:
        return CohortOrderRows(self)

    @property
    def rejections(self) -> RejectionRows:
        return RejectionRows(self)

    @property
    def letters(self) -> LetterRows:
        return LetterRows(self)

    @property
    def paper(self) -> PaperRows:
        return PaperRows(self)

    @property
    def dead_letters(self) -> DeadLetterRows:
        return DeadLetterRows(self)

    @property
    def erasures(self) -> ErasureRows:
        return ErasureRows(self, self.standing)

    @property
    def statements(self) -> StatementRows:
        return StatementRows(self)

    @property
    def scrubs(self) -> ScrubRows:
        return ScrubRows(self)

    @property
    def restores(self) -> RestoreRows:
        return RestoreRows(self)
