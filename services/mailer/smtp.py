"""Sends through one SMTP server over one persistent connection; returns what the server answered.

Source: RFC 5321. A connection costs twenty times as much as a letter, so it is kept open until the server or the
network ends it.
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
    """The server that accepts our letters. `seconds` is the timeout of each wait for it."""

    host: str
    port: int
    tls: Tls = "none"
    user: str | None = None
    password_file: Path | None = None
    seconds: float = 20.0


class SmtpClient:
    """One connection, one SMTP session: not thread-safe."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        """What the server answered about this message to this recipient.

        TryLater while the server is unavailable, is closing, or refuses us rather than the recipient. It may then have
        accepted the message or not: the same bytes, with the same Message-ID, have to be sent again.
        """
        try:
            return self._send_message(self._ready(return_path), recipient, message)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise TryLater(
                f"mail server {self._server.host}:{self._server.port}: {_cause(error)}; trying again"
            ) from error

    def close(self) -> None:
        """Close the connection. The next letter opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ready(self, return_path: str) -> smtplib.SMTP:
        """A connection that has accepted MAIL FROM. If the open one has ended, another is opened at once."""
        if self._connection is not None:
            try:
                return self._mail(self._connection, return_path)
            except (OSError, smtplib.SMTPException):
                self.close()
        self._connection = self._connect()
        return self._mail(self._connection, return_path)

    def _mail(self, connection: smtplib.SMTP, return_path: str) -> smtplib.SMTP:
        code, answer = connection.mail(return_path)
        if code != 250:  # about us, not about the recipient: no letter bounces for it
            raise smtplib.SMTPSenderRefused(code, answer, "MAIL FROM")
        return connection

    def _send_message(self, connection: smtplib.SMTP, recipient: str, message: bytes) -> SmtpReply:
        code, answer = connection.rcpt(quoted(recipient))
        if code not in (250, 251):
            reply = _refused(code, answer)
            self._reset(connection)
            return reply
        try:
            code, answer = connection.data(message)
        except smtplib.SMTPDataError as error:  # refused before the message was sent
            reply = _refused(error.smtp_code, _bytes(error.smtp_error))
            self._reset(connection)
            return reply
        return Sent(_text(code, answer)) if code == 250 else _refused(code, answer)

    def _reset(self, connection: smtplib.SMTP) -> None:
        """Prepare for the next letter. The answer about this one is valid even if the server closes after it."""
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        trust = ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=server.seconds, context=trust)
            if server.tls == "implicit"
            else smtplib.SMTP(server.host, server.port, timeout=server.seconds)
        )
        try:
            connection.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                connection.starttls(context=trust)
            if server.user is not None and server.password_file is not None:
                connection.login(server.user, server.password_file.read_text(encoding="utf-8").strip())
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
    raise smtplib.SMTPResponseException(code, answer)  # not a reply code of SMTP


def _text(code: int, answer: bytes) -> str:
    return f"{code} {answer.decode('utf-8', 'replace')}"


def _bytes(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode()


def _cause(error: Exception) -> str:
    """Without the text of the answer: it may contain an address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    return (
        f"{type(error).__name__} {error.strerror or ''}".strip() if isinstance(error, OSError) else type(error).__name__
    )
