package lowpriority

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The priorities are those of the goroutine's thread, and end with it.
func TestTake(t *testing.T) {
	type priority struct{ io, nice int }
	mine := func() priority {
		class, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
		}
		return priority{int(class >> 13), 20 - nice}
	}
	before := mine()
	seen := make(chan priority)
	go func() {
		Take()
		seen <- mine()
	}()
	if got := <-seen; got != (priority{3, 19}) {
		t.Errorf("taken: %+v", got)
	}
	for range 100 {
		wait := make(chan priority)
		go func() { wait <- mine() }()
		if got := <-wait; got != before {
			t.Fatalf("another goroutine has %+v, want %+v", got, before)
		}
	}
}
