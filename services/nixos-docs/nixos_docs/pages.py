"""The pages: Markdown files beside this one, read and rendered once, at the start."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FOLDER = Path(__file__).parent / "content"


@dataclass(frozen=True, slots=True)
class Page:
    slug: str
    title: str
    text: str
    html: str


def _text(tokens: list[Token]) -> str:
    """What a reader sees, without the markup."""
    parts: list[str] = []
    for token in tokens:
        if token.children:
            parts.append("".join(" " if "break" in child.type else child.content for child in token.children))
        elif token.content:
            parts.append(token.content)
    return "\n".join(parts)


def parse(slug: str, source: str) -> Page:
    markdown = MarkdownIt("commonmark", {"html": False})
    tokens = markdown.parse(source)
    title = next((after.content for token, after in pairwise(tokens) if token.tag == "h1"), slug)
    return Page(slug, title, _text(tokens), markdown.renderer.render(tokens, markdown.options, {}))


def load(folder: Path = _FOLDER) -> dict[str, Page]:
    paths = sorted(folder.glob("*.md"))
    return {path.stem: parse(path.stem, path.read_text(encoding="utf-8")) for path in paths}
