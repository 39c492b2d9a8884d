"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Unpack

from pointsman.client.blocking import DEFAULT_TIMEOUT, Client
from pointsman.client.message import Sent, TaskFields
from pointsman.client.result import Result
from pointsman.client.watch import Progress, Watch


class AsyncClient:
    """`Client` for asyncio: calls to AWS run in threads, pauses on the loop.

    A call that is cancelled while AWS is asked goes on to its end in its thread: a `submit` may then have been sent, so
    give it an `idempotency_key` where it may be made again.
    """

    def __init__(self, client: Client) -> None:
        """Wrap a client, as `AsyncClient(Client.of_stack("pointsman"))`."""
        self._client = client

    async def submit(self, prompt: str | None = None, **fields: Unpack[TaskFields]) -> Sent:
        """Put a task on the queue, as `Client.submit` does."""
        return await asyncio.to_thread(self._client.submit, prompt, **fields)

    async def send(self, body: str) -> Sent:
        """Put a whole message on the queue, as `Client.send` does."""
        return await asyncio.to_thread(self._client.send, body)

    async def wait(
        self,
        task: Sent | str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Return the result of a task once it has completed, as `Client.wait` does."""
        return (await anext(self.results([task], timeout=timeout, on_progress=on_progress))).raise_for_status()

    async def results(
        self,
        tasks: Iterable[Sent | str],
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> AsyncIterator[Result]:
        """Yield the result of each task as it ends, as `Client.results` does."""
        watch = Watch(tasks, timeout)
        while watch:
            results, news = await asyncio.to_thread(self._client.look, watch)
            if on_progress:
                for progress in news:
                    on_progress(progress)
            for result in results:
                yield result
            if watch:
                await asyncio.sleep(watch.pause())

    async def result(self, task_id: str) -> Result | None:
        """Return how a task ended; None if it has not, or is not known."""
        return await asyncio.to_thread(self._client.result, task_id)
