"""What tells two schemas apart on the wire."""

from __future__ import annotations

import functools
import hashlib

import pyarrow as pa


@functools.lru_cache(maxsize=1024)
def fingerprint(schema: pa.Schema) -> str:
    """16 hex characters of the SHA-256 over names, types and nullability in order; metadata does not count."""
    digest = hashlib.sha256()
    for field in schema:
        # Length-prefixed, so that no name can imitate the end of its own field.
        for part in (field.name, str(field.type), "null" if field.nullable else "not null"):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()[:16]
