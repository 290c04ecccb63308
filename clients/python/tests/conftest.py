"""Coroutines as tests, and a NATS server for each test that wants one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from instant import InstantLoop
from servers import Server, nats_server, seqd_dev


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "instant: the coroutine runs on a clock that does not wait")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if pyfuncitem.get_closest_marker("instant"):
        loop = InstantLoop()
        try:
            loop.run_until_complete(_finish(pyfuncitem.obj(**arguments)))
        finally:
            loop.close()
    else:
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 30))
    return True


async def _finish(test: Coroutine[Any, Any, None]) -> None:
    """Run a test and end what it leaves behind, as asyncio.run does."""
    try:
        await test
    finally:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with nats_server() as s:
        yield s


@pytest.fixture(scope="session")
def seqd_server() -> Iterator[Server]:
    with seqd_dev() as s:
        yield s
        assert s.stop() == 0
