package inputs

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// FileAbove returns the digest of the file of that name in the nearest directory above
// the workspace root; "" if there is none, or if the root has one itself.
func FileAbove(root, name string) string {
	path := extent.Above(root, name)
	if path == "" {
		return ""
	}
	text, err := regular.Read(path)
	if err != nil {
		return "cannot be read"
	}
	return digest.Of(text)
}
