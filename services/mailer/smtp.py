"""Sends through one SMTP server over persistent connections; returns what the server answered.

Sources: RFC 5321; RFC 2920 (pipelining). A connection costs twenty times as much as a letter, so it is kept open until
the server or the network ends it.
"""

from __future__ import annotations

import queue
import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.mime import quoted
from shared.errors import TryLater

Tls = Literal["none", "starttls", "implicit"]
_OK, _TAKEN, _GO_ON = 250, (250, 251), 354
_SERVICE_CLOSING = 421
_AFTER_TEXT = 600.0
"""Seconds; RFC 5321, 4.5.3.2.6. Who hangs up sooner sends a letter twice that a slow relay has taken."""


class _NotYetSent(Exception):
    """The connection ended before the text of a letter was sent: another connection can take it."""


@dataclass(frozen=True)
class SmtpServer:
    """The server that accepts our letters. `seconds`: the timeout of each wait for it, but for that after a text."""

    host: str
    port: int
    tls: Tls = "none"
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None  # trusted for its certificate, beside the system's
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
            if (connection := self._pipelining()) is not None:
                try:
                    return self._send_at_once(connection, return_path, recipient, message)
                except _NotYetSent:  # the server has ended the connection since the last letter
                    self.close()
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

    def _pipelining(self) -> smtplib.SMTP | None:
        """The open connection, if its server takes several commands at once."""
        connection = self._connection
        return connection if connection is not None and connection.has_extn("pipelining") else None

    def _send_at_once(self, connection: smtplib.SMTP, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        """MAIL, RCPT and DATA in one packet, then their three answers. _NotYetSent: no letter was handed over."""
        try:
            connection.send(f"MAIL FROM:<{return_path}>\r\nRCPT TO:<{quoted(recipient)}>\r\nDATA\r\n")
            mail, text = connection.getreply()
            if mail == _SERVICE_CLOSING or mail == -1:
                raise _NotYetSent
            rcpt, answer = connection.getreply()
            data, refusal = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise _NotYetSent from error
        if data == _GO_ON and (mail != _OK or rcpt not in _TAKEN):
            connection.send(b".\r\n")  # RFC 2920, 3.1: it waits for the text, which nobody gets
            connection.getreply()
        if mail != _OK:  # about us, not about the recipient: no letter bounces for it
            raise smtplib.SMTPSenderRefused(mail, text, "MAIL FROM")
        if rcpt not in _TAKEN:
            return self._turned_away(connection, rcpt, answer)
        if data != _GO_ON:
            return self._turned_away(connection, data, refusal)
        return self._send_text(connection, message)

    def _send_message(self, connection: smtplib.SMTP, recipient: str, message: bytes) -> SmtpReply:
        code, answer = connection.rcpt(quoted(recipient))
        if code not in _TAKEN:
            return self._turned_away(connection, code, answer)
        code, answer = connection.docmd("DATA")
        if code != _GO_ON:
            return self._turned_away(connection, code, answer)
        return self._send_text(connection, message)

    def _send_text(self, connection: smtplib.SMTP, message: bytes) -> SmtpReply:
        """After 354. The server may look through the whole text before it answers."""
        connection.send(_dotted(message))
        socket = connection.sock
        assert socket is not None  # else `send` has raised
        socket.settimeout(_AFTER_TEXT)
        code, answer = connection.getreply()
        socket.settimeout(self._server.seconds)
        return Sent(_text(code, answer)) if code == _OK else _refused(code, answer)

    def _turned_away(self, connection: smtplib.SMTP, code: int, answer: bytes) -> SmtpReply:
        """Before its text. The answer about this letter is valid even if the server closes before the next one."""
        reply = _refused(code, answer)
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self.close()
        return reply

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        trust = trust_of(server)
        connection = connected(server, trust)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                connection.starttls(context=trust)
            if server.user is not None and server.password_file is not None:
                log_in(connection, server.user, server.password_file)
        except BaseException:
            connection.close()
            raise
        return connection


def trust_of(server: SmtpServer) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    if server.ca_file is not None:
        trust.load_verify_locations(server.ca_file)
    return trust


def log_in(connection: smtplib.SMTP, user: str, password_file: Path) -> None:
    """By a mechanism that the server offers. SMTPAuthenticationError also for a password that can't be sent."""
    try:
        connection.login(user, password_file.read_text(encoding="utf-8").strip())
    except UnicodeError as error:  # smtplib sends ASCII only; the start refuses such a file, but it may have changed
        raise smtplib.SMTPAuthenticationError(535, b"not tried: user or password is not ASCII") from error


def connected(server: SmtpServer, trust: ssl.SSLContext) -> smtplib.SMTP:
    """A connection that the server has greeted, in TLS if `tls` is implicit; the caller sends EHLO and the rest."""
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=server.seconds, context=trust)
    return smtplib.SMTP(server.host, server.port, timeout=server.seconds)


class SmtpPool:
    """As many connections as threads ask for, each used by one thread at a time and kept for the next."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._idle: queue.LifoQueue[SmtpClient] = queue.LifoQueue()  # the last used: the others may end by themselves

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        """As `SmtpClient.send`. Thread-safe."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = SmtpClient(self._server)
        try:
            return client.send(return_path, recipient, message)
        finally:
            self._idle.put(client)


def _dotted(message: bytes) -> bytes:
    """The text as DATA carries it: a dot at a line's start doubled, and the dot that ends it (RFC 5321, 4.5.2)."""
    text = message.replace(b"\r\n.", b"\r\n..")
    text = b"." + text if text.startswith(b".") else text
    return text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n")


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


def _cause(error: Exception) -> str:
    """Without the text of the answer: it may contain an address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    return (
        f"{type(error).__name__} {error.strerror or ''}".strip() if isinstance(error, OSError) else type(error).__name__
    )
