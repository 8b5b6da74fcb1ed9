package coordinator

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sealift/sealift/services/go/internal/service"
)

func backend(t *testing.T, name, body string, delay time.Duration) service.Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return service.Target{Name: name, URL: server.URL}
}

func TestMergesByRankAndReportsTheSlow(t *testing.T) {
	c := &Coordinator{
		Backends: []service.Target{
			backend(t, "b", `{"results":[{"id":"b1","score":900},{"id":"b2","score":800}]}`, 0),
			backend(t, "a", `{"results":[{"id":"a1","score":0.1}]}`, 0),
			backend(t, "slow", `{"results":[{"id":"late"}]}`, 5*time.Second),
			backend(t, "broken", `<html>`, 0),
		},
		Timeout: 300 * time.Millisecond,
		Client:  http.DefaultClient,
	}
	answer := c.Search(t.Context(), "ship", 2)
	if len(answer.Results) != 2 || answer.Results[0].ID != "a1" || answer.Results[1].ID != "b1" {
		t.Errorf("results: %+v", answer.Results)
	}
	for i, ok := range []bool{true, true, false, false} {
		if answer.Backends[i].OK != ok {
			t.Errorf("back end %+v", answer.Backends[i])
		}
	}
}

func TestAnswersBadGatewayOnlyIfAllFail(t *testing.T) {
	for name, test := range map[string]struct {
		backends []service.Target
		path     string
		status   int
	}{
		"none configured": {nil, "/v1/search?q=ship", http.StatusOK},
		"all fail":        {[]service.Target{backend(t, "x", "<html>", 0)}, "/v1/search?q=ship", http.StatusBadGateway},
		"no query":        {nil, "/v1/search", http.StatusBadRequest},
		"bad limit":       {nil, "/v1/search?q=ship&limit=0", http.StatusBadRequest},
		"health":          {nil, "/healthz", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Coordinator{Backends: test.backends, Timeout: time.Second, Client: http.DefaultClient}
			recorder := httptest.NewRecorder()
			c.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, test.path, nil))
			if recorder.Code != test.status {
				t.Errorf("got %d: %s", recorder.Code, recorder.Body)
			}
		})
	}
}
