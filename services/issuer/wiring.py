"""Constructs issuer from its settings, for the service and for its commands."""

from __future__ import annotations

from random import SystemRandom

from services.issuer.app import build
from services.issuer.config import Config
from services.issuer.domain.issuance import Issuer
from services.issuer.domain.publication import DocumentSources
from services.issuer.handlers import Ports
from services.issuer.signing.keys import SigningKey
from services.issuer.signing.signer import Signer
from services.issuer.store import IssuerTransaction, Store
from shared.runtime.objects import Objects
from shared.runtime.process import Process


def ports_of(config: Config) -> Ports:
    runtime = config.runtime
    issuer = Issuer(runtime.programme, config.public_url)
    key = SigningKey(config.key, issuer.did)
    random = SystemRandom()
    return Ports(
        store=Store(runtime.database_url, runtime.service, IssuerTransaction, runtime.clock),
        objects=Objects(config.objects),
        sources=DocumentSources(issuer, key, config.font_folder, config.chain_keys),
        signer=Signer(issuer, key, config.secret, random),
        secret=config.secret,
        random=random,
        now=runtime.clock,
        statement_pause=config.statement_pause,
    )


def wire(config: Config) -> Process:
    return build(config, ports_of(config))
