"""A DNS server on the loopback address that knows a few records; it can be silent, or refuse."""

from __future__ import annotations

import socketserver
from contextlib import AbstractContextManager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.worlds.socket_server import running


class DnsServer(socketserver.ThreadingUDPServer):
    """`records`: (name, kind) → texts as a zone file has them. What is not there is NXDOMAIN."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent = False
        self.refuses = False
        self.asked: list[tuple[str, str]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Question(socketserver.BaseRequestHandler):
    server: DnsServer

    def handle(self) -> None:
        wire, reply_to = self.request
        asked: Any = dns.message.from_wire(wire)
        question = asked.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.server.asked.append((name, kind))
        if self.server.silent:
            return
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        found = self.server.records.get((name, kind))
        if self.server.refuses:
            answer.set_rcode(dns.rcode.REFUSED)
        elif found:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif not any(known == name for known, _ in self.server.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        reply_to.sendto(answer.to_wire(), self.client_address)


def dns_server() -> AbstractContextManager[DnsServer]:
    return running(DnsServer())
