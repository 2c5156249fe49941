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


def au(to: str) -> bytes:
    """Of ezweb.ne.jp: two languages, no status."""
    return _crlf(f"""\
Return-Path: <MAILER-DAEMON>
To: <{to}>
From: Postmaster@ezweb.ne.jp
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==_AU=/B"
Reply-To: Mail Administrator <Postmaster@ezweb.ne.jp>
Subject: Mail System Error - Returned Mail

This message is in MIME format.

--==_AU=/B
Content-Type: text/plain; charset="ISO-2022-JP"
Content-Transfer-Encoding: 7bit

\x1b$B<!$N$"$F@h$X$N%a%C%;!<%8$O%(%i!<$N$?$aAw?.$G$-$^$;$s$G$7$?!#\x1b(B

Each of the following recipients was rejected by a remote
mail server.

    Recipient: <taro@ezweb.ne.jp>
    >>> RCPT TO:<taro@ezweb.ne.jp>
    <<< 550 <taro@ezweb.ne.jp>: User unknown

--==_AU=/B--
""")


def ocn(to: str) -> bytes:
    """Postfix, with the text of a provider around what it says."""
    return _crlf(f"""\
Return-Path: <MAILER-DAEMON>
To: {to}
Subject:Undelivered Mail Returned to Sender
MIME-Version:1.0
Content-type:text/plain; charset=iso-2022-jp
Precedence:bulk
From: MAILER-DAEMON@mail.example.ne.jp

I'm sorry to have to inform you that the message returned
below could not be delivered to one or more destinations.

The following sentences are Japanese.

\x1b$B$3$N%a!<%k$H6&$KJV?.$5$l$F$$$k%a!<%k$O0l$D0J>e$N08@h$KBP\x1b(B

---------------------------------

<taro@example.jp>: host mx.example.jp[192.0.2.22] said: 550
    <taro@example.jp>: User unknown
""")


def inter_scan(to: str) -> bytes:
    """The gateway of a company, with a Japanese subject."""
    return _crlf(f"""\
From: "InterScan MSS" <postmaster@example.co.jp>
To: {to}
Subject: =?iso-2022-jp?B?GyRCJWElQyU7ITwlOCRyR1s/LiRHJC0kXiQ7JHMhIxsoQg==?=
Content-Type: text/plain; charset=us-ascii

550 5.1.1 unknown
""")


def m_filter(to: str) -> bytes:
    """Its bounces have no sender in their header either."""
    return _crlf(f"""\
Return-Path: <>
X-Mailer: m-FILTER
From: <>
To: {to}
Subject: failure notice
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: base64

44GT44Gu44Oh44O844Or44Gv6YCB5L+h44Gn44GN44G+44Gb44KT44Gn44GX44Gf
""")


def kddi(to: str) -> bytes:
    """From an address that names no mail system; the letter lies in it."""
    letter = to.partition("+")[2].partition("@")[0].split(".")
    return _crlf(f"""\
Return-Path: <>
To: <{to}>
From: no-reply@0000.dion.ne.jp
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==_KDDI"
Subject: Mail

--==_KDDI
Content-Type: text/plain; charset="ISO-2022-JP"

Your mail could not be delivered as their mailbox is full.

--==_KDDI
Content-Type: message/rfc822

Message-ID: <{letter[1]}.{letter[0]}@jci.example.jp>
Subject: a letter

text

--==_KDDI--
""")


def warning(to: str, subject: str = "Warning--Could not send mail for past 8.5 hours") -> bytes:
    """Of a mail system that goes on trying."""
    return _crlf(f"""\
From: "Mail Deliver System" <MAILER-DAEMON@example.co.jp>
To: {to}
Subject: {subject}

Deferred: connection timed out.
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


def unmarked_vacation(to: str) -> bytes:
    """Nothing but its subject says what it is."""
    return vacation(to).replace(b"Auto-Submitted: auto-replied\r\n", b"Return-Path: <>\r\n")


def vacation_with_the_letter(to: str) -> bytes:
    return kddi(to).replace(b"From: no-reply@0000.dion.ne.jp", b"From: taro@example.jp\r\nAuto-Submitted: auto-replied")


def read_notice(to: str) -> bytes:
    """RFC 8098: the person has opened the letter."""
    report = b"multipart/report; report-type=disposition-notification"
    return kddi(to).replace(b"multipart/mixed", report)


FORMATS = (postfix, exchange, qmail, exim)
WITHOUT_STATUS = (au, ocn, inter_scan, m_filter, kddi)
"""Bounces in a form of their own, as they are common in Japan."""
NO_BOUNCES = (vacation, unmarked_vacation, vacation_with_the_letter, read_notice)


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
