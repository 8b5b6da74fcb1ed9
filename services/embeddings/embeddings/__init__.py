"""Hashed bag-of-words embeddings over HTTP."""
