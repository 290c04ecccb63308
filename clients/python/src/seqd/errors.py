"""What a call raises.

Every error has a code, a text for people, and how long a worker asked to wait.
Codes a worker answers with are those of the wire; four more are the client's
own: NO_WORKERS, TIMEOUT, NOT_CONNECTED and CLOSED.
"""

from __future__ import annotations

import builtins
from typing import ClassVar

import nats.errors


class Error(Exception):
    """A call that got no ids. Raised itself only for a code of a later version.

    The class says what the last attempt came to that was not cut short;
    timed_out says whether the call's time ended it. So a call that met nothing
    but full queues for its 2 s is a BusyError that has timed_out.
    """

    code: str = "OTHER"
    text: str  # for people
    retry_after: float  # seconds a worker asked to wait before trying again; 0: it did not ask
    timed_out: bool = False  # the time was up, or would have been before the next attempt
    ids_may_be_spent: bool = True  # an attempt may have spent ids, which leaves a gap
    attempts: int = 0  # requests that were tried; 0: nothing was sent

    retryable: ClassVar[bool] = False  # another attempt may succeed without anybody acting

    def __init__(
        self, text: str, *, code: str = "", retry_after: float = 0.0, hint: str = "", sent: bool = True
    ) -> None:
        super().__init__(text)
        self.text = text
        self.retry_after = retry_after
        self.hint = hint  # what to try
        self.message = ""  # all there is to say; set when the call ends
        if code:
            self.code = code
        if not sent:
            self.ids_may_be_spent = False

    def __str__(self) -> str:
        return self.message or f"{self.code}: {self.text}"


class BadRequestError(Error, ValueError):
    """An argument is malformed or not allowed for this store."""

    code = "BAD_REQUEST"
    ids_may_be_spent = False


class FencedError(Error):
    """etcd's history went backwards, as after a restored backup; an operator must act."""

    code = "FENCED"
    ids_may_be_spent = False


class BusyError(Error):
    """The worker's queue was full."""

    code = "BUSY"
    retryable = True
    ids_may_be_spent = False


class InternalError(Error):
    """A fault in seqd, or an answer that makes no sense."""

    code = "INTERNAL"


class UnavailableError(Error):
    """The worker could not reach etcd, or etcd refused to write."""

    code = "UNAVAILABLE"
    retryable = True


class ExpiredError(Error):
    """The request was older than the attempt's timeout when a worker got to it."""

    code = "EXPIRED"
    retryable = True


class ExhaustedError(Error):
    """The key has no ids left."""

    code = "EXHAUSTED"
    ids_may_be_spent = False


class NoWorkersError(Error, nats.errors.NoRespondersError):
    """No worker that serves the store listens: the request reached nobody."""

    code = "NO_WORKERS"
    retryable = True
    ids_may_be_spent = False


class TimeoutError(Error, builtins.TimeoutError):
    """No attempt got an answer in time, or the connection was lost before one came."""

    code = "TIMEOUT"
    retryable = True


class NotConnectedError(Error, ConnectionError):
    """There was no connection to a NATS server. No ids have been spent."""

    code = "NOT_CONNECTED"
    retryable = True
    ids_may_be_spent = False


class ClosedError(Error, nats.errors.ConnectionClosedError):
    """The connection or the sequence is closed for good."""

    code = "CLOSED"


NUMBERS: dict[type[Error], int] = {
    BadRequestError: 400,
    FencedError: 409,
    BusyError: 429,
    InternalError: 500,
    UnavailableError: 503,
    ExpiredError: 504,
    ExhaustedError: 507,
}
"""The errors a worker answers with, and their numbers on the wire."""

_by_code = {cls.code: cls for cls in NUMBERS}
_code_of = {str(number): cls.code for cls, number in NUMBERS.items()}


def code_of(number: str) -> str:
    """Return the code with that number, INTERNAL for one this version does not know."""
    return _code_of.get(number, InternalError.code)


def answered(code: str, text: str, retry_after: float) -> Error:
    """Return the error for a worker's answer."""
    return _by_code.get(code, Error)(text, code=code, retry_after=retry_after)
