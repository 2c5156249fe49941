"""Asking the issuer's site and the chain about the count of a cohort. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from services.verifier.check.count_evidence import CohortAnswers, CountEvidence, Stated, read_stated
from services.verifier.check.count_records import roots_in
from services.verifier.check.credential import Invalid
from services.verifier.check.evidence import ChainAnswers, Unavailable
from services.verifier.check.status_list import StatusList
from services.verifier.files.read import MAX_COUNT_BYTES, read_json
from services.verifier.sources.cache import Found, read
from services.verifier.sources.chains import AnchorSource
from services.verifier.sources.gather import signed_list, status_key
from services.verifier.sources.issuer_site import IssuerSite
from shared import object_keys
from shared.credentials.content import Document
from shared.credentials.count import manifest_leaves, read_leaf_list
from shared.credentials.did import did_of
from shared.errors import NotFound, TryLater, Unreadable

_MOST = 20_000  # statements of a cohort: one each 10 minutes for 19 weeks; a chain without an end would keep us busy
_AT_ONCE = 8

T = TypeVar("T")
R = TypeVar("R")


class _Index(msgspec.Struct):
    cohorts: dict[str, int]


def newest_of(cohort: str, site: IssuerSite) -> Document:
    """What the site gives out as the newest statement. NotFound, TryLater, Unreadable."""
    return read_json(site.get(object_keys.newest_statement(cohort)), MAX_COUNT_BYTES)


def statement_of(cohort: str, number: int, site: IssuerSite) -> Document:
    """The statement under a number. NotFound, TryLater, Unreadable."""
    return read_json(site.get(object_keys.statement(cohort, number)), MAX_COUNT_BYTES)


def gather_count(stated: Stated, site: IssuerSite, chain: AnchorSource, *, public_url: str) -> CountEvidence:
    """The sources' answers about a statement. Raises nothing that a source can cause.

    Nobody is asked about a document of another issuer: its check 2 has failed already.
    """
    told = stated.statement
    if told.issuer != did_of(public_url):
        nothing = Unavailable("not asked: a document of another issuer, see check 2")
        return CountEvidence(nothing, CohortAnswers(told.cohort, nothing, ()), nothing, {}, {}, nothing)
    keys = _ask(lambda: read(site, object_keys.DID_DOCUMENT, read_json))
    did_document = keys.value if isinstance(keys, Found) else keys if isinstance(keys, Unavailable) else _no_keys(keys)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        own = _cohort(told.cohort, site, pool, at_least=told.number)
        others = _others(told.cohort, site, pool)
        known = () if isinstance(others, Unavailable) else others
        last = [each for chain_of in (own, *known) if (each := chain_of.last) is not None]
        urls = sorted({url for each in last for url in each.statement.status_lists})
        lists = _all(urls, lambda url: _status_list(url, did_document, site, public_url), pool)
        manifests = _all([each.root for each in told.batches], lambda root: _manifest(root, site), pool)
    is_copy = isinstance(keys, Found) and keys.copied is not None
    return CountEvidence(did_document, own, others, manifests, lists, _chain(stated, own, chain), is_copy)


def _cohort(cohort: str, site: IssuerSite, pool: ThreadPoolExecutor, *, at_least: int = 1) -> CohortAnswers:
    newest = _ask(lambda: read_stated(newest_of(cohort, site)))
    top = max(at_least, newest.number if isinstance(newest, Stated) and newest.statement.cohort == cohort else 1)
    if top > _MOST:
        too_many = Unavailable(f"statement {cohort}/{top}: more than {_MOST} statements are not asked for")
        return CohortAnswers(cohort, newest, (too_many,))
    numbers = range(1, top + 1)
    links = _all(numbers, lambda number: _ask(lambda: read_stated(statement_of(cohort, number, site))), pool)
    lists = _all(numbers, lambda number: _ask(lambda: _leaves(cohort, number, site)), pool)
    beyond = not isinstance(_ask(lambda: site.get(object_keys.statement(cohort, top + 1))), Unavailable | None)
    return CohortAnswers(cohort, newest, tuple(links.values()), beyond, lists)


def _others(cohort: str, site: IssuerSite, pool: ThreadPoolExecutor) -> tuple[CohortAnswers, ...] | Unavailable:
    index = _ask(lambda: msgspec.json.decode(site.get(object_keys.STATEMENT_INDEX), type=_Index))
    if not isinstance(index, _Index):
        return index if isinstance(index, Unavailable) else Unavailable("no readable list of the cohorts")
    named = [each for each in sorted(index.cohorts) if object_keys.is_cohort(each) and each != cohort]
    return tuple(_cohort(each, site, pool) for each in named)


def _leaves(cohort: str, number: int, site: IssuerSite) -> tuple[str, ...]:
    return read_leaf_list(site.get(object_keys.stated_leaves(cohort, number)))


def _manifest(root: str, site: IssuerSite) -> frozenset[str] | Invalid | Unavailable | None:
    return _ask(lambda: manifest_leaves(site.get(object_keys.batch_manifest(bytes.fromhex(root))), root))


def _status_list(
    url: str, keys: Document | Unavailable, site: IssuerSite, public_url: str
) -> StatusList | Invalid | Unavailable:
    key = status_key(url, public_url)
    if key is None:
        return Unavailable("the list that it names is not on the issuer's site")
    if isinstance(keys, Unavailable):
        return keys
    found = _ask(lambda: read(site, key, signed_list, keys))
    if isinstance(found, Found):
        if found.copied is not None:  # a copy from before a revocation has fewer bits than the statement counts
            return Unavailable("its source gave no answer, and a copy may be older")
        return found.value
    return Unavailable("no such list") if found is None else found


def _chain(stated: Stated, own: CohortAnswers, chain: AnchorSource) -> ChainAnswers | Unavailable:
    asked = roots_in(stated, own)
    if not asked:
        return Unavailable("not asked: no root to ask for")
    answers = _ask(lambda: chain.answers(asked))
    return answers if isinstance(answers, tuple | Unavailable) else Unavailable("the chain gave no usable answer")


def _no_keys(found: object) -> Unavailable:
    return Unavailable(found.why if isinstance(found, Invalid) else "the issuer's site has no did.json")


def _all(keys: Iterable[T], ask: Callable[[T], R], pool: ThreadPoolExecutor) -> Mapping[T, R]:
    keys = list(keys)
    return dict(zip(keys, pool.map(ask, keys), strict=True))


def _ask(question: Callable[[], T]) -> T | Invalid | Unavailable | None:
    """None for what isn't there, Invalid for what can't be read, Unavailable for what can't be had now."""
    try:
        return question()
    except NotFound:
        return None
    except TryLater as error:
        return Unavailable(str(error))
    except (Unreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Invalid(str(error))
