"""A small key-value store with search over HTTP."""
