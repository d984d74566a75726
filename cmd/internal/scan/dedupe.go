package scan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/dedupe"
)

// Dedupe has equal files in the target directories below dirs share their data.
func Dedupe(ctx context.Context, term *ui.Terminal, dirs []string) error {
	var found []string
	for _, dir := range dirs {
		if err := targets.Find(ctx, dir, func(t targets.Target) { found = append(found, t.Path) }); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return exit.Usage(fmt.Errorf("share data: there is no target directory below %s", strings.Join(dirs, ", ")))
	}
	told := int64(0)
	rep, err := dedupe.Run(ctx, found, func(done, of int64) {
		if percent := 100 * done / of; percent >= told+10 {
			told = percent
			term.Detail("Compared", "%d %% of %s", percent, phrase.Size(of))
		}
	})
	if errors.Is(err, dedupe.ErrCannotShare) {
		return &layers.HelpError{Err: err, Help: "keep target directories on Btrfs or XFS"}
	}
	if err != nil {
		return err
	}
	term.JSON("dedupe", struct {
		Targets int   `json:"targets"`
		Files   int   `json:"files"`
		Bytes   int64 `json:"bytes"`
		Shared  int64 `json:"shared"` // already
	}{len(found), rep.Files, rep.Bytes, rep.Shared})
	term.Status("Shared", "%s of %s; %s were shared already", phrase.Size(rep.Bytes), phrase.Count(rep.Files, "file"), phrase.Size(rep.Shared))
	return nil
}
