module github.com/sealift/sealift/services/go

go 1.26.0

require (
	github.com/cenkalti/backoff/v5 v5.0.3
	github.com/go-chi/chi/v5 v5.5.0
	golang.org/x/sync v0.24.0
)
