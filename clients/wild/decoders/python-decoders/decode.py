"""Reads seqd's replies with the msgpack libraries of Python, and with json."""

import json
import platform
from array import array
from importlib.metadata import version
from pathlib import Path

import msgpack
import msgspec
import ormsgpack
import srsly
import umsgpack


class Reply(msgspec.Struct):
    id: int
    n: int


LIBRARIES = {
    "msgpack": msgpack.unpackb,
    "ormsgpack": ormsgpack.unpackb,
    "u-msgpack-python": umsgpack.unpackb,
    "msgspec": msgspec.msgpack.decode,
    "srsly": srsly.msgpack_loads,
}


def told(read, want):
    """What read returns, beside what it should."""
    try:
        got = read()
    except Exception as e:
        return f"refused: {type(e).__name__}: {e}"
    if got == want:
        return "exact"
    return "exact, a string" if got == str(want) else f"{got}, no error"


def row(name, decode, of, suffix="msgpack"):
    def reply(name):
        return decode(Path(f"{name}.{suffix}").read_bytes())

    print("row: Python:", name)
    print("version:", of)
    print("big:", told(lambda: reply("big")["id"], 2**53 + 1))
    # An array is where Python has integers of 32 bits.
    print("wide:", told(lambda: array("i", [int(reply("wide")["id"])])[0], 2**32 + 5))
    print("error:", told(lambda: reply("error")["id"], None))


for name, decode in LIBRARIES.items():
    row(name, decode, version(name))


def typed(data):
    reply = msgspec.msgpack.decode(data, type=Reply)
    return {"id": reply.id}


row("msgspec into a Struct", typed, version("msgspec"))
row("json", json.loads, f"Python {platform.python_version().rpartition('.')[0]}", "json")
