"""The whole service: the watch, the two ports, and one way to end."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine

from aiohttp import web
from headrace.runtime import health
from prometheus_client import CollectorRegistry

from headrace_lag.answers import as_json
from headrace_lag.board import Board
from headrace_lag.cluster import cluster
from headrace_lag.exposition import Exposition
from headrace_lag.https import ExternalMetrics
from headrace_lag.lag import Reader
from headrace_lag.scaling import Scaling
from headrace_lag.settings import LagSettings, ScalingSettings
from headrace_lag.watch import Watch

_log = logging.getLogger(__name__)


async def serve(settings: LagSettings, scaling_settings: ScalingSettings) -> None:
    """Run until SIGTERM or SIGINT; raises whatever ends a part of it."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    board = Board(settings.lag_stale_seconds, str(settings.pipelines))
    shown = Exposition(board)
    registry = CollectorRegistry()
    registry.register(shown)
    scaling = Scaling(scaling_settings, settings.lag_stale_seconds)
    async with cluster(settings.lag_kubernetes, settings.lag_api_seconds) as api:
        external: ExternalMetrics | None = None
        if settings.lag_tls is not None and api is not None:
            external = ExternalMetrics(settings, board, api, lambda: board.not_ready(time.monotonic()))

        def not_ready() -> str | None:
            return (external.waits_for if external is not None else None) or board.not_ready(time.monotonic())

        routes = [web.get("/v1/{tenant}/{pipeline}/{service}", _json_of(board))]
        async with health.serve(settings.http_host, settings.http_port, not_ready, registry, routes) as port:
            _log.info("health, metrics and JSON on port %d", port)
            watch = Watch(settings, scaling, board, shown, api)
            await _first_to_end(stopping.wait(), watch.run(), *([external.run()] if external is not None else []))
    _log.info("stopped")


async def _first_to_end(*parts: Coroutine[object, object, object]) -> None:
    """Run all until one ends, then end the others; raises what ended it."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _json_of(board: Board) -> health.Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        told = request.match_info
        code, body = as_json(board, Reader(told["tenant"], told["pipeline"], told["service"]), time.monotonic())
        return web.json_response(body, status=code)

    return answer
