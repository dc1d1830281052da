"""X.509 certificates and revocation lists (RFC 5280) of vendors whose roots are pinned, with time as an argument."""
