"""Settings of a client, of a sequence and of a call."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._subjects import check_token
from .errors import BadRequestError

if TYPE_CHECKING:
    from typing_extensions import Unpack

Mode = Literal["default", "weak", "strong"]
"""How ids are to be ordered: the store's choice, unique and increasing in trend,
or unique and strictly increasing over all workers."""


class CallOptions(TypedDict, total=False):
    """What may be given to a client, for all its calls, or to a call, for that one."""

    mode: Mode
    """The store's choice unless given."""
    timeout: float
    """Seconds for the call as a whole, all its attempts included. 2 unless given."""
    attempt_timeout: float
    """Seconds for one request; without an answer it is sent again, perhaps to
    another worker. 0.5 unless given. Below a worker's usual answer time it burns
    ids and gets none."""
    no_responders_patience: float | None
    """Seconds for which a call goes on asking while NATS answers that no worker
    listens. None, the default, is the whole timeout, which sits out a worker's
    restart; 0 does not ask again."""


@dataclass(frozen=True)
class Options:
    """The settings that hold for a call."""

    root: str = "seq"
    mode: Mode = "default"
    timeout: float = 2.0
    attempt_timeout: float = 0.5
    no_responders_patience: float | None = None

    def __post_init__(self) -> None:
        check_token("root", self.root)
        if self.mode not in ("default", "weak", "strong"):
            raise BadRequestError(f"mode must be 'weak', 'strong' or 'default', not {self.mode!r}")
        for name in ("timeout", "attempt_timeout"):
            _check_seconds(name, getattr(self, name), zero=False)
        if self.no_responders_patience is not None:
            _check_seconds("no_responders_patience", self.no_responders_patience, zero=True)

    def with_(self, **changes: Unpack[CallOptions]) -> Options:
        """Return the settings after changes. The error, a BadRequestError, names the setting."""
        if "idempotency_key" in changes:  # of a client or a sequence, all of whose calls would get the same ids
            raise BadRequestError("idempotency_key is for one call: give it to next, next_n or numbers")
        if unknown := changes.keys() - CallOptions.__annotations__.keys():
            raise TypeError(f"there is no option {min(unknown)!r}; there are {', '.join(CallOptions.__annotations__)}")
        return replace(self, **changes) if changes else self


def _check_seconds(name: str, value: object, *, zero: bool) -> None:
    """Raise BadRequestError unless value is a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadRequestError(f"{name} must be a number of seconds, not {value!r}")
    if value < 0 or (value == 0 and not zero):
        raise BadRequestError(f"{name} must be {'at least' if zero else 'more than'} 0, not {value!r}")


def connect_options(**others: Any) -> dict[str, Any]:
    """Return settings for nats.connect that a program which runs for long should have.

    nats-py's own defaults close the connection for good after two minutes
    without a server, and take four minutes or more to notice one that fell
    silent. These reconnect for ever and give up a silent server after 15 s.
    Yours (name, credentials, TLS) come in as arguments, and win.
    """
    return {"max_reconnect_attempts": -1, "ping_interval": 5, "max_outstanding_pings": 2} | others
