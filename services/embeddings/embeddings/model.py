"""The hashing trick: every word and pair of words is hashed to a dimension and a sign.

No training and no model file, and the same text has the same vector on every machine.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import log1p

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_WORD = re.compile(r"\w+")
_PAIR_WEIGHT = 0.5


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = _WORD.findall(text.casefold())
    for word, count in Counter(words).items():
        yield word, log1p(count)
    for pair, count in Counter(pairwise(words)).items():
        yield " ".join(pair), _PAIR_WEIGHT * log1p(count)


def embed(texts: Sequence[str], dimensions: int) -> Vectors:
    """One row of length 1 for each text; a text without words is a row of zeros."""
    rows: Vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for feature, weight in _features(text):
            number = int.from_bytes(blake2b(feature.encode("utf-8"), digest_size=8).digest(), "little")
            row[(number >> 1) % dimensions] += weight if number & 1 else -weight
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, norms, out=rows, where=norms > 0)
    return rows


def similarities(query: str, documents: Sequence[str], dimensions: int) -> Vectors:
    """Cosine similarity of the query to each document."""
    vectors = embed([query, *documents], dimensions)
    result: Vectors = vectors[1:] @ vectors[0]
    return result
