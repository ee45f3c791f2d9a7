"""Background work of a service: nothing is fired and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


def guarded(
    work: Coroutine[object, object, None], name: str, die: Callable[[BaseException], object]
) -> asyncio.Task[None]:
    """A task whose failure is given to `die`; a task that was cancelled has not failed."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            die(error)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
