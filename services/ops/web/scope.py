"""Whose people a signed-in user sees: an admin everybody's, role office those of the qualifications of its desk."""

from __future__ import annotations

from fastapi import Request

from services.ops.board.decisions import History
from services.ops.ports import Ports
from services.ops.queries import history
from shared.programme import Programme
from shared.runtime.web.office_gate import NotAllowed, user_of


class Scope:
    def __init__(self, programme: Programme, ports: Ports) -> None:
        self._ports = ports
        self._by_desk = {
            desk: tuple(id for id, each in programme.qualifications.items() if each.desk == desk)
            for desk in programme.desks
        }

    def seen_by(self, request: Request) -> tuple[str, ...] | None:
        """The qualifications whose people the user sees; None: everybody. A desk that there is no more sees nobody."""
        user = user_of(request)
        return None if user.is_admin else self._by_desk.get(user.desk or "", ())

    def person(self, request: Request, id: str) -> History:
        """The history of a registration that the user may see. NotAllowed, NotFound."""
        seen, found = self.seen_by(request), history(self._ports, id)
        if seen is not None and found.qualification not in seen:
            raise NotAllowed
        return found

    def must_see(self, request: Request, id: str) -> None:
        """NotAllowed for a badge or a registration outside the user's desk: orders take the id of either. NotFound."""
        with self._ports.store.transaction() as tx:
            registration_id = tx.decisions.registration_of(id)
        self.person(request, registration_id or id)
