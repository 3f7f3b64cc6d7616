"""How a page that is posted somewhere is signed, how its receiver checks that, and the id of a delivery. Pure.

The header reads `t=1772452800,v1=<hex>,v1=<hex>`: one HMAC-SHA256 per secret over the moment, a dot and the body. The
moment is part of it, so that a copy cannot be sent again later.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from oncall.paging.ports import Key

FRESH = timedelta(minutes=5)  # clocks may differ by as much; what is older is a replay
MOST_SIGNATURES = 10


def signature(body: bytes, at: datetime, secrets: Sequence[str]) -> str:
    """Return the header for a body that is sent now."""
    moment = str(int(at.timestamp()))
    return ",".join([f"t={moment}", *(f"v1={_hmac(secret, moment, body)}" for secret in secrets)])


def verified(body: bytes, header: str, secrets: Sequence[str], at: datetime) -> bool:
    """Return whether the body was signed with one of the secrets, just now.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> signed = signature(b"{}", noon, ["old secret", "new secret"])
    >>> verified(b"{}", signed, ["new secret"], noon), verified(b"{ }", signed, ["new secret"], noon)
    (True, False)
    """
    parts = [part.strip().partition("=") for part in header.split(",")[: MOST_SIGNATURES + 1]]
    moments = [value for name, _, value in parts if name == "t"]
    if len(moments) != 1 or not re.fullmatch(r"[0-9]{1,12}", moments[0]):
        return False
    if abs(at.timestamp() - int(moments[0])) > FRESH.total_seconds():
        return False
    given = [value.encode() for name, _, value in parts if name == "v1"]
    wanted = [_hmac(secret, moments[0], body).encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in wanted)


def delivery(key: Key) -> str:
    """Return the id of a delivery: the same for the same page, and it tells nothing of whom it reaches."""
    return hashlib.sha256(str(key).encode()).hexdigest()[:32]


def _hmac(secret: str, moment: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
