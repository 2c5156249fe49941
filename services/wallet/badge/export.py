"""All that the wallet has of a person, in one ZIP: own data as JSON, and the files of every badge that has files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from io import SEEK_SET, BytesIO, RawIOBase
from itertools import chain
from typing import Any

import msgspec

from services.wallet.badge.badges import bake
from services.wallet.domain.badge import WalletBadge, is_finished, pdf_key, state_of
from services.wallet.domain.paper import registrations_with_orders
from services.wallet.ports import Ports
from services.wallet.store import Account
from services.wallet.store.own_data import own_account, own_orders
from services.wallet.stored_files import Damaged
from shared import object_keys
from shared.clock import JST

DATA = "data.json"
_MISSING = (
    "保管庫から取り出せませんでした。日をおいて、もう一度書き出してください。続くときは、窓口へお知らせください。\n"
    "It could not be taken from the storage. Please export again another day; if it goes on, tell a desk.\n"
)

Title = Callable[[WalletBadge], str]
File = tuple[str, Callable[[], bytes]]


def export(account: Account, title: Title, ports: Ports) -> Iterator[bytes]:
    """The ZIP in parts; one file at a time is in memory. `title` names the folder of a badge's files.

    TryLater at once when the storage is away. When it goes away later, the exception ends the answer, so that a browser
    reports a broken download. In the place of a file that is not in the storage, or not whole, a text says so.
    """
    with ports.acting(account) as tx:
        own = own_account(tx, account.account_id)
        badges = tx.badges.list_own(account.account_id)
        orders = own_orders(tx, registrations_with_orders(badges))
    described = [_described(badge, ports) for badge in badges]
    data = {"account": own, "badges": described, "orders_on_paper": orders, "exported_at": ports.now()}
    first = (DATA, lambda: msgspec.json.format(msgspec.json.encode(data)))
    parts = _zipped(chain([first], *(_files(badge, title(badge), ports) for badge in badges)), ports)
    begun = next(parts)  # the first file of the storage is in it: an outage is answered as one
    return chain([begun], parts)


def _described(badge: WalletBadge, ports: Ports) -> dict[str, Any]:
    """As the tables have it. Numbers of accounts, which may be others' too, are of no use elsewhere."""
    fields = msgspec.to_builtins(badge)
    for internal in ("account_id", "addressee_id"):
        del fields[internal]
    shown = badge.shows_numbers(ports.programme.public_page)
    return {**fields, "state": state_of(badge, ports.now()), "numbers_are_public": shown}


def _files(badge: WalletBadge, title: str, ports: Ports) -> Iterator[File]:
    if not is_finished(badge, ports.now()):
        return
    folder = f"{title}_{badge.assertion_id}"

    def stored(key: str | None) -> Callable[[], bytes]:
        return lambda: ports.objects.owed(key or "")

    yield f"{folder}/credential.json", stored(object_keys.credential(badge.assertion_id))
    yield f"{folder}/{title}.png", lambda: bake(badge, "png", ports)
    yield f"{folder}/{title}.svg", lambda: bake(badge, "svg", ports)
    texts = ports.programme.texts
    yield f"{folder}/{texts.certificate_title.ja}_{title}.pdf", stored(pdf_key(badge, "certificate", ports.now()))
    yield f"{folder}/{texts.details_title.ja}_{title}.pdf", stored(pdf_key(badge, "details", ports.now()))


def _zipped(files: Iterator[File], ports: Ports) -> Iterator[bytes]:
    """In parts: the first holds two files or all, then one part a file."""
    pipe = _Pipe()
    moment = ports.now().astimezone(JST).timetuple()[:6]  # the times of a ZIP have no zone: its reader's is meant
    with zipfile.ZipFile(pipe, "w") as archive:
        for number, (name, read) in enumerate(files):
            try:
                content = read()
            except Damaged:
                name, content = f"{name}.missing.txt", _MISSING.encode()
            entry = zipfile.ZipInfo(name, moment)
            # Pictures and PDFs are compressed already.
            entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith((".json", ".svg")) else zipfile.ZIP_STORED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
            if number > 0:
                yield pipe.take()
    yield pipe.take()


class _Pipe(RawIOBase):
    """Takes what the archive writes, until the answer has sent it.

    The archive goes back within what was not sent, to write size and checksum before a file's content: where they stand
    behind it, readers that go from front to back can't tell where a stored file ends, and some refuse the archive.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._part = BytesIO()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = SEEK_SET) -> int:
        """From the beginning of the archive. ValueError for what was sent already."""
        return self._sent + self._part.seek(position - self._sent, whence)

    def tell(self) -> int:
        return self._sent + self._part.tell()

    def write(self, part: Any) -> int:
        return self._part.write(part)

    def take(self) -> bytes:
        taken = self._part.getvalue()
        self._sent += len(taken)
        self._part = BytesIO()
        return taken
