"""Where evidence comes from: the issuer's site, chains, the cache."""
