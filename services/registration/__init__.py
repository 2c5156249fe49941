"""Registration: the upstream records, and which of them get a badge: released to the issuer, or held with a reason."""
