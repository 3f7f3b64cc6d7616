"""The one error type. Rooms raise it; portal/errors.py alone knows what HTTP makes of it.

`message` is for the person and says what to do; `detail` is for the log and may name internals, never a secret.
"""

from collections.abc import Sequence
from enum import StrEnum


class Code(StrEnum):
    INVALID = "invalid"  # what was sent cannot be understood or is not allowed here
    UNAUTHENTICATED = "unauthenticated"  # nobody is logged in
    FORBIDDEN = "forbidden"  # somebody is, and may not
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # true a moment ago, not any more
    UNAVAILABLE = "unavailable"  # something we lean on does not answer; trying again may help
    INTERNAL = "internal"


class Error(Exception):
    """Something a person or a caller must know.

    `reasons` holds every reason at once where there is more than one; `permanent` says that trying again cannot help.
    """

    def __init__(
        self, code: Code, message: str, detail: str = "", *, reasons: Sequence[str] = (), permanent: bool = True
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.reasons = tuple(reasons)
        self.permanent = permanent

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {reason}" for reason in self.reasons)])
