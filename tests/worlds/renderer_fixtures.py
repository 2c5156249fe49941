"""Fixtures of the tests that render: a database, a press, a renderer. A pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from services.renderer.app import MIGRATIONS
from services.renderer.domain.certificate import Press
from services.renderer.handlers import Ports
from services.renderer.rendering import Pictures
from services.renderer.store import RendererTransaction, Store
from shared.runtime.migrate import migrate
from tests.worlds.credentials import ISSUER
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import Databases
from tests.worlds.press import FONTS, PROGRAMME, badge
from tests.worlds.renderer import Stage


@pytest.fixture(scope="module")
def press() -> Press:
    return Press(PROGRAMME, FONTS)


@pytest.fixture
def stage(databases: Databases, press: Press) -> Iterator[Stage]:
    url = databases.fresh()
    migrate(url, "renderer", MIGRATIONS)
    made: list[Stage] = []

    def now() -> datetime:
        return made[0].now

    store = Store(url, "renderer", RendererTransaction, now)
    objects = MemoryObjects()
    pictures = Pictures({(id, "2026"): badge(id) for id in PROGRAMME.qualifications})
    made.append(Stage(store, objects, Ports(store, objects, press, ISSUER.public_url, now, pictures)))
    yield made[0]
    assert objects.content_types <= {"application/pdf"}
    store.close()
