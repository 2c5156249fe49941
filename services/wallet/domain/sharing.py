"""What a holder passes on of a badge: links to social networks, the entry of a LinkedIn profile. Pure.

Sources: X, Web Intents; Facebook, sharer.php; LINE, Social Plugins; LinkedIn, Add to Profile (startTask
CERTIFICATION_NAME) and share-offsite.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import urlencode

SocialNetwork = Literal["LinkedIn", "X", "Facebook", "LINE"]


@dataclass(frozen=True)
class ProfileEntry:
    """A licence as LinkedIn's profile asks for it. It tells neither 登録番号 nor 合格番号: profiles are public."""

    name: str
    organisation: str
    issued_on: date
    expires_on: date
    credential_id: str
    url: str

    @property
    def add_url(self) -> str:
        """Opens LinkedIn's form, filled in."""
        return "https://www.linkedin.com/profile/add?" + urlencode(
            {
                "startTask": "CERTIFICATION_NAME",
                "name": self.name,
                "organizationName": self.organisation,
                "issueYear": self.issued_on.year,
                "issueMonth": self.issued_on.month,
                "expirationYear": self.expires_on.year,
                "expirationMonth": self.expires_on.month,
                "certUrl": self.url,
                "certId": self.credential_id,
            }
        )


def share_links(url: str, text: str) -> dict[SocialNetwork, str]:
    """Where each network asks its user to post `url`; `text` where a network takes one."""
    return {
        "LinkedIn": "https://www.linkedin.com/sharing/share-offsite/?" + urlencode({"url": url}),
        "X": "https://x.com/intent/tweet?" + urlencode({"text": text, "url": url}),
        "Facebook": "https://www.facebook.com/sharer/sharer.php?" + urlencode({"u": url}),
        "LINE": "https://social-plugins.line.me/lineit/share?" + urlencode({"url": url, "text": text}),
    }
