"""As much msgpack as the wire needs.

By hand, because answers must be read to the letter: an id must never pass
through a float, a number that is a bool is none, and elements that nobody asked
for are skipped without being built. Nearly all answers never come here: see
_wire.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator

Value = int | str | bytes | None
"""An integer, a string, a bin; None: an element of another kind, skipped."""

# What follows a head byte: format of the number, and what it means.
_INTS = {
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_STRS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BINS = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_EXTS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # bytes to skip
_ARRAYS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}


class Damaged(Exception):  # noqa: N818 (never leaves the package)
    """The bytes are not what they claim to be."""


def encode_uint(n: int) -> bytes:
    """Write n, which is not negative, in its shortest form."""
    if n < 0x80:
        return bytes([n])
    for head, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4)):
        if n < 1 << 8 * size:
            return bytes([head]) + n.to_bytes(size, "big")
    return b"\xcf" + n.to_bytes(8, "big")


def encode_str(text: str) -> bytes:
    """Write text, of less than 256 bytes, in its shortest form."""
    data = text.encode()
    head = bytes([0xA0 | len(data)]) if len(data) < 32 else bytes([0xD9, len(data)])
    return head + data


def fields(body: bytes, lists: Container[Value] = ()) -> Iterator[tuple[Value, Value | list[str]]]:
    """Yield names and values of body, one map and nothing else.

    What the fields named in lists hold is read as a list of strings, and is None
    if it is anything else. Raises Damaged where the damage is: what was yielded
    before can be used.
    """
    reader = _Reader(body)
    for _ in range(reader.map_size()):
        name = reader.value()
        yield name, reader.texts() if name in lists else reader.value()
    if reader.at != len(body):
        raise Damaged


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def map_size(self) -> int:
        head = self.take(1)[0]
        if 0x80 <= head <= 0x8F:
            return head & 0x0F
        if head in _MAPS:
            return self.uint(_MAPS[head])
        raise Damaged

    def value(self) -> Value:
        """Read one element with all that is in it; a loop, as depth is the sender's choice."""
        value, left = self.element()
        while left:
            left += self.element()[1] - 1
        return value

    def texts(self) -> list[str] | None:
        """Read one element, and return it if it is an array of strings."""
        head = self.data[self.at : self.at + 1]
        value, left = self.element()
        # Of what holds other elements only an array counts: a map has two for each pair.
        if not head or value is not None or not (0x90 <= head[0] <= 0x9F or head[0] in _ARRAYS):
            while left:
                left += self.element()[1] - 1
            return None
        found = [self.value() for _ in range(left)]
        texts = [value for value in found if isinstance(value, str)]
        return texts if len(texts) == left else None

    def element(self) -> tuple[Value, int]:
        """Read one head with its data; return how many elements are inside it, too."""
        head = self.take(1)[0]
        if head < 0x80:
            return head, 0
        if head >= 0xE0:
            return head - 0x100, 0
        if head < 0x90:
            return None, 2 * (head & 0x0F)
        if head < 0xA0:
            return None, head & 0x0F
        if head < 0xC0:
            return self.text(head & 0x1F), 0
        if number := _INTS.get(head):
            value: int = number.unpack(self.take(number.size))[0]
            return value, 0
        if size := _STRS.get(head):
            return self.text(self.uint(size)), 0
        if size := _BINS.get(head):
            return self.take(self.uint(size)), 0
        if size := _ARRAYS.get(head):
            return None, self.uint(size)
        if size := _MAPS.get(head):
            return None, 2 * self.uint(size)
        if size := _EXTS.get(head):
            self.take(self.uint(size) + 1)  # the type, too
            return None, 0
        if head in _FIXED:
            self.take(_FIXED[head])
            return None, 0
        raise Damaged

    def text(self, size: int) -> str:
        return self.take(size).decode("utf-8", "replace")

    def uint(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise Damaged
        data = self.data[self.at : end]
        self.at = end
        return data
