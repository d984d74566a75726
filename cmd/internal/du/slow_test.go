package du

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/space"
)

// scatter makes a file of pieces of another, the last first.
func scatter(t *testing.T, path, source string, size, piece int) {
	t.Helper()
	from, err := os.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	for at := 0; at < size; at += piece {
		r := unix.FileCloneRange{Src_fd: int64(from.Fd()), Src_offset: uint64(size - piece - at), Src_length: uint64(piece), Dest_offset: uint64(at)}
		if err := unix.IoctlFileCloneRange(int(to.Fd()), &r); err != nil {
			t.Fatal(err)
		}
	}
}

// One tree is named that lies scattered over the disk, the worst, and what mends it does.
func TestNoteSlow(t *testing.T) {
	dir := loopfs.Btrfs(t, loopfs.Size(1<<30))
	const size = slowLeast + 1<<20
	names := []string{"whole", "scattered", "layer", "small"}
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name, "file") }
	if err := os.WriteFile(at("whole"), bytes.Repeat([]byte("some text\n"), size/10+1)[:size], 0o600); err != nil {
		t.Fatal(err)
	}
	unix.Sync()
	const piece = 1 << 20 / slowBreaks
	scatter(t, at("layer"), at("whole"), size, 2*piece)
	scatter(t, at("scattered"), at("whole"), size, piece/2)
	scatter(t, at("small"), at("whole"), 8*piece, 4096)
	look := func() (list []holdings.Holding, note string) {
		t.Helper()
		var subjects []space.Subject
		own := map[int]bool{}
		for i, name := range names {
			subjects = append(subjects, space.Subject{Dir: filepath.Join(dir, name)})
			own[i] = true
		}
		s, err := space.Look(t.Context(), subjects, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, share := range s.Shares() {
			m := s.Maps[i]
			list = append(list, holdings.Holding{Kind: holdings.BuildDir, Path: subjects[i].Dir, Bytes: share.Bytes, Alone: share.Alone, Breaks: m.Breaks()})
		}
		var out, errs bytes.Buffer
		term, err := ui.New(&out, &errs, nil, ui.Options{Color: "never"})
		if err != nil {
			t.Fatal(err)
		}
		noteSlow(term, list, own)
		return list, errs.String()
	}
	list, note := look()
	if want := filepath.Join(dir, "scattered"); strings.Count(note, "Note") != 1 || !strings.Contains(note, want+" is read slowly") || !strings.Contains(note, "`btrfs filesystem defragment -r "+want+"`") {
		t.Errorf("of %+v it says %q", list, note)
	}
	if out, err := exec.Command("btrfs", "filesystem", "defragment", "-r", filepath.Join(dir, "scattered")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	unix.Sync()
	if list, note := look(); note != "" || list[1].Alone < size/2 {
		t.Errorf("when it is mended, of %+v it says %q", list, note)
	}
}
