// Command hybrid-coordinator fans a query out to the back ends named in BACKENDS and merges the answers.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/sealift/sealift/services/go/internal/coordinator"
	"github.com/sealift/sealift/services/go/internal/service"
)

func main() {
	service.Main("hybrid-coordinator", func(context.Context) (http.Handler, func(context.Context), error) {
		backends, err := service.Targets("BACKENDS")
		if err != nil {
			return nil, nil, err
		}
		timeout, err := service.Duration("BACKEND_TIMEOUT", 2*time.Second)
		if err != nil {
			return nil, nil, err
		}
		c := &coordinator.Coordinator{Backends: backends, Timeout: timeout, Client: &http.Client{}}
		return c.Handler(), nil, nil
	})
}
