"""Who is asked for evidence: the issuer's site, chains, the cache."""
