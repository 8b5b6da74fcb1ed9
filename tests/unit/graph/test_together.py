from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from pipelines.errors import BuildError, ExitCode, GateFailed, RegistryError, SeveralErrors, ToolError
from pipelines.graph.together import together

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(10)]

Job = Callable[[], Awaitable[None]]


class Log(list[str]):
    """What happened, in order, and jobs that write it down."""

    def waits(self, name: str, *, finalizer: BaseException | None = None) -> Job:
        """A job that ends only when it is cancelled; its finalizer takes a while, and may fail."""

        async def job() -> None:
            self.append(f"{name} began")
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.01)
                self.append(f"{name} ended")
                if finalizer is not None:
                    raise finalizer

        return job

    def fails(self, error: BaseException) -> Job:
        """A job that fails once all the others are under way."""

        async def job() -> None:
            await anyio.wait_all_tasks_blocked()
            self.append("failed")
            raise error

        return job


async def test_all_jobs_run_at_once() -> None:
    meeting = [anyio.Event() for _ in range(3)]

    async def job(number: int) -> None:
        meeting[number].set()
        for event in meeting:
            await event.wait()

    await together(lambda number=number: job(number) for number in range(3))
    assert all(event.is_set() for event in meeting)


async def test_nothing_to_do() -> None:
    await together([])


async def test_the_only_failure_comes_as_it_is() -> None:
    log, error = Log(), BuildError("no such file", remedy="add it")
    with pytest.raises(BuildError) as caught:
        await together([log.fails(error)])
    assert caught.value is error


async def test_the_first_failure_cancels_the_others_and_waits_for_their_finalizers() -> None:
    log = Log()
    with pytest.raises(BuildError):
        await together([log.waits("a"), log.fails(BuildError("x", remedy="r")), log.waits("b")])
    assert log[:3] == ["a began", "b began", "failed"]
    assert sorted(log[3:]) == ["a ended", "b ended"]


async def test_a_job_that_was_done_before_is_not_undone() -> None:
    log = Log()

    async def quick() -> None:
        log.append("done")

    with pytest.raises(ToolError):
        await together([quick, log.fails(ToolError("x", remedy="r"))])
    assert log == ["done", "failed"]


async def test_two_that_fail_at_once_are_both_reported_and_the_first_decides_the_exit_code() -> None:
    log = Log()
    first, second = RegistryError("lost", remedy="run again"), BuildError("no such file", remedy="add it")
    with pytest.raises(SeveralErrors) as caught:
        await together([log.waits("slow", finalizer=second), log.fails(first), log.waits("other")])
    assert caught.value.errors == (first, second)
    assert caught.value.exit_code == ExitCode.REGISTRY
    for text in ("lost", "remedy: run again", "no such file", "remedy: add it"):
        assert text in str(caught.value)
    assert "other ended" in log


async def test_failures_from_within_are_told_one_by_one() -> None:
    log = Log()
    one, two, three = (ToolError(name, remedy="r") for name in ("one", "two", "three"))

    async def inner() -> None:
        await together([log.waits("inner", finalizer=two), log.fails(one)])

    with pytest.raises(SeveralErrors) as caught:
        await together([inner, log.waits("outer", finalizer=three)])
    assert set(caught.value.errors) == {one, two, three}
    assert str(caught.value).startswith("3 failures\n")
    assert caught.value.exit_code == ExitCode.TOOL


async def test_a_mistake_of_ours_is_not_taken_for_a_failure_of_the_run() -> None:
    log = Log()
    with pytest.raises(ExceptionGroup) as caught:
        await together([log.waits("a"), log.fails(KeyError("bug"))])
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert log[-1] == "a ended"


async def test_a_run_that_is_cancelled_from_outside_ends_without_a_failure() -> None:
    log = Log()
    with anyio.move_on_after(0.01) as scope:
        await together([log.waits("a"), log.waits("b")])
    assert scope.cancelled_caught
    assert sorted(log[2:]) == ["a ended", "b ended"]


async def test_a_verdict_is_an_outcome_like_any_other() -> None:
    with pytest.raises(GateFailed) as caught:
        await together([Log().fails(GateFailed("no", remedy="mend it"))])
    assert caught.value.exit_code == ExitCode.GATE
