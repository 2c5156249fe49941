"""Mails that come back to a return path, as mail servers write them."""

from __future__ import annotations


def postfix(to: str, action: str = "failed", status: str = "5.1.1", code: str = "550 5.1.1") -> bytes:
    return _crlf(f"""\
Return-Path: <>
From: MAILER-DAEMON@relay.jci.example.jp (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B/relay"

--B/relay
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<taro@example.jp>: host mx.example.jp[192.0.2.1] said: {code} <taro@example.jp>: User unknown

--B/relay
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.jci.example.jp
Arrival-Date: Wed,  1 Apr 2026 00:00:00 +0900 (JST)

Final-Recipient: rfc822; taro@example.jp
Original-Recipient: rfc822;taro@example.jp
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.jp
Diagnostic-Code: smtp; {code} <taro@example.jp>: User unknown

--B/relay
Content-Type: text/rfc822-headers

Subject: a letter

--B/relay--
""")


def exchange(to: str) -> bytes:
    """Microsoft 365: the status in a part of its own, beside HTML."""
    return _crlf(f"""\
From: <postmaster@example.onmicrosoft.com>
To: <{to}>
Subject: Undeliverable: letter
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="_3e1_"

--_3e1_
Content-Type: multipart/alternative; boundary="_2a_"

--_2a_
Content-Type: text/html; charset="us-ascii"

<p>Your message couldn't be delivered.</p>

--_2a_--

--_3e1_
Content-Type: message/delivery-status

Reporting-MTA: dns;TYAPR01MB0001.example.prod.outlook.com
Received-From-MTA: dns;relay.jci.example.jp
Arrival-Date: Tue, 31 Mar 2026 15:00:00 +0000

Final-Recipient: rfc822;taro@example.jp
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient taro@example.jp not found

--_3e1_--
""")


def qmail(to: str) -> bytes:
    """No MIME at all."""
    return _crlf(f"""\
From: MAILER-DAEMON@mx.example.jp
To: {to}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.jp.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<taro@example.jp>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Subject: a letter
""")


def exim(to: str) -> bytes:
    return _crlf(f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example.jp>
To: {to}
X-Failed-Recipients: taro@example.jp
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  taro@example.jp
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

Subject: a letter
""")


def complaint(to: str, message_id: str) -> bytes:
    return _crlf(f"""\
From: <abuse@example.jp>
To: <{to}>
Subject: FW: letter
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="arf"

--arf
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--arf
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--arf
Content-Type: message/rfc822

From: OpenBadge <noreply_openbadge@jci.example.jp>
Message-ID: {message_id}
Subject: a letter

text

--arf--
""")


def vacation(to: str) -> bytes:
    return _crlf(f"""\
From: taro@example.jp
To: {to}
Subject: Out of office
Auto-Submitted: auto-replied

I am away until Monday. Your mail was delivered to my mailbox.
""")


FORMATS = (postfix, exchange, qmail, exim)


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
