"""A full-text index in memory, ranked by Okapi BM25."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from math import log1p

_WORD = re.compile(r"\w+")
_K1, _B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Hit:
    id: str
    score: float


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def snippet(text: str, query: str, width: int = 160) -> str:
    """The part of `text` around the first word of `query` that it holds."""
    wanted = set(words(query))
    start = next((word.start() for word in _WORD.finditer(text) if word.group().casefold() in wanted), 0)
    start = max(0, start - width // 4)
    part = " ".join(text[start : start + width].split())
    return ("… " if start else "") + part + (" …" if start + width < len(text) else "")


class Index:
    def __init__(self) -> None:
        self._documents: dict[str, Counter[str]] = {}
        self._postings: defaultdict[str, set[str]] = defaultdict(set)
        self._length = 0

    def add(self, id: str, text: str) -> None:
        """Adds a document, or replaces the one of that id."""
        self.remove(id)
        counts = Counter(words(text))
        self._documents[id] = counts
        self._length += counts.total()
        for word in counts:
            self._postings[word].add(id)

    def remove(self, id: str) -> None:
        counts = self._documents.pop(id, None)
        if counts is None:
            return
        self._length -= counts.total()
        for word in counts:
            self._postings[word].discard(id)
            if not self._postings[word]:
                del self._postings[word]

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The best documents that hold at least one word of the query, best first."""
        scores: defaultdict[str, float] = defaultdict(float)
        total = len(self._documents)
        for word in sorted(set(words(query))):
            ids = self._postings.get(word, set())
            rarity = log1p((total - len(ids) + 0.5) / (len(ids) + 0.5))
            for id in ids:
                counts = self._documents[id]
                norm = 1 - _B + _B * counts.total() * total / self._length
                scores[id] += rarity * counts[word] * (_K1 + 1) / (counts[word] + _K1 * norm)
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return [Hit(id, round(score, 4)) for id, score in best]
