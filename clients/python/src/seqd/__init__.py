"""A client of seqd, which issues unique 64-bit ids over NATS: one sequence for each key of a store.

It needs a NATS connection and a seqd worker that serves the store. It never talks
to etcd. AsyncClient is for asyncio, Client for threads. For one key:

1. No id is returned twice, over all clients and for all time.
2. If a call of either mode returned an id before a strong call began, every id of
   the strong call is greater. An answer is believed only if it carries the nonce
   of the very request that waits for it.
3. A call ends at the latest when its timeout passes.
4. A call whose arguments are wrong sends nothing.

Less formally: ask as often as you like, from as many tasks and threads as you
like. The worst that a fault can do is to leave a gap.

A call repeats its request by itself where that can help: after BUSY and
UNAVAILABLE (no earlier than the worker asks), after EXPIRED, when no worker
listens, when a request gets no answer, and while the connection is down. Between
two attempts it waits 10 ms, then twice as long each time up to 160 ms, plus up to
half of that at random. BAD_REQUEST, FENCED, EXHAUSTED, INTERNAL and a closed
connection end a call at once.

A call that has an idempotency_key keeps it over all its attempts. If the answer to
one of them is lost, the next one gets the ids that were spent for it. So does a
later call with the same key, also of another program.
"""

from ._options import CallOptions, Mode, connect_options
from ._range import Numbers, Range
from ._sequence import AsyncSequence
from ._thread import Connection, connect
from .aio import AsyncClient
from .errors import (
    BadRequestError,
    BusyError,
    ClosedError,
    Error,
    ExhaustedError,
    ExpiredError,
    FencedError,
    InternalError,
    NotConnectedError,
    NoWorkersError,
    TimeoutError,
    UnavailableError,
)
from .sync import Client, Sequence

__all__ = [
    "AsyncClient",
    "AsyncSequence",
    "BadRequestError",
    "BusyError",
    "CallOptions",
    "Client",
    "ClosedError",
    "Connection",
    "Error",
    "ExhaustedError",
    "ExpiredError",
    "FencedError",
    "InternalError",
    "Mode",
    "NoWorkersError",
    "NotConnectedError",
    "Numbers",
    "Range",
    "Sequence",
    "TimeoutError",
    "UnavailableError",
    "connect",
    "connect_options",
]

__version__ = "0.1.0"
