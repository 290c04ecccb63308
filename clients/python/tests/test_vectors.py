"""The byte vectors that every client must reproduce."""

from __future__ import annotations

import json
from typing import Any

import pytest
from servers import ROOT

from seqd._msgpack import Value
from seqd._subjects import check_key, check_token, escape, subject
from seqd._wire import decode_answer, encode_request
from seqd.errors import NUMBERS, BadRequestError, Error, InternalError


def vectors(file: str, group: str, fields: str) -> list[dict[str, Any]]:
    """Read one group. A field that is not named fails: a check nobody makes is worse than none."""
    found: list[dict[str, Any]] = json.loads((ROOT / "subjects" / "testdata" / file).read_text("utf-8"))[group]
    assert found
    for vector in found:
        assert not set(vector) - set(fields.split()), f"{file}: unknown field in {vector}"
    return found


def name(vector: dict[str, Any]) -> str:
    return str(vector.get("name") or vector.get("text_hex") or vector.get("subject") or vector)[:60]


def nonce(vector: dict[str, Any] | None) -> Value:
    if vector is None:
        return None
    value: str = vector["value"]
    return {"str": str, "bin": bytes.fromhex, "int": int}[vector["kind"]](value)  # type: ignore[operator, no-any-return]


def each(file: str, group: str, fields: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("v", vectors(file, group, fields), ids=name)


@each("subjects.json", "good", "subject root store key")
def test_subjects_good(v: dict[str, Any]) -> None:
    check_token("root", v["root"])
    check_token("store", v["store"])
    check_key(v["key"])
    assert subject(v["root"], v["store"], v["key"]) == v["subject"]


@each("subjects.json", "bad", "subject root reason")
def test_subjects_bad(v: dict[str, Any]) -> None:
    root, *parts = v["subject"].split(".", 2)
    if v["reason"] in ("root", "no-key"):  # not stores and keys that somebody could pass
        assert root != v["root"] or len(parts) < 2 or not parts[0] or not parts[1]
        return
    wrong = check_token if v["reason"].startswith("store") else lambda _, __: check_key(parts[1])
    with pytest.raises(BadRequestError):
        wrong("store", parts[0])


@each("keys.json", "good", "text text_hex key")
def test_keys_good(v: dict[str, Any]) -> None:
    if v["text"] is None:
        with pytest.raises(UnicodeDecodeError):  # no str can be this
            bytes.fromhex(v["text_hex"]).decode()
        return
    assert v["text"].encode().hex() == v["text_hex"]
    assert escape(v["text"]) == v["key"]


@each("keys.json", "bad", "text text_hex reason")
def test_keys_bad(v: dict[str, Any]) -> None:
    if v["text"] is not None:
        with pytest.raises(BadRequestError, match="tokens" if v["reason"] == "too-many-tokens" else "bytes"):
            escape(v["text"])


def test_keys_are_one_to_one() -> None:
    good = [v for v in vectors("keys.json", "good", "text text_hex key") if v["text"] is not None]
    assert len({escape(v["text"]) for v in good}) == len(good)


REQUEST = "name headers body n mode format timeout_ms nonce idempotency_key canonical"


# This client's nonces are integers.
CANONICAL = [
    v
    for v in vectors("requests.json", "good", REQUEST)
    if v.get("canonical") and (v["nonce"] is None or v["nonce"]["kind"] == "int")
]


@pytest.mark.parametrize("v", CANONICAL, ids=name)
def test_requests_canonical(v: dict[str, Any]) -> None:
    sent = nonce(v["nonce"])
    assert sent is None or isinstance(sent, int)
    assert encode_request(v["n"], v["mode"] or "default", sent, v.get("idempotency_key")).hex() == v["body"]


def test_requests_canonical_have_idempotency_keys() -> None:
    assert sum(v.get("idempotency_key") is not None for v in CANONICAL) >= 10


def test_requests_are_never_bad() -> None:
    bad = {
        v["body"] for v in vectors("requests.json", "bad", "name headers body format nonce code") if not v["headers"]
    }
    for n in (1, 2, 127, 128, 255, 256, 65535, 65536, 2**32 - 1):
        for mode in ("default", "weak", "strong"):
            for value in (None, 0, 2**64 - 1):
                for key in (None, "k", "k" * 64):
                    assert encode_request(n, mode, value, key).hex() not in bad


@each("replies.json", "replies", "id n nonce msgpack json plain")
def test_replies(v: dict[str, Any]) -> None:
    check_ids(v, {}, v["msgpack"])
    answer = decode_answer(None, bytes.fromhex(v["msgpack"]))
    assert json.loads(v["json"])["id"] == str(answer.ids[0])
    assert v["plain"].split()[-1] == str(answer.ids[-1])


@each("replies.json", "numbered", "id n period numbers nonce replayed headers msgpack json plain")
def test_replies_numbered(v: dict[str, Any]) -> None:
    check_ids(v, v["headers"], v["msgpack"])
    assert "\n".join(v["numbers"]) == v["plain"]


def check_ids(v: dict[str, Any], headers: dict[str, str], body: str) -> None:
    answer = decode_answer(headers, bytes.fromhex(body))
    assert answer.error is None
    assert (answer.ids.start, len(answer.ids)) == (int(v["id"]), v["n"])
    assert answer.nonce == nonce(v["nonce"])
    assert answer.period == (v.get("period") or "")
    assert answer.numbers == tuple(v.get("numbers") or ())
    assert answer.replayed == v.get("replayed", False)


def test_codes() -> None:
    table = {v["code"]: v for v in vectors("errors.json", "codes", "code number retryable ids_may_be_spent")}
    assert {cls.code: number for cls, number in NUMBERS.items()} == {c: v["number"] for c, v in table.items()}
    for cls in NUMBERS:
        # EXPIRED: "the caller knows"; this one does, as its next attempt has time of its own.
        assert cls.retryable == (table[cls.code]["retryable"] or cls.code == "EXPIRED")
        assert cls.ids_may_be_spent == table[cls.code]["ids_may_be_spent"]


@each("errors.json", "client", "code text ids_may_be_spent")
def test_own_codes(v: dict[str, Any]) -> None:
    """What no worker says has one name in every client, and ids may be spent where they may be."""
    (cls,) = (c for c in Error.__subclasses__() if c.code == v["code"])
    assert cls not in NUMBERS
    assert cls.ids_may_be_spent == v["ids_may_be_spent"]


def check_error(v: dict[str, Any], body: bytes) -> None:
    answer = decode_answer(v["headers"], body)
    error = answer.error
    assert len(answer.ids) == 0
    assert isinstance(error, Error)
    assert error.code == v["code"]
    assert type(error) is {cls.code: cls for cls in NUMBERS}.get(v["code"], Error)
    assert v["text"] is None or error.text == v["text"]
    assert error.retry_after == (v["retry_after_ms"] or 0) / 1000
    assert answer.nonce == nonce(v["nonce"])


@each("errors.json", "errors", "code number text retry_after_ms nonce headers msgpack json plain")
def test_errors(v: dict[str, Any]) -> None:
    check_error(v, bytes.fromhex(v["msgpack"]))
    assert v["headers"]["Nats-Service-Error-Code"] == str(v["number"])


@each("decode.json", "accept", "name headers body id n nonce period numbers replayed")
def test_decode_accepts(v: dict[str, Any]) -> None:
    check_ids(v, v["headers"], v["body"])


@each("decode.json", "refuse", "name headers body code text retry_after_ms nonce")
def test_decode_refuses(v: dict[str, Any]) -> None:
    check_error(v, bytes.fromhex(v["body"]))


def test_cut_and_mangled_answers() -> None:
    """No answer that was cut or changed by a bit is taken for other ids, or breaks the reader."""
    for v in vectors("replies.json", "replies", "id n nonce msgpack json plain"):
        body = bytes.fromhex(v["msgpack"])
        for size in range(len(body)):
            assert isinstance(decode_answer(None, body[:size]).error, InternalError)
        for bit in range(8 * len(body)):
            changed = bytearray(body)
            changed[bit // 8] ^= 1 << bit % 8
            answer = decode_answer(None, bytes(changed))
            assert answer.error is not None or (answer.ids[0] >= 1 and answer.ids[-1] < 2**63)
