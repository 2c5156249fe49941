"""What receivers find in DNS about our letters, and what is wrong with it; pure.

Sources: RFC 7208 (SPF) 4.5, 4.6; RFC 6376 (DKIM) 3.6.1; RFC 7489 (DMARC) 6.3, 6.6.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.mailer.domain.dkim import DkimKey
from shared.readiness import Finding, fault, ok

_SPACES = re.compile(r"\s+")


def spf_finding(domain: str, texts: Sequence[str]) -> Finding:
    """`texts`: the TXT records of the domain. Whether it allows our relay, only the relay's own addresses say."""
    found = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not found:
        return fault("dns-spf", "spf-missing", domain)
    if len(found) > 1:  # receivers then believe none of them: permerror
        return fault("dns-spf", "spf-several", domain, count=len(found))
    allowing = [term for term in found[0].split()[1:] if term[0] not in "-~?" and not term.startswith("exp=")]
    if not allowing:
        return fault("dns-spf", "spf-allows-nobody", domain, record=found[0][:200])
    return ok("dns-spf", domain, record=found[0][:200])


def dkim_name(key: DkimKey, domain: str) -> str:
    return f"{key.selector}._domainkey.{domain}"


def dkim_finding(key: DkimKey, domain: str, texts: Sequence[str]) -> Finding:
    """`texts`: the TXT records at `dkim_name`. Compared by the public key, whatever spaces and order they have."""
    name, wanted = dkim_name(key, domain), _tags(key.record)
    found = [tags for tags in map(_tags, texts) if tags.get("v", "DKIM1") == "DKIM1" and "p" in tags]
    if not found:
        return fault("dns-dkim", "dkim-missing", name, record=key.record)
    if all(not tags["p"] for tags in found):
        return fault("dns-dkim", "dkim-revoked", name, record=key.record)
    if len(found) > 1 or (found[0]["p"], found[0].get("k", "rsa")) != (wanted["p"], wanted["k"]):
        return fault("dns-dkim", "dkim-differs", name, record=key.record)
    return ok("dns-dkim", name)


def dmarc_names(domain: str) -> list[str]:
    """Where its policy may stand: at the domain, else at those above it, but for the top."""
    labels = domain.split(".")
    return [f"_dmarc.{'.'.join(labels[start:])}" for start in range(max(len(labels) - 1, 1))]


def dmarc_finding(domain: str, texts: Sequence[str]) -> Finding:
    """`texts`: the TXT records at the first of `dmarc_names` that has one."""
    found = [text for text in texts if _tags(text).get("v") == "DMARC1"]
    if not found:
        return fault("dns-dmarc", "dmarc-missing", domain)
    policy = _tags(found[0]).get("p", "").lower()
    if len(found) > 1 or not found[0].lstrip().startswith("v") or policy not in ("none", "quarantine", "reject"):
        return fault("dns-dmarc", "dmarc-unreadable", domain, record=found[0][:200])
    return ok("dns-dmarc", domain, policy=policy)


def mx_finding(domain: str, hosts: Sequence[str]) -> Finding:
    """`hosts`: of its MX records. Bounces and answers need one; "." says that the domain takes no mail (RFC 7505)."""
    taking = [host for host in hosts if host.rstrip(".")]
    return ok("dns-mx", domain, hosts=", ".join(taking)) if taking else fault("dns-mx", "mx-missing", domain)


def _tags(record: str) -> dict[str, str]:
    """`v=DKIM1; p=…` by name; of one that comes twice the first."""
    tags: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), _SPACES.sub("", value))
    return tags
