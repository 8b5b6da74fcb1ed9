package jobs

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// target answers with the statuses in turn, then with the last one again and again.
func target(t *testing.T, statuses ...int) (string, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[min(int(calls.Add(1)), len(statuses))-1])
	}))
	t.Cleanup(server.Close)
	return server.URL, &calls
}

func start(ctx context.Context, url string) *Loop {
	return Start(ctx, Options{
		Targets: map[string]string{"it": url}, Workers: 1, Queue: 1, Keep: 2, MaxAttempts: 3,
		FirstDelay: time.Millisecond, MaxDelay: 2 * time.Millisecond, AttemptLimit: time.Second,
	})
}

func ended(t *testing.T, l *Loop, id string) Job {
	t.Helper()
	for range 500 {
		if job, _ := l.Get(id); job.State != Queued && job.State != Running {
			return job
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the job did not end")
	return Job{}
}

func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		statuses []int
		state    State
		attempts int
	}{
		"works at once":            {[]int{200}, Done, 1},
		"works in the end":         {[]int{500, 429, 204}, Done, 3},
		"gives up":                 {[]int{500}, Failed, 3},
		"does not repeat an error": {[]int{404}, Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			url, calls := target(t, test.statuses...)
			l := start(t.Context(), url)
			job, err := l.Add("it", []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			job = ended(t, l, job.ID)
			if job.State != test.state || job.Attempts != test.attempts || int(calls.Load()) != test.attempts {
				t.Errorf("%+v after %d calls", job, calls.Load())
			}
			if (job.Error == "") != (test.state == Done) {
				t.Errorf("error %q", job.Error)
			}
		})
	}
}

func TestOldJobsAreForgotten(t *testing.T) {
	url, _ := target(t, 200)
	l := start(t.Context(), url)
	for range 5 {
		job, err := l.Add("it", nil)
		if err != nil {
			t.Fatal(err)
		}
		ended(t, l, job.ID)
	}
	if count := len(l.List()); count != 2 {
		t.Errorf("%d jobs are remembered", count)
	}
}

func TestStopLetsAnAttemptEndAndCancelsTheRest(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	l := start(ctx, server.URL)
	running, _ := l.Add("it", nil)
	<-entered
	waiting, _ := l.Add("it", nil)
	if _, err := l.Add("it", nil); !errors.Is(err, ErrFull) {
		t.Errorf("third job: %v", err)
	}
	cancel()
	close(release)
	l.Wait(t.Context())
	if job, _ := l.Get(running.ID); job.State != Done {
		t.Errorf("running job: %+v", job)
	}
	if job, _ := l.Get(waiting.ID); job.State != Cancelled {
		t.Errorf("waiting job: %+v", job)
	}
	if _, err := l.Add("it", nil); !errors.Is(err, ErrStopping) {
		t.Errorf("late job: %v", err)
	}
}

func TestHTTP(t *testing.T) {
	url, _ := target(t, 200)
	handler := start(t.Context(), url).Handler()
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/", "", 200},
		{"POST", "/v1/jobs", `{"target":"it","payload":{"a":1}}`, 202},
		{"POST", "/v1/jobs", `{"target":"other"}`, 400},
		{"POST", "/v1/jobs", `[`, 400},
		{"GET", "/v1/jobs/none", "", 404},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, strings.NewReader(test.body)))
		if recorder.Code != test.status {
			t.Errorf("%s %s: %d %s", test.method, test.path, recorder.Code, recorder.Body)
		}
	}
}
