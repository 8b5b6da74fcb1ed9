"""The HTTP interface."""

from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .model import embed, similarities
from .service import create_app, read_json

DIMENSIONS, MOST_DIMENSIONS, MOST_TEXTS = 256, 4096, 256


async def _body(request: Request) -> dict[str, Any]:
    body = await read_json(request)
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be an object")
    return body


def _texts(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise HTTPException(400, f"{name} must be a string or a list of strings")
    if len(texts) > MOST_TEXTS:
        raise HTTPException(400, f"{name} may hold at most {MOST_TEXTS} texts")
    return texts


def _dimensions(body: dict[str, Any]) -> int:
    value = body.get("dimensions", DIMENSIONS)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_DIMENSIONS:
        raise HTTPException(400, f"dimensions must be a whole number from 1 to {MOST_DIMENSIONS}")
    return value


async def embeddings(request: Request) -> Response:
    body = await _body(request)
    dimensions = _dimensions(body)
    rows = await run_in_threadpool(embed, _texts(body, "input"), dimensions)
    data = [{"index": index, "embedding": row} for index, row in enumerate(rows.tolist())]
    return JSONResponse({"dimensions": dimensions, "data": data})


async def similarity(request: Request) -> Response:
    body = await _body(request)
    query, documents = body.get("query"), _texts(body, "documents")
    if not isinstance(query, str):
        raise HTTPException(400, "query must be a string")
    scores = await run_in_threadpool(similarities, query, documents, _dimensions(body))
    order = np.argsort(-scores, kind="stable")
    return JSONResponse({"results": [{"index": int(i), "score": round(float(scores[i]), 4)} for i in order]})


def application() -> Starlette:
    return create_app(
        "embeddings",
        [
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/similarity", similarity, methods=["POST"]),
        ],
        lambda: {"numpy": np.__version__},
    )
