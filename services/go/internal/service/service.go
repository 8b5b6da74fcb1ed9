// Package service is what both programs share: JSON logs, a line for each request, a graceful stop.
package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// StopTimeout is how long running requests may take after SIGTERM.
const StopTimeout = 5 * time.Second

// Target is a name and the address that an operator gave it.
type Target struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Targets reads "name=url,name=url" from an environment variable, which may be empty.
func Targets(variable string) ([]Target, error) {
	var targets []Target
	for item := range strings.SplitSeq(os.Getenv(variable), ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, url, found := strings.Cut(item, "=")
		if !found || name == "" || !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			return nil, fmt.Errorf("%s: %q is not name=http(s)://address", variable, item)
		}
		targets = append(targets, Target{name, url})
	}
	return targets, nil
}

// Int reads a positive number from an environment variable.
func Int(variable string, fallback int) (int, error) {
	text := os.Getenv(variable)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		return 0, fmt.Errorf("%s: %q is not a positive number", variable, text)
	}
	return value, nil
}

// Duration reads a positive duration ("2s") from an environment variable.
func Duration(variable string, fallback time.Duration) (time.Duration, error) {
	text := os.Getenv(variable)
	if text == "" {
		return fallback, nil
	}
	value, err := time.ParseDuration(text)
	if err != nil || value <= 0 {
		return 0, fmt.Errorf("%s: %q is not a positive duration", variable, text)
	}
	return value, nil
}

// WriteJSON answers with a JSON body.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// WriteError answers with {"error": message}.
func WriteError(w http.ResponseWriter, status int, message string) {
	WriteJSON(w, status, map[string]string{"error": message})
}

// Router returns a router with /healthz, request logs and recovery from panics.
func Router(name string, health func() map[string]any) *chi.Mux {
	router := chi.NewRouter()
	router.Use(logRequests, recoverPanics)
	router.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		WriteError(w, http.StatusNotFound, "no such page")
	})
	router.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		WriteError(w, http.StatusMethodNotAllowed, "method not allowed")
	})
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		version := os.Getenv("VERSION")
		if version == "" {
			version = "dev"
		}
		body := map[string]any{"status": "ok", "service": name, "version": version}
		for key, value := range health() {
			body[key] = value
		}
		WriteJSON(w, http.StatusOK, body)
	})
	return router
}

func logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(wrapped, r)
		level := slog.LevelInfo
		if r.URL.Path == "/healthz" {
			level = slog.LevelDebug
		}
		slog.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path,
			"status", wrapped.Status(), "ms", float64(time.Since(started).Microseconds())/1000)
	})
}

func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			problem := recover()
			if problem == nil {
				return
			}
			if problem == http.ErrAbortHandler {
				panic(problem)
			}
			slog.Error("panic", "error", fmt.Sprint(problem), "stack", string(debug.Stack()))
			WriteError(w, http.StatusInternalServerError, "internal error")
		}()
		next.ServeHTTP(w, r)
	})
}

// Main runs a program until SIGTERM or SIGINT and ends the process. The context given to start is
// cancelled by the signal; stop, which may be nil, is called once no request is running any more.
func Main(name string, start func(ctx context.Context) (handler http.Handler, stop func(context.Context), err error)) {
	var level slog.Level
	if level.UnmarshalText([]byte(os.Getenv("LOG_LEVEL"))) != nil {
		level = slog.LevelInfo
	}
	handler := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(handler).With("service", name))
	if err := run(start); err != nil {
		slog.Error("failed", "error", err.Error())
		os.Exit(1)
	}
	slog.Info("stopped")
}

func run(start func(context.Context) (http.Handler, func(context.Context), error)) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	handler, stop, err := start(ctx)
	if err != nil {
		return err
	}
	port, err := Int("PORT", 8080)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("0.0.0.0", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	slog.Info("listening", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping")
	grace, done := context.WithTimeout(context.Background(), StopTimeout)
	defer done()
	if err := server.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests were cut off", "after", StopTimeout.String())
		_ = server.Close()
	} else if err != nil {
		return err
	}
	if stop != nil {
		stop(grace)
	}
	return nil
}
