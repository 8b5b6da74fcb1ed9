// Package coordinator asks several back ends the same question and merges their answers.
package coordinator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sealift/sealift/services/go/internal/service"
)

const (
	maxAnswer   = 4 << 20
	maxParallel = 16
	// rankOffset is the constant of reciprocal rank fusion: scores of different back ends cannot
	// be compared, but ranks can.
	rankOffset = 60
)

// Result is one hit.
type Result struct {
	ID      string  `json:"id"`
	Source  string  `json:"source"`
	Title   string  `json:"title,omitempty"`
	Snippet string  `json:"snippet,omitempty"`
	Score   float64 `json:"score"`
}

// Report says how one back end did.
type Report struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Results int     `json:"results"`
	Millis  float64 `json:"ms"`
	Error   string  `json:"error,omitempty"`
}

// Answer is complete only if every report is OK.
type Answer struct {
	Query    string   `json:"query"`
	Results  []Result `json:"results"`
	Backends []Report `json:"backends"`
}

// Coordinator fans a query out.
type Coordinator struct {
	Backends []service.Target
	Timeout  time.Duration
	Client   *http.Client
}

// Search asks every back end. One that fails or is too slow is reported and left out.
func (c *Coordinator) Search(ctx context.Context, query string, limit int) Answer {
	lists := make([][]Result, len(c.Backends))
	reports := make([]Report, len(c.Backends))
	var group errgroup.Group
	group.SetLimit(maxParallel)
	for i, backend := range c.Backends {
		group.Go(func() error {
			started := time.Now()
			results, err := c.ask(ctx, backend, query, limit)
			lists[i] = results
			reports[i] = Report{
				Name: backend.Name, OK: err == nil, Results: len(results),
				Millis: float64(time.Since(started).Microseconds()) / 1000,
			}
			if err != nil {
				reports[i].Error = err.Error()
			}
			return nil // one failed back end does not cancel the others
		})
	}
	_ = group.Wait()
	return Answer{Query: query, Results: merge(lists, limit), Backends: reports}
}

func (c *Coordinator) ask(ctx context.Context, backend service.Target, query string, limit int) ([]Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	address, err := url.Parse(backend.URL)
	if err != nil {
		return nil, err
	}
	values := address.Query()
	values.Set("q", query)
	values.Set("limit", strconv.Itoa(limit))
	address.RawQuery = values.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", response.Status)
	}
	var body struct {
		Results []Result `json:"results"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&body); err != nil {
		return nil, fmt.Errorf("not the JSON expected: %w", err)
	}
	for i := range body.Results {
		body.Results[i].Source = backend.Name
	}
	return body.Results, nil
}

// merge orders by reciprocal rank, then by source and id, so that equal input gives equal output.
func merge(lists [][]Result, limit int) []Result {
	merged := []Result{}
	for _, list := range lists {
		for rank, result := range list {
			result.Score = 1 / float64(rankOffset+rank+1)
			merged = append(merged, result)
		}
	}
	slices.SortStableFunc(merged, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return merged[:min(limit, len(merged))]
}

// Handler serves GET /v1/search and GET /v1/backends.
func (c *Coordinator) Handler() http.Handler {
	router := service.Router("hybrid-coordinator", func() map[string]any {
		return map[string]any{"backends": len(c.Backends)}
	})
	router.Get("/v1/backends", func(w http.ResponseWriter, _ *http.Request) {
		service.WriteJSON(w, http.StatusOK, map[string]any{"backends": append([]service.Target{}, c.Backends...)})
	})
	router.Get("/v1/search", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("q")
		if query == "" {
			service.WriteError(w, http.StatusBadRequest, "q is missing")
			return
		}
		limit := 10
		if text := r.URL.Query().Get("limit"); text != "" {
			var err error
			if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 100 {
				service.WriteError(w, http.StatusBadRequest, "limit must be a number from 1 to 100")
				return
			}
		}
		answer := c.Search(r.Context(), query, limit)
		status := http.StatusOK
		if len(answer.Backends) > 0 && !slices.ContainsFunc(answer.Backends, func(b Report) bool { return b.OK }) {
			status = http.StatusBadGateway
		}
		service.WriteJSON(w, status, answer)
	})
	return router
}
