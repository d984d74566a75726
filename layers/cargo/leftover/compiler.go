package leftover

import (
	"bytes"
	"io"
	"os"
)

// head returns the beginning of a regular file, nil of anything else: compilers name
// themselves there, and the files are large.
func head(path string) []byte {
	const enough = 512
	if fi, err := os.Lstat(path); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, enough))
	return b
}

// compilerOfMetadata returns what the compiler that wrote a .rmeta file calls itself, the
// first line of rustc -vV; "" where the file does not say. The text stands behind the
// header, with its length before it and 0xc1 behind it (rustc 1.85 to 1.100,
// rustc_metadata/src/rmeta/mod.rs: METADATA_HEADER; rustc_serialize, opaque.rs:
// STR_SENTINEL). What is between is positions and, since version 11 of the form (1.100), a
// hash: any byte may stand there, so the text is known by its length alone.
func compilerOfMetadata(b []byte) string {
	const (
		header = 8 // "rust", three zeros, the version of the form
		name   = "rustc "
	)
	if !bytes.HasPrefix(b, []byte("rust\x00\x00\x00")) {
		return ""
	}
	for i := header + 1; i < len(b); i++ {
		if !bytes.HasPrefix(b[i:], []byte(name)) {
			continue
		}
		if end := i + int(b[i-1]); end < len(b) && end >= i+len(name) && b[end] == 0xc1 {
			return printable(b[i:end])
		}
	}
	return ""
}

// compilerOfSession returns what the compiler that wrote a file of an incremental session
// calls itself; "" where the file does not say (rustc 1.85 to 1.100,
// rustc_incremental/src/persist/file_format.rs: write_file_header).
func compilerOfSession(b []byte) string {
	const header = 7 // "RSIC", two bytes for the version of the form, one for the length
	if !bytes.HasPrefix(b, []byte("RSIC\x00\x00")) || len(b) < header {
		return ""
	}
	n := int(b[header-1])
	if len(b) < header+n || n == 0 {
		return ""
	}
	text := printable(b[header : header+n])
	if text == "" {
		return ""
	}
	return "rustc " + text
}

// printable returns text if it is a line that rustc could print, else "".
func printable(text []byte) string {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(text)
}
