"""Requests and answers as bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ._msgpack import Damaged, Value, encode_str, encode_uint, fields
from .errors import Error, InternalError, answered, code_of

MAX_ID = (1 << 63) - 1
MAX_N = (1 << 32) - 1  # ids of one request, whatever a store allows
MAX_NONCE = (1 << 64) - 1
MAX_NUMBERS = 1000  # ids of one request for a key that has numbers

TIMEOUT_HEADER = "Seq-Timeout-Ms"  # the caller's patience in milliseconds
ERROR_CODE_HEADER = "Nats-Service-Error-Code"  # the code's number
ERROR_HEADER = "Nats-Service-Error"  # "CODE: text"
REPLAYED_HEADER = "Seq-Replayed"  # "true": the answer had been recorded before

_MAX_RETRY_MS = 24 * 60 * 60 * 1000
_MAX_NONCE_SIZE = 16  # bytes

# A worker's answer to a request of ours, 35 bytes, if it is neither an error nor
# from a later version.
_PLAIN = struct.Struct(">5sq3sI7sQ")
_NONCE = b"\xa5nonce\xcf"
_PLAIN_PARTS = (b"\x83\xa2id\xd3", b"\xa1n\xce", _NONCE)


def encode_request(n: int, mode: str, nonce: int | None, idempotency_key: str | None = None) -> bytes:
    """Write the body of a request: a map of what differs from the default.

    An integer nonce always has its 9-byte form, so that it comes back as it went.
    """
    if idempotency_key is None and nonce is not None:
        return _plain_head(n, mode) + nonce.to_bytes(8, "big")
    parts = _parts(n, mode)
    if nonce is not None:
        parts.append(_NONCE + nonce.to_bytes(8, "big"))
    if idempotency_key is not None:
        parts.append(b"\xafidempotency_key" + encode_str(idempotency_key))
    return bytes([0x80 | len(parts)]) + b"".join(parts) if parts else b""


@lru_cache(maxsize=256)  # programs ask for few different n
def _plain_head(n: int, mode: str) -> bytes:
    """Write a body with a nonce and no idempotency key, up to the nonce's value."""
    parts = [*_parts(n, mode), _NONCE]
    return bytes([0x80 | len(parts)]) + b"".join(parts)


def _parts(n: int, mode: str) -> list[bytes]:
    parts = []
    if n != 1:
        parts.append(b"\xa1n" + encode_uint(n))
    if mode != "default":
        parts.append(b"\xa4mode" + bytes([0xA0 | len(mode)]) + mode.encode())
    return parts


@dataclass(slots=True)  # not frozen, which takes three times as long to make
class Answer:
    """One contiguous range of ids, or an error. Never changed."""

    ids: range
    nonce: Value = None
    error: Error | None = None
    period: str = ""
    numbers: tuple[str, ...] = ()
    replayed: bool = False


def decode_answer(headers: Mapping[str, str] | None, body: bytes) -> Answer:
    """Read an answer in msgpack. One that is neither ids nor an error is an InternalError."""
    if not headers and len(body) == _PLAIN.size:
        part1, first, part2, n, part3, nonce = _PLAIN.unpack(body)
        if (part1, part2, part3) == _PLAIN_PARTS and _holds_ids(first, n):
            return Answer(range(first, first + n), nonce)

    found: dict[Value, Any] = {}
    whole = True
    try:
        found.update(fields(body, ("numbers",)))
    except Damaged:
        whole = False
    nonce = _nonce(found.get("nonce"))
    number = (headers or {}).get(ERROR_CODE_HEADER)
    first, n = found.get("id"), found.get("n")
    if whole and number is None and isinstance(first, int) and isinstance(n, int) and _holds_ids(first, n):
        period, numbers = found.get("period"), found.get("numbers") or found.get("number")
        return Answer(
            range(first, first + n),
            nonce,
            period=period if isinstance(period, str) else "",
            numbers=(numbers,) if isinstance(numbers, str) else tuple(numbers) if isinstance(numbers, list) else (),
            replayed=(headers or {}).get(REPLAYED_HEADER) == "true",
        )
    return Answer(range(0), nonce, _error(headers, number, found))


def _error(headers: Mapping[str, str] | None, number: str | None, found: Mapping[Value, Any]) -> Error:
    code, text = InternalError.code, "the worker's answer can't be read"
    if headers and number is not None:
        # The headers alone make an error; the body adds what they can't say.
        code = code_of(number)
        text = headers.get(ERROR_HEADER, "").removeprefix(f"{code}: ")
    if (named := found.get("code")) and isinstance(named, str):
        code = named
    if isinstance(said := found.get("error"), str):
        text = said
    retry_ms = found.get("retry_after_ms")
    retry_ms = min(max(retry_ms, 0), _MAX_RETRY_MS) if isinstance(retry_ms, int) else 0
    return answered(code, text, retry_ms / 1000)


def _holds_ids(first: int, n: int) -> bool:
    """Whether the range is there, is positive and does not wrap."""
    return first >= 1 and 1 <= n <= MAX_N and first <= MAX_ID - (n - 1)


def _nonce(value: Value) -> Value:
    """Return a nonce that somebody may have sent; an alien one is none: the caller compares."""
    if isinstance(value, int):
        return value
    if value is None or len(value.encode() if isinstance(value, str) else value) > _MAX_NONCE_SIZE:
        return None
    return value
