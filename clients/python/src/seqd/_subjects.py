"""The subject grammar: where to ask for a key's ids."""

from __future__ import annotations

import re

from .errors import BadRequestError

MAX_STORE = 64  # bytes
MAX_KEY = 200  # bytes, escapes and separators included
MAX_TOKENS = 15

_TOKEN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_KEY_BYTES = _TOKEN_BYTES | frozenset(b"/")
_KEY = re.compile(r"(?:[A-Za-z0-9_/.-]|=[0-9A-F]{2})+")


def subject(root: str, store: str, key: str) -> str:
    """Return the subject of a key that has been escaped."""
    return f"{root}.{store}.{key}"


def check_token(what: str, token: str) -> None:
    """Raise BadRequestError unless token can be a store's name or a root."""
    if not isinstance(token, str):
        raise BadRequestError(f"{what} must be a str, not {type(token).__name__}")
    data = token.encode("utf-8", "surrogatepass")
    if not 1 <= len(data) <= MAX_STORE:
        raise BadRequestError(f"{what} must have 1 to {MAX_STORE} bytes, not {len(data)}")
    for byte in data:
        if byte not in _TOKEN_BYTES:
            raise BadRequestError(f"{what} may hold A-Z a-z 0-9 _ - only, not {_quote(byte)}")


def check_key(key: str) -> None:
    """Raise BadRequestError unless key is in the one form that the wire allows."""
    if not 1 <= len(key) <= MAX_KEY:
        raise BadRequestError(f"key must have 1 to {MAX_KEY} bytes, not {len(key)}")
    if not _KEY.fullmatch(key):
        raise BadRequestError("key may hold A-Z a-z 0-9 _ - / . and =XX in upper-case hex only")
    if any(int(x[:2], 16) in _KEY_BYTES for x in key.split("=")[1:]):
        raise BadRequestError("key has an escape of a byte that needs none")
    tokens = key.split(".")
    if "" in tokens:
        raise BadRequestError("key has an empty token")
    if len(tokens) > MAX_TOKENS:
        raise BadRequestError(f"key has {len(tokens)} tokens, at most {MAX_TOKENS} are allowed")


def escape(text: str) -> str:
    """Write any text that is not empty as a key.

    A dot separates tokens, but one that is first, last or follows another dot
    becomes =2E; every other byte outside A-Za-z0-9-_/ becomes =XX. Different
    texts give different keys. Raises BadRequestError for a text that is empty,
    too long or has too many tokens.
    """
    if not isinstance(text, str):
        raise BadRequestError(f"key must be a str, not {type(text).__name__}")
    try:
        data = text.encode()
    except UnicodeEncodeError as e:  # half a surrogate pair
        raise BadRequestError(f"key has no UTF-8 form: character {e.start} is a lone surrogate") from None
    if len(data) > MAX_KEY:  # a key is at least as long as its text
        raise BadRequestError(f"key must have 1 to {MAX_KEY} bytes, not {len(data)}")
    key = "".join(_write(data, i, byte) for i, byte in enumerate(data))
    check_key(key)
    return key


def _write(data: bytes, i: int, byte: int) -> str:
    separator = byte == ord(".") and 0 < i < len(data) - 1 and data[i - 1] != ord(".")
    return chr(byte) if separator or byte in _KEY_BYTES else f"={byte:02X}"


def _quote(byte: int) -> str:
    return f"{chr(byte)!r}" if 0x20 <= byte < 0x7F else f"0x{byte:02X}"
