package jobs

import (
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/sealift/sealift/services/go/internal/service"
)

const maxBody = 1 << 20

//go:embed status.html
var statusHTML string

var statusPage = template.Must(template.New("status").Parse(statusHTML))

// Handler serves the status page and the jobs.
func (l *Loop) Handler() http.Handler {
	router := service.Router("ralph-wiggum", func() map[string]any { return map[string]any{"jobs": l.Counts()} })
	router.Get("/", l.status)
	router.Get("/v1/jobs", func(w http.ResponseWriter, _ *http.Request) {
		service.WriteJSON(w, http.StatusOK, map[string]any{"jobs": l.List()})
	})
	router.Post("/v1/jobs", l.add)
	router.Get("/v1/jobs/{id}", func(w http.ResponseWriter, r *http.Request) {
		job, found := l.Get(chi.URLParam(r, "id"))
		if !found {
			service.WriteError(w, http.StatusNotFound, "no such job")
			return
		}
		service.WriteJSON(w, http.StatusOK, job)
	})
	return router
}

func (l *Loop) add(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Target  string          `json:"target"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		service.WriteError(w, http.StatusBadRequest, "the body must be an object with target and payload, at most 1 MiB")
		return
	}
	job, err := l.Add(body.Target, body.Payload)
	switch {
	case errors.Is(err, ErrUnknownTarget):
		service.WriteError(w, http.StatusBadRequest, err.Error())
	case err != nil:
		w.Header().Set("Retry-After", "5")
		service.WriteError(w, http.StatusServiceUnavailable, err.Error())
	default:
		w.Header().Set("Location", "/v1/jobs/"+job.ID)
		service.WriteJSON(w, http.StatusAccepted, job)
	}
}

func (l *Loop) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = statusPage.Execute(w, map[string]any{"Jobs": l.List(), "Counts": l.Counts(), "Targets": l.Targets()})
}
