"""Real servers for tests, built from this repository's module and started on free ports."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = next(folder for folder in HERE.parents if (folder / "go.mod").is_file())
BUILD = HERE.parents[1] / ".build"
PATIENCE = 30  # seconds for a server to start or to stop


@functools.cache
def build(package: str) -> Path:
    """Build a Go program, which takes nothing where nothing has changed."""
    out = BUILD / package.rstrip("/v2").rsplit("/", 1)[-1]
    subprocess.run(["go", "build", "-o", str(out), package], cwd=ROOT, check=True)
    return out


@dataclass
class Server:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def send(self, signum: int) -> None:
        self.process.send_signal(signum)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop the server, and return its exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signum)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextmanager
def nats_server(port: int = -1, config: str = "") -> Iterator[Server]:
    """Run a nats-server."""
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder, "nats.conf")
        conf.write_text(config)
        args = [str(build("github.com/nats-io/nats-server/v2")), "-a", "127.0.0.1", "-p", str(port), "-c", str(conf)]
        with _run(args, r"Listening for client connections on (\S+)") as server:
            yield server


@contextmanager
def seqd_dev() -> Iterator[Server]:
    """Run NATS, etcd and a worker for every store."""
    with tempfile.TemporaryDirectory() as folder:
        ports = ["--nats-port", "0", "--etcd-port", "0", "--http-port", "0"]
        args = [str(build("./cmd/seqd")), "dev", *ports, "--data-dir", folder]
        with _run(args, r"^ready nats=nats://(\S+)") as server:
            yield server


@contextmanager
def _run(args: list[str], ready: str) -> Iterator[Server]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SEQD_", "NATS_"))}
    with subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        lines: list[str] = []
        found: list[str] = []
        known = threading.Event()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if not found and (match := re.search(ready, line)):
                    found.append(match[1])
                    known.set()
            known.set()

        reader = threading.Thread(target=read)
        reader.start()
        server = Server(process, "")
        try:
            if not known.wait(PATIENCE) or not found:
                raise AssertionError(f"{args[0]} did not start:\n{''.join(lines)}")
            server.url = f"nats://{found[0]}"
            yield server
        finally:
            if process.poll() is None:
                server.stop()
            reader.join()
