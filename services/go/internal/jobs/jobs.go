// Package jobs runs jobs, each a POST to a target the operator allowed, again and again until it works.
package jobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// State of a job.
type State string

// A job ends in Done, Failed or Cancelled (the service stopped before the job had ended).
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Job is what is told about a job.
type Job struct {
	ID       string    `json:"id"`
	Target   string    `json:"target"`
	State    State     `json:"state"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`

	payload []byte
}

// Errors of Add.
var (
	ErrUnknownTarget = errors.New("no such target")
	ErrFull          = errors.New("the queue is full")
	ErrStopping      = errors.New("the service is stopping")
)

// Options of a Loop.
type Options struct {
	Targets      map[string]string // name → address
	Workers      int
	Queue        int // how many jobs may wait
	Keep         int // how many ended jobs are remembered
	MaxAttempts  int
	FirstDelay   time.Duration // grows by half, with jitter, up to MaxDelay
	MaxDelay     time.Duration
	AttemptLimit time.Duration
}

// Loop holds the jobs, in memory.
type Loop struct {
	options Options
	client  *http.Client
	queue   chan string
	workers sync.WaitGroup

	mutex    sync.Mutex
	jobs     map[string]*Job
	order    []string // ids, oldest first
	stopping bool
}

// Start starts the workers. Once ctx is cancelled no attempt is started any more.
func Start(ctx context.Context, options Options) *Loop {
	l := &Loop{
		options: options,
		client:  &http.Client{Timeout: options.AttemptLimit},
		queue:   make(chan string, options.Queue),
		jobs:    map[string]*Job{},
	}
	for range options.Workers {
		l.workers.Go(func() {
			for id := range l.queue {
				l.run(ctx, id)
			}
		})
	}
	context.AfterFunc(ctx, func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.stopping = true
		close(l.queue)
	})
	return l
}

// Wait waits, after the context of Start was cancelled, until attempts already under way have ended.
func (l *Loop) Wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		l.workers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// Add queues a job.
func (l *Loop) Add(target string, payload []byte) (Job, error) {
	if _, found := l.options.Targets[target]; !found {
		return Job{}, ErrUnknownTarget
	}
	now := time.Now().UTC()
	job := &Job{ID: rand.Text(), Target: target, State: Queued, Created: now, Updated: now, payload: payload}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.stopping {
		return Job{}, ErrStopping
	}
	select {
	case l.queue <- job.ID:
	default:
		return Job{}, ErrFull
	}
	l.jobs[job.ID] = job
	l.order = append(l.order, job.ID)
	l.forget()
	return *job, nil
}

// forget drops the oldest ended jobs; the caller holds the mutex.
func (l *Loop) forget() {
	surplus := len(l.order) - l.options.Keep
	l.order = slices.DeleteFunc(l.order, func(id string) bool {
		state := l.jobs[id].State
		if surplus <= 0 || state == Queued || state == Running {
			return false
		}
		surplus--
		delete(l.jobs, id)
		return true
	})
}

// Get returns one job.
func (l *Loop) Get(id string) (Job, bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	job, found := l.jobs[id]
	if !found {
		return Job{}, false
	}
	return *job, true
}

// List returns all jobs, newest first.
func (l *Loop) List() []Job {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	list := make([]Job, 0, len(l.order))
	for _, id := range slices.Backward(l.order) {
		list = append(list, *l.jobs[id])
	}
	return list
}

// Counts returns how many jobs are in each state.
func (l *Loop) Counts() map[State]int {
	counts := map[State]int{}
	for _, job := range l.List() {
		counts[job.State]++
	}
	return counts
}

// Targets returns the names of the targets.
func (l *Loop) Targets() []string { return slices.Sorted(maps.Keys(l.options.Targets)) }

func (l *Loop) update(id string, change func(*Job)) Job {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	job := l.jobs[id]
	change(job)
	job.Updated = time.Now().UTC()
	return *job
}

func (l *Loop) run(ctx context.Context, id string) {
	if ctx.Err() != nil {
		l.update(id, func(j *Job) { j.State = Cancelled })
		return
	}
	job := l.update(id, func(j *Job) { j.State = Running })
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval = l.options.FirstDelay, l.options.MaxDelay
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		l.update(id, func(j *Job) { j.Attempts++ })
		// An attempt that has begun is allowed to end, also while the service stops.
		err := l.attempt(context.WithoutCancel(ctx), job)
		if err != nil {
			l.update(id, func(j *Job) { j.Error = err.Error() })
		}
		return struct{}{}, err
	}, backoff.WithBackOff(policy), backoff.WithMaxTries(uint(l.options.MaxAttempts)), backoff.WithMaxElapsedTime(0))
	job = l.update(id, func(j *Job) {
		switch {
		case err == nil:
			j.State, j.Error = Done, ""
		case ctx.Err() != nil:
			j.State = Cancelled
		default:
			j.State = Failed
		}
		j.payload = nil
	})
	slog.Info("job ended", "id", id, "target", job.Target, "state", job.State, "attempts", job.Attempts, "error", job.Error)
}

func (l *Loop) attempt(ctx context.Context, job Job) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.options.Targets[job.Target], bytes.NewReader(job.payload))
	if err != nil {
		return backoff.Permanent(err)
	}
	request.Header.Set("Content-Type", "application/json")
	// The same for every attempt, so that the target can tell a repetition from a new job.
	request.Header.Set("Idempotency-Key", job.ID)
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return nil
	}
	err = fmt.Errorf("answered %s", response.Status)
	switch code := response.StatusCode; {
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooManyRequests:
		return err
	default:
		return backoff.Permanent(err) // to ask again would not help
	}
}
