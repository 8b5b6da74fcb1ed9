package service

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTargets(t *testing.T) {
	t.Setenv("X", " a=http://a/x?y=z , b=https://b")
	targets, err := Targets("X")
	if err != nil || len(targets) != 2 || targets[0] != (Target{"a", "http://a/x?y=z"}) {
		t.Errorf("%v %v", targets, err)
	}
	for _, wrong := range []string{"a", "=http://a", "a=file:///etc"} {
		t.Setenv("X", wrong)
		if _, err := Targets("X"); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	router := Router("x", func() map[string]any { return nil })
	router.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("no") })
	for path, status := range map[string]int{"/panic": 500, "/healthz": 200, "/none": 404} {
		recorder := httptest.NewRecorder()
		router.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != status {
			t.Errorf("%s: %d", path, recorder.Code)
		}
	}
}
