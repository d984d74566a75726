package cargotest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Publish adds a package to a local registry
// (https://doc.rust-lang.org/cargo/reference/source-replacement.html).
func Publish(t testing.TB, registry, name, version string, files map[string]string) {
	t.Helper()
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	tape := tar.NewWriter(zip)
	for file, text := range files {
		h := &tar.Header{Name: name + "-" + version + "/" + file, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if err := tape.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := tape.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tape.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(archive.Bytes())
	index := filepath.Join("index", name[:2], name[2:4], name)
	had, _ := os.ReadFile(filepath.Join(registry, index))
	Write(t, registry, map[string]string{
		name + "-" + version + ".crate": archive.String(),
		index: string(had) + fmt.Sprintf(`{"name":%q,"vers":%q,"deps":[],"cksum":"%s","features":{},"yanked":false}`+"\n",
			name, version, hex.EncodeToString(sum[:])),
	})
}
