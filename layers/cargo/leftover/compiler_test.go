package leftover

import (
	"strings"
	"testing"
)

const metadata = "rust\x00\x00\x00\x0a\x01\x02\x03\x04\x05\x06\x07\x08\x23rustc 1.95.0 (59807616e 2026-04-14)\xc1rest"

const session = "RSIC\x00\x00\x201.95.0 (59807616e 2026-04-14)xxxrest"

func TestCompilerNames(t *testing.T) {
	const want = "rustc 1.95.0 (59807616e 2026-04-14)"
	if got := compilerOfMetadata([]byte(metadata)); got != want {
		t.Errorf("metadata: %q", got)
	}
	if got := compilerOfSession([]byte(session)); got != want+"xxx" {
		t.Errorf("session: %q", got)
	}
	for n := range len(want) {
		if got := compilerOfMetadata([]byte(metadata[:n])); got != "" {
			t.Errorf("of %d bytes of metadata: %q", n, got)
		}
		if got := compilerOfSession([]byte(session[:n])); got != "" {
			t.Errorf("of %d bytes of a session: %q", n, got)
		}
	}
}

// Before the name of rustc 1.100 stands a hash, and in one of sixteen it has the byte that
// ends the name: these files were of nobody, and stayed when their compiler had gone.
func TestCompilerNameBehindHash(t *testing.T) {
	const (
		start = "rust\x00\x00\x00\x0b\x4b\x05\x00\x00\x00\x00\x00\x00\xa6\x06\x00\x00\x00\x00\x00\x00"
		want  = "rustc 1.100.0-beta.7 (fd8e211ae 2026-10-17)"
	)
	for _, hash := range []string{
		"\x6a\xc5\xb3\xfd\xcd\x27\xaf\xb3\x35\xfd\x4b\x9e\x4a\xd3\x72\xb4",
		"\x6a\xc5\xb3\xfd\xcd\x27\xaf\xc1\x35\xfd\x4b\x9e\x4a\xd3\x72\xc1",
		"\x6a\xc5\xb3\xfd\xcd\x06rustc \xfd\x4b\x9e\xc1",
	} {
		if got := compilerOfMetadata([]byte(start + hash + "\x2b" + want + "\xc1\x02")); got != want {
			t.Errorf("behind %q: %q", hash, got)
		}
	}
}

// Who a file says it was written by is a line, or nothing.
func FuzzCompilerNames(f *testing.F) {
	f.Add([]byte(metadata))
	f.Add([]byte(session))
	f.Add([]byte("RSIC\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{compilerOfMetadata(b), compilerOfSession(b)} {
			if name != "" && (!strings.HasPrefix(name, "rustc ") || strings.ContainsAny(name, "\n\x00") || strings.Contains(name, "\xc1")) {
				t.Errorf("%q", name)
			}
		}
	})
}
