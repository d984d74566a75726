package graft

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
)

// A disk that is full is told of once, and nothing more is tried.
func TestEachStopsAtFirstError(t *testing.T) {
	all := make([]int, 1000)
	var calls atomic.Int64
	err := each(all, func(int) error { return fmt.Errorf("call %d", calls.Add(1)) })
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q, want one", err)
	}
	// Those that were under way when the first failed.
	if n := calls.Load(); n > parallel.Workers {
		t.Errorf("%d calls, want at most %d", n, parallel.Workers)
	}
	calls.Store(0)
	if err := each(all, func(int) error { calls.Add(1); return nil }); err != nil || calls.Load() != 1000 {
		t.Errorf("%d calls, want 1000; error %v", calls.Load(), err)
	}
}
