"""Bytes and subjects, beyond the vectors."""

from __future__ import annotations

import pickle
import random
from typing import Any

import msgpack
import pytest

import seqd
from seqd import _wire
from seqd._subjects import check_key, check_token, escape
from seqd._wire import MAX_ID


def random_text(rnd: random.Random) -> str:
    return "".join(rnd.choice("a.=0/ é发*>") for _ in range(rnd.randint(1, 8)))


def unescape(key: str) -> str:
    parts = key.split("=")
    return b"".join([parts[0].encode(), *(bytes([int(p[:2], 16)]) + p[2:].encode() for p in parts[1:])]).decode()


def test_escape_is_one_to_one() -> None:
    rnd = random.Random(1)
    for _ in range(20_000):
        text = random_text(rnd)
        key = escape(text)
        check_key(key)
        assert unescape(key) == text


@pytest.mark.parametrize("key", [None, 7, b"invoice", ["a"], "\ud800", "a\udcff"])
def test_escape_refuses(key: Any) -> None:
    with pytest.raises(seqd.BadRequestError):
        escape(key)


@pytest.mark.parametrize("token", ["", "a.b", "a ", "a\n", "é", "a/b", "*", ">", "s" * 65, None, 7, "\ud800"])
def test_token_refuses(token: Any) -> None:
    with pytest.raises(seqd.BadRequestError):
        check_token("store", token)


@pytest.mark.parametrize("n", [1, 2, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1])
@pytest.mark.parametrize("mode", ["default", "weak", "strong"])
def test_another_library_reads_requests(n: int, mode: str) -> None:
    nonce = 2**64 - 1
    fields = {"n": n, "mode": mode, "nonce": nonce}
    want = {k: v for k, v in fields.items() if v not in (1, "default")}
    assert msgpack.unpackb(_wire.encode_request(n, mode, nonce)) == want


def test_another_librarys_answers_are_read() -> None:
    rnd = random.Random(2)
    for _ in range(5_000):
        n = rnd.choice([1, 2, 300, 70_000, 2**32 - 1])
        first = rnd.choice([1, 100, 2**16, 2**31, 2**53 + 1, 2**63 - n])
        more = {"later": {"a": [1.5, None, True, -7, "s" * 40, b"b" * 300]}, "x": list(range(20))}
        fields = {"id": first, "n": n, "nonce": rnd.choice([0, 5, 2**53 + 1, 2**64 - 1])} | rnd.choice([{}, more])
        answer = _wire.decode_answer(None, msgpack.packb(fields))
        assert answer.error is None
        assert answer.ids == range(first, first + n)
        assert answer.nonce == fields["nonce"]


def test_deep_answers_do_no_harm() -> None:
    body = b"\x83\xa1x" + b"\x91" * 100_000 + b"\x01\xa2id\x05\xa1n\x01"
    assert _wire.decode_answer(None, body).ids == range(5, 6)


def test_range() -> None:
    ids = seqd.Range(7, 10)
    assert (ids.start, ids.length, ids.last, len(ids), list(ids)) == (7, 10, 16, 10, list(range(7, 17)))
    assert 16 in ids
    assert 17 not in ids
    assert f"{seqd.Range(7, 1)} {ids}" == "7 7..16"
    assert pickle.loads(pickle.dumps(ids)) == ids
    assert list(seqd.Range(MAX_ID, 1)) == [MAX_ID]
