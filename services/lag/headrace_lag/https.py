"""external.metrics.k8s.io/v1beta1 for the API server's aggregator: TLS, who asks, whether they may, the answer."""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web
from headrace.contract.errors import ClusterUnavailable, SettingsError
from headrace.runtime.health import NotReady

from headrace_lag import bodies
from headrace_lag.access import GROUP, VERSION, Attributes, Gate, User, attributes
from headrace_lag.answers import Answer, external_metric
from headrace_lag.board import Board
from headrace_lag.cluster import Cluster
from headrace_lag.figures import FIGURES
from headrace_lag.front_proxy import FrontProxy, Unauthenticated, authenticate
from headrace_lag.settings import LagSettings
from headrace_lag.tls import ServingTls

_log = logging.getLogger(__name__)

_REFRESH_SECONDS = 5.0
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_API = f"/apis/{GROUP}"


class ExternalMetrics:
    """The port; it opens once the API server has said whom it names as its front proxy."""

    def __init__(self, settings: LagSettings, board: Board, cluster: Cluster, not_ready: NotReady) -> None:
        self._settings = settings
        self._board = board
        self._cluster = cluster
        self._not_ready = not_ready
        self._gate = Gate(cluster.may)
        self._proxy: FrontProxy | None = None
        self.waits_for: str | None = "the API server has not said yet who its front proxy is"

    async def run(self) -> None:
        """Serve until cancelled, following certificates and the front proxy. Raises SettingsError."""
        folder = self._settings.lag_tls
        assert folder is not None, "who runs this has a folder"
        self._proxy = await self._first_front_proxy()
        tls = await asyncio.to_thread(ServingTls, folder, self._proxy.authority)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            host, port = self._settings.http_host, self._settings.lag_https_port
            try:
                await web.TCPSite(runner, host, port, ssl_context=tls.context).start()
            except OSError as error:
                raise SettingsError(
                    f"cannot listen on {host}:{port}: {error.strerror}; set HEADRACE_LAG_HTTPS_PORT"
                ) from error
            self.waits_for = None
            _log.info("external.metrics.k8s.io on port %d", runner.addresses[0][1])
            while True:
                await asyncio.sleep(_REFRESH_SECONDS)
                try:
                    self._proxy = await self._cluster.front_proxy()
                except ClusterUnavailable as error:
                    _log.warning("who the front proxy is could not be read again: %s", error)
                await asyncio.to_thread(tls.refresh, self._proxy.authority)
        finally:
            await runner.cleanup()

    async def _first_front_proxy(self) -> FrontProxy:
        while True:
            try:
                return await self._cluster.front_proxy()
            except ClusterUnavailable as error:
                self.waits_for = str(error)
                _log.warning("%s", error)
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _handle(self, request: web.Request) -> web.Response:
        if request.path in _HEALTH:
            reason = self._not_ready() if request.path == "/readyz" else None
            return web.Response(status=200 if reason is None else 503, text=reason or "ok")
        try:
            user = self._user(request)
        except Unauthenticated as error:
            return _json(401, bodies.status(401, str(error)))
        wanted = attributes(request.path)
        if request.method != "GET":
            return _json(405, bodies.status(405, f"{request.method} is not offered; metrics are only read"))
        try:
            allowed = await self._gate.allows(user, wanted, time.monotonic())
        except ClusterUnavailable as error:
            return _json(503, bodies.status(503, f"whether this is allowed is not known: {error}"))
        if not allowed:
            return _json(403, bodies.status(403, _forbidden(user, wanted)))
        if wanted.path == "/apis" and bodies.AGGREGATED in request.headers.get("Accept", "").replace(" ", ""):
            return _json(200, bodies.aggregated(FIGURES), bodies.AGGREGATED)
        return _json(*self._answer(wanted, request.query.get("labelSelector", "")))

    def _user(self, request: web.Request) -> User:
        certificate = None if request.transport is None else request.transport.get_extra_info("peercert")
        assert self._proxy is not None, "the port is open only once it is known"
        return authenticate(certificate, request.headers.items(), self._proxy)

    def _answer(self, wanted: Attributes, selector: str) -> Answer:
        if wanted.resource is not None:
            prefix = self._settings.lag_namespace_prefix
            return external_metric(self._board, wanted, selector, prefix, time.monotonic())
        discovery = {
            "/apis": bodies.groups(),
            _API: bodies.group(),
            f"{_API}/{VERSION}": bodies.resources(FIGURES),
        }
        body = discovery.get(wanted.path.rstrip("/"))
        # No OpenAPI document is offered: the aggregator skips a server that answers 404 to /openapi/v2 and /openapi/v3.
        return (404, bodies.status(404, f"there is nothing at {wanted.path}")) if body is None else (200, body)


def _json(code: int, body: bodies.Body, content_type: str = "application/json") -> web.Response:
    response = web.json_response(body, status=code)
    response.headers["Content-Type"] = content_type
    return response


def _forbidden(user: User, wanted: Attributes) -> str:
    what = f"path {wanted.path}" if wanted.resource is None else f"{wanted.resource} in namespace {wanted.namespace}"
    return f"user {user.name!r} may not {wanted.verb} {what}: bind a role that allows it"
