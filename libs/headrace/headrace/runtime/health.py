"""One port: /healthz (the loop turns), /readyz (it can do its work), /metrics, and what a service adds.

`/readyz?exclude=unpublished` leaves out of account what nobody has made yet (a model): the service has come up then,
and a rollout need not wait. (Kubernetes' own /readyz has the parameter too.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from headrace.contract.errors import SettingsError

NotReady = Callable[[], str | None]
"""Says why the service is not ready; None when it is."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers a request."""


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    not_ready: NotReady,
    registry: CollectorRegistry,
    further: Sequence[web.RouteDef] = (),
    but: Mapping[str, NotReady] = MappingProxyType({}),
) -> AsyncIterator[int]:
    """Answer on `port` (0: any free one, which is yielded); `but` says what /readyz asks instead for each `exclude`.

    Raises SettingsError when nobody can listen there.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(request: web.Request) -> web.Response:
        reason = but.get(request.query.get("exclude", ""), not_ready)()
        return web.Response(status=200 if reason is None else 503, text=f"{reason or 'ready'}\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics), *further])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port}: {error.strerror}; set HEADRACE_HTTP_HOST and HEADRACE_HTTP_PORT to an"
                " address and a port that are free here"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
