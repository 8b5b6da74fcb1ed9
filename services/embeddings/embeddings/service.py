"""What every HTTP service here needs: JSON logs, one line for each request, a graceful stop.

This file is the same in aidb and embeddings, which share no image; nixos-docs takes it from aidb's.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1 << 20
STOP_SECONDS = 5

log = logging.getLogger("service")


class JsonFormatter(logging.Formatter):
    """One JSON object on one line; `extra={"fields": {...}}` adds to it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self.service,
            "msg": record.getMessage().strip(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class RequestLog:
    """ASGI middleware: logs method, path, status and duration. Health checks only at DEBUG."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
            level = logging.DEBUG if scope["path"] == "/healthz" else logging.INFO
            log.log(level, "request", extra={"fields": fields})


async def read_json(request: Request) -> Any:
    """The body as JSON; a client error if it is too large or is not strict JSON."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, f"the body may have at most {MAX_BODY} bytes")
    except ClientDisconnect as error:
        raise HTTPException(400, "the client went away") from error
    try:
        value = json.loads(bytes(body))
        # Python also reads NaN, infinities and half surrogate pairs, which no answer could carry.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not valid JSON") from error
    return value


def read_limit(request: Request, default: int = 10, most: int = 100) -> int:
    """`?limit=`, kept between 1 and `most`."""
    try:
        return max(1, min(most, int(request.query_params.get("limit", default))))
    except ValueError as error:
        raise HTTPException(400, "limit must be a whole number") from error


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": "internal error"}, 500)


def create_app(name: str, routes: Sequence[BaseRoute], health: Callable[[], dict[str, Any]] = dict) -> Starlette:
    """An application with `/healthz`, to which `health` adds; errors are JSON too."""

    async def healthz(_: Request) -> JSONResponse:
        version = os.environ.get("VERSION", "dev")
        return JSONResponse({"status": "ok", "service": name, "version": version, **health()})

    return Starlette(
        routes=[Route("/healthz", healthz), *routes],
        middleware=[Middleware(RequestLog)],
        exception_handlers={HTTPException: _http_error, Exception: _http_error},
    )


def serve(name: str, app: Starlette) -> None:
    """Serves until SIGTERM or SIGINT, lets running requests finish, and returns."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(name))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO").upper(), handlers=[handler], force=True)
    # uvicorn raises the signal again once it has stopped: with these, that ends in exit code 0.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 - a container's only way to be reached
        port=int(os.environ.get("PORT", "8080")),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
