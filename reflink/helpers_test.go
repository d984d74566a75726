package reflink_test

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func data(n int) []byte {
	b := make([]byte, n)
	x := uint32(n + 1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, path string, content []byte) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(content)
	must(t, err)
	return f
}

func wantContent(t testing.TB, path string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); !bytes.Equal(got, want) || err != nil {
		t.Errorf("%s: %d bytes, %v, want %d equal ones", path, len(got), err, len(want))
	}
}

func modify(t testing.TB, path string) {
	t.Helper()
	ts := []unix.Timespec{{Sec: 1_500_000_000, Nsec: 1}, {Sec: 1_600_000_000, Nsec: 999_999_999}}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, ts, unix.AT_SYMLINK_NOFOLLOW))
}

func stat(t testing.TB, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return st
}
