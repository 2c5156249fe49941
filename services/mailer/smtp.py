"""Sending through one SMTP server over one kept connection. Decides nothing: says what the server answered.

Source: RFC 5321. A connection costs twenty times as much as a letter, so it is kept until the server or the network
ends it.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.mime import quoted
from shared.errors import TryLater

Tls = Literal["none", "starttls", "implicit"]
_SERVICE_CLOSING = 421


@dataclass(frozen=True)
class SmtpServer:
    """The server that takes our letters. `seconds` bounds each wait for it."""

    host: str
    port: int
    tls: Tls = "none"
    user: str | None = None
    password_file: Path | None = None
    seconds: float = 20.0


class SmtpClient:
    """Not for several threads: one connection, one conversation."""

    def __init__(self, relay: SmtpServer) -> None:
        self._relay = relay
        self._connection: smtplib.SMTP | None = None

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        """What the server answered about this message to this recipient.

        TryLater while the server is away, closing, or refuses us rather than the recipient; then it may or may not have
        taken the message, and only sending the same bytes again, with the same Message-ID, makes sure.
        """
        try:
            return self._converse(self._ready(return_path), recipient, message)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise TryLater(
                f"mail server {self._relay.host}:{self._relay.port}: {_cause(error)}; trying again"
            ) from error

    def close(self) -> None:
        """Hang up. The next letter connects anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ready(self, return_path: str) -> smtplib.SMTP:
        """A connection that has taken MAIL FROM. A kept one may have ended: that costs a new one, not the try."""
        if self._connection is not None:
            try:
                return self._mail(self._connection, return_path)
            except (OSError, smtplib.SMTPException):
                self.close()
        self._connection = self._connect()
        return self._mail(self._connection, return_path)

    def _mail(self, connection: smtplib.SMTP, return_path: str) -> smtplib.SMTP:
        code, answer = connection.mail(return_path)
        if code != 250:  # about us, not about the recipient: nobody's letter bounces for it
            raise smtplib.SMTPSenderRefused(code, answer, "MAIL FROM")
        return connection

    def _converse(self, connection: smtplib.SMTP, recipient: str, message: bytes) -> SmtpReply:
        code, answer = connection.rcpt(quoted(recipient))
        if code not in (250, 251):
            outcome = _refused(code, answer)
            self._reset(connection)
            return outcome
        try:
            code, answer = connection.data(message)
        except smtplib.SMTPDataError as error:  # refused before the message was sent
            outcome = _refused(error.smtp_code, _bytes(error.smtp_error))
            self._reset(connection)
            return outcome
        return Sent(_text(code, answer)) if code == 250 else _refused(code, answer)

    def _reset(self, connection: smtplib.SMTP) -> None:
        """Ready for the next letter. The answer about this one stands, also from a server that hangs up after it."""
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def _connect(self) -> smtplib.SMTP:
        relay = self._relay
        trust = ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.seconds, context=trust)
            if relay.tls == "implicit"
            else smtplib.SMTP(relay.host, relay.port, timeout=relay.seconds)
        )
        try:
            connection.ehlo_or_helo_if_needed()
            if relay.tls == "starttls":
                connection.starttls(context=trust)
            if relay.user is not None and relay.password_file is not None:
                connection.login(relay.user, relay.password_file.read_text(encoding="utf-8").strip())
        except BaseException:
            connection.close()
            raise
        return connection


def _refused(code: int, answer: bytes) -> SmtpReply:
    if code == _SERVICE_CLOSING:
        raise smtplib.SMTPResponseException(code, answer)
    if 400 <= code < 500:
        return Deferred(_text(code, answer))
    if 500 <= code < 600:
        return Bounced(_text(code, answer))
    raise smtplib.SMTPResponseException(code, answer)  # no answer of SMTP


def _text(code: int, answer: bytes) -> str:
    return f"{code} {answer.decode('utf-8', 'replace')}"


def _bytes(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode()


def _cause(error: Exception) -> str:
    """Without the text of an answer: it may hold an address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    return (
        f"{type(error).__name__} {error.strerror or ''}".strip() if isinstance(error, OSError) else type(error).__name__
    )
