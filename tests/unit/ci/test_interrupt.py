from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from ci.interrupt import Interrupted, interruptible
from pipelines.errors import BuildError, ToolError

pytestmark = pytest.mark.timeout(10)

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def run(work: Callable[[], Awaitable[str]]) -> str:
    """As the command line runs it."""
    return anyio.run(interruptible, work)


@pytest.fixture(autouse=True)
def handlers() -> object:
    """Whatever happens, the test run's own handlers are as they were, and no signal ends it by default."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number, _ in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_cancels_the_work_and_its_cleanup_runs(number: int, code: int) -> None:
    log: list[str] = []

    async def work() -> str:
        try:
            await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), number)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                log.append("cleanup began")
                await anyio.sleep(0.01)
                log.append("cleanup ended")
        return "done"

    with pytest.raises(Interrupted) as caught:
        run(work)
    assert log == ["cleanup began", "cleanup ended"]
    assert caught.value.exit_code == code
    assert str(caught.value) == signal.Signals(number).name


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_counts_from_the_works_first_moment_on(number: int, code: int) -> None:
    async def work() -> str:
        os.kill(os.getpid(), number)
        await anyio.sleep_forever()
        return "done"

    with pytest.raises(Interrupted) as caught:
        run(work)
    assert caught.value.exit_code == code


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_cleanup_that_fails_does_not_hide_the_signal(number: int, code: int) -> None:
    async def work() -> str:
        try:
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), number)
            await anyio.sleep_forever()
        finally:
            raise ToolError("the engine is gone", remedy="r")

    with pytest.raises(Interrupted) as caught:
        run(work)
    assert caught.value.exit_code == code


def test_the_result_comes_back() -> None:
    async def work() -> str:
        await anyio.lowlevel.checkpoint()
        return "done"

    assert run(work) == "done"


def test_a_failure_comes_as_it_is() -> None:
    error = BuildError("no such file", remedy="add it")

    async def work() -> str:
        await anyio.lowlevel.checkpoint()
        raise error

    with pytest.raises(BuildError) as caught:
        run(work)
    assert caught.value is error


def test_work_that_was_done_when_the_signal_came_keeps_its_result() -> None:
    async def work() -> str:
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep(0.01)
        return "published"

    assert run(work) == "published"


def test_afterwards_signals_are_as_they_were() -> None:
    async def work() -> str:
        await anyio.wait_all_tasks_blocked()
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN
        return "done"

    run(work)
    # asyncio gives back the default of each signal, which is what a second Ctrl-C relies on.
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
