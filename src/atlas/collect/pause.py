"""How long to wait for a host in trouble: at first, at most, and as it wishes itself."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: The shortest pause after a failure of any kind, doubled with each further one.
FIRST_PAUSE_S = 0.5
#: The longest that a host is waited for; one that wishes a longer pause is left alone for this run.
PATIENCE_S = 600.0


def retry_after_s(header: str, now: datetime | None = None) -> float | None:
    """The pause that a `Retry-After` header asks for, in seconds or until a date; None where it says neither."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
