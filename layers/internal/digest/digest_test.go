package digest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"
)

func TestOneDigestForOneContent(t *testing.T) {
	for _, content := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("0123456789"), 50_000)} {
		sum := blake3.Sum256(content)
		want := hex.EncodeToString(sum[:16])
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		h := New()
		for part := content; len(part) > 0; part = part[min(7777, len(part)):] {
			h.Write(part[:min(7777, len(part))])
		}
		file, err := OfFile(path)
		if err != nil {
			t.Fatal(err)
		}
		read, changed, err := Read(path)
		if err != nil || !bytes.Equal(read, content) {
			t.Fatalf("read %d of %d bytes: %v", len(read), len(content), err)
		}
		for of, got := range map[string]string{"bytes": Of(content), "text": OfText(string(content)), "parts": h.Digest(), "file": file.Digest} {
			if got != want || !Is(got) {
				t.Errorf("of %d bytes as %s: %s, want %s", len(content), of, got, want)
			}
		}
		if file.Size != int64(len(content)) || !file.Changed.Equal(changed) || time.Since(changed).Abs() > time.Minute {
			t.Errorf("%d bytes, changed %v; read: %v", file.Size, file.Changed, changed)
		}
	}
}

// A file's own time can be set back, its inode's cannot; a time ahead counts, too.
func TestChangedIsTheLaterTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if f, err := OfFile(path); err != nil || time.Since(f.Changed) > time.Minute {
		t.Errorf("set back: changed %v, %v", f.Changed, err)
	}
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, ahead, ahead); err != nil {
		t.Fatal(err)
	}
	if f, err := OfFile(path); err != nil || !f.Changed.Equal(ahead) {
		t.Errorf("set ahead: changed %v, %v", f.Changed, err)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, "/dev/zero"} {
		for name, err := range errs(path) {
			if pe := (*fs.PathError)(nil); !errors.As(err, &pe) || pe.Path != path {
				t.Errorf("%s of %s: %v", name, path, err)
			}
		}
	}
	for name, err := range errs(filepath.Join(dir, "absent")) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is not there: %v", name, err)
		}
	}
}

func errs(path string) map[string]error {
	_, of := OfFile(path)
	_, _, read := Read(path)
	return map[string]error{"OfFile": of, "Read": read}
}

func TestIs(t *testing.T) {
	for s, want := range map[string]bool{
		Of(nil): true, "": false, Of(nil)[1:]: false, Of(nil) + "0": false,
		strings.ToUpper(Of(nil)): false, strings.Repeat("g", 2*Size): false,
	} {
		if Is(s) != want {
			t.Errorf("%q is a digest: %v", s, !want)
		}
	}
}
