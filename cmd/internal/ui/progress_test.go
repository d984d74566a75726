package ui

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty returns both ends of a terminal of so many columns.
func pty(t *testing.T, columns int) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// shown is what has come to a terminal, in which a bar says it is one by going to the margin.
func shown(t *testing.T, master *os.File) string {
	t.Helper()
	buf := make([]byte, 4096)
	poll := []unix.PollFd{{Fd: int32(master.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 50); n == 0 || err != nil {
		return ""
	}
	n, err := master.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestProgress(t *testing.T) {
	master, slave := pty(t, 60)
	term, err := New(&bytes.Buffer{}, slave, []string{"TERM=xterm", "NO_COLOR=1"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	term.now = func() time.Time { return now }
	tell := term.Progress("Copying")
	if tell == nil {
		t.Fatal("nothing is drawn on a terminal")
	}
	const half = "\r     Copying [============>            ]  50%\x1b[K"
	for i, step := range []struct {
		after       time.Duration
		done, total int64
		say, want   string
	}{
		{0, 1, 100, "", ""},
		{499 * time.Millisecond, 20, 100, "", ""}, // what is done soon is not drawn
		{0, 100, 100, "", ""},
		{time.Hour, 1, 100, "", ""}, // the next thing begins anew
		{500 * time.Millisecond, 50, 100, "", half},
		{99 * time.Millisecond, 51, 100, "", ""},
		{time.Millisecond, 100_000, 200_000, "", half},
		{time.Second, 0, 0, "Sealed", "\r\x1b[K      Sealed x\r\n"}, // nothing of it is left in a line
		{time.Second, 50, 100, "", half},
		{time.Millisecond, 100, 100, "", "\r\x1b[K"},
		{time.Second, 100, 100, "", ""},
	} {
		now = now.Add(step.after)
		if step.say != "" {
			term.Status(step.say, "x")
		} else {
			tell(step.done, step.total)
		}
		if got := shown(t, master); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

// Nothing of it is in a file or a pipe, or where it was not wanted; a narrow terminal has what
// fits into a line.
func TestProgressIsNot(t *testing.T) {
	_, slave := pty(t, 60)
	for _, tt := range []struct {
		environ string
		opts    Options
	}{
		{"TERM=dumb", Options{}}, {"CARGO_TERM_PROGRESS_WHEN=never", Options{}}, {"", Options{Quiet: true}}, {"", Options{JSON: true}},
	} {
		term, err := New(slave, slave, strings.Fields(tt.environ), tt.opts)
		if err != nil || term.Progress("Copying") != nil {
			t.Errorf("%s %+v: there is a bar, %v", tt.environ, tt.opts, err)
		}
	}
	term, _, _ := terminal(t, Options{})
	if term.Progress("Copying") != nil {
		t.Error("there is a bar in a pipe")
	}
	for columns := 1; columns < 70; columns++ {
		_, slave := pty(t, columns)
		term, err := New(slave, slave, []string{"NO_COLOR=1"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if term.Progress("Copying") == nil {
			t.Fatal("there is no bar")
		}
		if got := term.bar.picture(999, 1000); len(got) >= max(columns, 5) || !strings.HasSuffix(got, " 99%") {
			t.Errorf("%d columns: %q", columns, got)
		}
	}
}
