"""The HTTP interface. Search and serving come from aidb, on whose image this one is built."""

from html import escape

from aidb.search import Index, snippet
from aidb.service import create_app, read_limit
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .pages import Page


def application(pages: dict[str, Page]) -> Starlette:
    index = Index()
    for page in pages.values():
        # The title once more: a word in it weighs more.
        index.add(page.slug, f"{page.title}\n{page.text}")

    async def listing(_: Request) -> Response:
        return JSONResponse({"pages": [{"id": page.slug, "title": page.title} for page in pages.values()]})

    async def read(request: Request) -> Response:
        page = pages.get(request.path_params["slug"])
        if page is None:
            raise HTTPException(404, "no such page")
        if "text/html" in request.headers.get("accept", ""):
            title = escape(page.title)
            return HTMLResponse(f'<!doctype html><meta charset="utf-8"><title>{title}</title>\n{page.html}')
        return JSONResponse({"id": page.slug, "title": page.title, "text": page.text})

    async def search(request: Request) -> Response:
        query = request.query_params.get("q", "")
        results = [
            {
                "id": hit.id,
                "title": pages[hit.id].title,
                "score": hit.score,
                "snippet": snippet(pages[hit.id].text, query),
            }
            for hit in index.search(query, read_limit(request))
        ]
        return JSONResponse({"query": query, "results": results})

    return create_app(
        "nixos-docs",
        [Route("/v1/search", search), Route("/v1/pages", listing), Route("/v1/pages/{slug}", read)],
        lambda: {"pages": len(pages)},
    )
