// Command ralph-wiggum runs jobs against the targets named in JOB_TARGETS until they work.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/sealift/sealift/services/go/internal/jobs"
	"github.com/sealift/sealift/services/go/internal/service"
)

func main() {
	service.Main("ralph-wiggum", func(ctx context.Context) (http.Handler, func(context.Context), error) {
		targets, err := service.Targets("JOB_TARGETS")
		if err != nil {
			return nil, nil, err
		}
		workers, err := service.Int("WORKERS", 2)
		if err != nil {
			return nil, nil, err
		}
		attempts, err := service.Int("MAX_ATTEMPTS", 5)
		if err != nil {
			return nil, nil, err
		}
		first, err := service.Duration("FIRST_DELAY", time.Second)
		if err != nil {
			return nil, nil, err
		}
		options := jobs.Options{
			Targets: map[string]string{}, Workers: workers, Queue: 256, Keep: 1000, MaxAttempts: attempts,
			FirstDelay: first, MaxDelay: 30 * time.Second, AttemptLimit: 30 * time.Second,
		}
		for _, target := range targets {
			options.Targets[target.Name] = target.URL
		}
		loop := jobs.Start(ctx, options)
		return loop.Handler(), loop.Wait, nil
	})
}
