"""A small advisory database, for rehearsals where no public one can be reached.

`data/` holds real advisories with their sources; `main.go` makes of them the two files that Trivy reads. Not fit for a
release: it knows a dozen advisories, not a hundred thousand.
"""
