"""The public count, in order: read manifests, sign what is news, publish it. After a restore, take what storage has."""

from __future__ import annotations

import msgspec

from services.issuer.domain.counting import Stated, is_news, lost, statement_of
from services.issuer.domain.publication import JSON
from services.issuer.handlers import Ports
from services.issuer.metrics import NOT_STATED, STATED
from services.issuer.signing.keys import refuse_foreign
from services.issuer.storage.published import own_keys
from services.issuer.store import IssuerTransaction
from services.issuer.store.counting import StatementRow
from shared import object_keys
from shared.count_events import StatementPublished
from shared.credentials.count import (
    CountStatement,
    count_document,
    digest_of,
    leaf_list,
    manifest_leaves,
    read_count,
    read_leaf_list,
)
from shared.credentials.credential import DoNotTrust, first_proof, leaf_of
from shared.errors import AkashiError, NotFound, TryLater, Unreadable, cause_of
from shared.retry import has_passed, next_try
from shared.runtime.db import is_unavailable
from shared.runtime.log import logger
from shared.runtime.metrics import ROWS_ASIDE

log = logger("issuer")


class _Behind(AkashiError):
    """The tables lack what was stated: wait until it is recalled from Kafka or adopted from storage."""


def read_manifests(ports: Ports) -> int:
    """Any time. Read from the manifest of an anchored batch which badges are in it: all of them, or none yet."""
    now = ports.now()
    with ports.store.transaction() as tx:
        due = tx.next_unread_batch(now)
        if due is None:
            return 0
        root, attempts = due
        try:
            body = ports.objects.get(object_keys.batch_manifest(bytes.fromhex(root)))
            tx.keep_leaves(root, manifest_leaves(body, root), now)
        except (TryLater, NotFound, Unreadable) as error:
            NOT_STATED.labels("manifest").inc()
            tx.postpone_batch(root, cause_of(error, 300), next_try(attempts + 1, now))
            log.warning("waiting", part="manifest", root=root, cause=cause_of(error, 300))
            return 0
    # If we die before the commit, the manifest is read again.
    return 1


def state(ports: Ports) -> int:
    """Any time. Sign the next statement of each cohort of which there is something new to say; their number.

    At most once in a pause, all cohorts in one transaction: a batch that one statement names may hold badges of
    another cohort, which must be counted as well.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        if not tx.try_count_lock() or tx.has_pending_statements():
            return 0  # a statement names the hash of the one before: that one is published first
        if tx.has_unstored_revocations():
            return 0  # their bits may be published, and they count as issued once they are stored
        newest = tx.newest_statements()
        since = max((row.stated_at for row in newest.values()), default=None)
        if since is not None and not has_passed(ports.statement_pause, since, now):
            return 0
        signed = [cohort for cohort in tx.cohorts_to_count() if _state_one(cohort, newest.get(cohort), tx, ports)]
    # If we die before the commit, nothing was stated; after it, publish_statements() finds the signed bytes.
    return len(signed)


def _state_one(cohort: str, former: StatementRow | None, tx: IssuerTransaction, ports: Ports) -> bool:
    now = ports.now()
    number = 1 if former is None else former.number + 1
    try:
        with tx.savepoint():
            stated = None if former is None else Stated(_read(former), former.leaf)
            count = tx.count(cohort, number)
            if (missing := lost(count, stated)) is not None:
                raise _Behind(missing)
            if not is_news(count, stated):
                return False  # and nothing was marked as counted
            earlier = _of_each_division(None if stated is None else stated.statement, tx)
            statement = statement_of(count, stated, earlier, ports.sources.issuer, now)
            document, leaf = ports.sources.key.sign_with_leaf(count_document(statement), now)
            body, leaves = msgspec.json.encode(document), leaf_list(count.added)
            tx.save_statement(cohort, number, leaf, body, leaves, statement.stated_at)
    except Exception as error:  # of whatever kind, it costs this cohort only
        if is_unavailable(error):
            raise
        is_behind = isinstance(error, _Behind)
        NOT_STATED.labels("behind" if is_behind else "fault").inc()
        if not is_behind:
            ROWS_ASIDE.labels("state").inc()
        log.error("failed", cohort=cohort, number=number, cause=cause_of(error, 300))
        return False
    log.info("signed", cohort=cohort, number=number, leaf=leaf)
    return True


def _of_each_division(former: CountStatement | None, tx: IssuerTransaction) -> list[CountStatement]:
    """Of each division that was published one statement. Those that follow each other under one division are a run, so
    only the last of each run is read.
    """
    found: list[CountStatement] = []
    while former is not None:
        found.append(former)
        before = min(former.divided_in, former.number) - 1
        former = _before(former.cohort, before, tx) if before else None
    return found


def _before(cohort: str, number: int, tx: IssuerTransaction) -> CountStatement:
    row = tx.statement(cohort, number)
    if row is None:
        raise _Behind(f"got no statement {number}, expected every one before the newest")
    return _read(row)


def publish_statements(ports: Ports) -> int:
    """Any time. Put a signed statement into storage, its list first, and announce it; or read one back from there.

    Under its number storage may have another statement of ours, from before the database was restored: that one
    stands, ours was never published. A number is never used for two statements.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        row = tx.next_pending_statement(now)
        if row is None:
            return 0
        try:
            with tx.savepoint():
                told = _published(row, tx, ports)
                tx.mark_statement(told.cohort, told.number)
                tx.announce(told)
        except Exception as error:
            if is_unavailable(error):
                raise
            if not isinstance(error, TryLater):
                ROWS_ASIDE.labels("publish_statements").inc()
            NOT_STATED.labels("storage").inc()
            tx.postpone_statement(row, cause_of(error, 300), next_try(row.attempts + 1, now))
            log.warning("deferred", document=row.id, cause=cause_of(error, 300))
            return 0
        # If we die here, the statement is in storage and not announced: the next run finds it there, and announces it.
    STATED.inc()
    log.info("published", document=row.id, leaf=told.leaf)
    return 1


def _published(row: StatementRow, tx: IssuerTransaction, ports: Ports) -> StatementPublished:
    """Storage holds the statement of this number. TryLater; NotFound for one that only storage had and has lost."""
    key = object_keys.statement(row.cohort, row.number)
    try:
        there = ports.objects.get(key)
        leaf, statement = own_statement(there, row.cohort, row.number, own_keys(tx, ports.sources))
    except (NotFound, Unreadable) as error:
        if row.body is None or row.leaves is None:
            raise
        if isinstance(error, Unreadable):
            log.error("failed", document=row.id, cause=f"the stored object is replaced: {error}"[:300])
        # The list first: a statement that can be fetched has its list.
        ports.objects.put(object_keys.stated_leaves(row.cohort, row.number), row.leaves, JSON)
        ports.objects.put(key, row.body, JSON)
        return _told(row, row.leaf, _read(row))
    if row.body is None or leaf != row.leaf:
        leaves = ports.objects.get(object_keys.stated_leaves(row.cohort, row.number))
        if digest_of(leaves) != statement.added_digest:
            raise Unreadable(f"got a list of other badges, expected the one that statement {row.id} names")
        tx.keep_statement(row, leaf, _with_first_proof(there), leaves, read_leaf_list(leaves), statement.stated_at)
        # What was announced of a batch may be about somebody erased, and is left out when it is read again.
        tx.note_batches(each.root for each in statement.batches)
        log.warning("adopted", document=row.id, leaf=leaf)
    return _told(row, leaf, statement)


def own_statement(stored: bytes, cohort: str, number: int, keys: list[str]) -> tuple[str, CountStatement]:
    """The leaf of a stored statement of this number and what it says. Unreadable unless one of `keys` signed it."""
    try:
        document = msgspec.json.decode(stored, type=dict[str, object])
        refuse_foreign(document, keys)
        statement, leaf = read_count(document), leaf_of(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DoNotTrust) as error:
        raise Unreadable(str(error)) from error
    if (statement.cohort, statement.number) != (cohort, number):
        raise Unreadable(f"got statement {statement.cohort}/{statement.number}, expected {cohort}/{number}")
    return leaf, statement


def _with_first_proof(stored: bytes) -> bytes:
    document = msgspec.json.decode(stored, type=dict[str, object])
    return msgspec.json.encode({**document, "proof": [first_proof(document)]})


def _read(row: StatementRow) -> CountStatement:
    return read_count(msgspec.json.decode(row.body or b"", type=dict[str, object]))


def _told(row: StatementRow, leaf: str, statement: CountStatement) -> StatementPublished:
    return StatementPublished(
        cohort=row.cohort,
        number=row.number,
        leaf=leaf,
        stated_at=statement.stated_at,
        issued=statement.figures.issued,
        valid=statement.figures.valid,
    )
