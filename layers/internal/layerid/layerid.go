// Package layerid is what layers are called: by their content, 128 bits of BLAKE3
// in hex. It holds no state and may be used from anywhere at once.
package layerid

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/zeebo/blake3"
)

// Of is the id of what has this content.
func Of(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Is reports whether s is the id of a layer: 32 hex digits.
func Is(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// Unique ends the name of a tree that is being made, which nobody else makes under
// the same name.
func Unique() string {
	return Of([]byte(fmt.Sprint(os.Getpid(), time.Now().UnixNano())))[:8]
}
