"""What the README shows is what happens."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from servers import Server

HERE = Path(__file__).resolve().parents[1]
BLOCKS: list[tuple[str, str]] = re.findall(r"```(\w*)\n(.*?)```", (HERE / "README.md").read_text("utf-8"), re.DOTALL)


def test_first_command_and_examples(seqd_server: Server, tmp_path: Path) -> None:
    """The examples run in an empty folder, with what the first command has installed from a clone."""
    clone(tmp_path / "seqd" / "clients" / "python")
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=tmp_path, check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_REQUIRE", "PYTHON"))}
    environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    command = next(code for language, code in BLOCKS if language == "sh")
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, check=True)

    shown = [(a[1], b[1]) for a, b in itertools.pairwise(BLOCKS) if a[0] == "python" and not b[0]]
    assert len(shown) == 2
    for code, output in shown:
        program = code.replace("nats://127.0.0.1:4222", seqd_server.url)
        got = subprocess.run(
            ["python", "-c", program],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (got.stdout, got.stderr) == (output, "")


def clone(to: Path) -> None:
    """Copy this folder as it is where nothing has been installed or built in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (HERE / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, to / name)
