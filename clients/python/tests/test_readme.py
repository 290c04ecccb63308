"""What the README shows is what happens."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

from servers import Server

README = Path(__file__).resolve().parents[1] / "README.md"


def test_examples(seqd_server: Server) -> None:
    blocks = re.findall(r"```(\w*)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    shown = [(a[1], b[1]) for a, b in itertools.pairwise(blocks) if a[0] == "python" and not b[0]]
    assert len(shown) == 2
    imports = "import seqd\n"
    for code, output in shown:
        program = imports + code.replace("nats://127.0.0.1:4222", seqd_server.url)
        got = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert (got.stdout, got.stderr) == (output, "")
