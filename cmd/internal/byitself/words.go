package byitself

import (
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
)

// Words tell what was done for a build directory.
func Words(o *unasked.Outcome, now time.Time) string {
	when := phrase.Ago(o.At, now) + ": "
	if o.Restored == "" {
		return when + "nothing was restored: " + o.Why
	}
	text := when + fmt.Sprintf("restored from %s in %d ms", phrase.ID(o.Restored), o.Took)
	if o.Sealed != "" {
		text += fmt.Sprintf(", with %s sealed for it of %s", phrase.ID(o.Sealed), o.Of)
	}
	return text
}
