"""The HTTP interface."""

import re

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .search import snippet
from .service import create_app, read_json, read_limit
from .store import Store

_KEY = re.compile(r"[\w.:/-]{1,256}")


def application(store: Store) -> Starlette:
    def key_of(request: Request) -> str:
        key: str = request.path_params["key"]
        if not _KEY.fullmatch(key):
            raise HTTPException(400, "a key has 1 to 256 letters, digits or any of _ . : / -")
        return key

    async def put(request: Request) -> Response:
        key = key_of(request)
        created = store.put(key, await read_json(request))
        return JSONResponse({"key": key}, 201 if created else 200)

    async def get(request: Request) -> Response:
        text = store.get(key_of(request))
        if text is None:
            raise HTTPException(404, "no such key")
        return Response(text, media_type="application/json")

    async def delete(request: Request) -> Response:
        if not store.delete(key_of(request)):
            raise HTTPException(404, "no such key")
        return Response(status_code=204)

    async def keys(request: Request) -> Response:
        prefix = request.query_params.get("prefix", "")
        return JSONResponse({"keys": store.keys(prefix, read_limit(request, 100, 1000))})

    async def search(request: Request) -> Response:
        query = request.query_params.get("q", "")
        results = [
            {"id": hit.id, "score": hit.score, "snippet": snippet(store.get(hit.id) or "", query)}
            for hit in store.search(query, read_limit(request))
        ]
        return JSONResponse({"query": query, "results": results})

    return create_app(
        "aidb",
        [
            Route("/v1/search", search),
            Route("/v1/keys", keys),
            Route("/v1/keys/{key:path}", put, methods=["PUT"]),
            Route("/v1/keys/{key:path}", delete, methods=["DELETE"]),
            Route("/v1/keys/{key:path}", get),
        ],
        lambda: {"entries": len(store)},
    )
