"""The version stands in one place."""

from __future__ import annotations

from importlib import metadata

import seqd


def test_version() -> None:
    assert metadata.version("seqd") == seqd.__version__
