package byitself

import (
	"context"
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// maxTried bounds how many siblings are asked to be sealed until one is: the first that
// nobody builds in is nearly always the first.
const maxTried = 3

// maxSeal bounds how long a restore is kept by it. Sealing 5,300 files of a plain directory
// takes 0.7 s; what takes this long costs more than a build that takes up an older layer.
const maxSeal = 10 * time.Second

// A Sealed is a layer that was made of what a sibling has built.
type Sealed struct {
	Layer string
	Of    string // the sibling's root
}

// SealSibling seals what siblings of a project have built that is about to be restored: of the
// build directories of other working trees of the repository, and of other checkouts with the
// same lockfile, the one that promises most, and no more than one; for a project that has none,
// another project that shares most of its dependencies. One in which somebody builds
// is passed over, and who comes to build there is hardly kept waiting (active.Claim.GiveWay).
// What is sealed is compared with the checkout like any layer, by content. It returns nil where
// there was nothing to be sealed. session begins a session in a directory.
func SealSibling(ctx context.Context, environment []string, p *open.Project, session func(dir string) (*open.Session, error)) *Sealed {
	if !p.Store.Driver().Caps().SharesData {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxSeal)
	defer cancel()
	list, tried := siblings(p), 0
	uneditedFirst(ctx, p, environment, list)
	alone := len(list) == 0
	if alone {
		if c := kindred(p); c != nil {
			list = append(list, c)
		}
	}
	for _, c := range list {
		if tried == maxTried || ctx.Err() != nil {
			break
		}
		if alone && c.isSealed(p.Store.Dir()) || c.lockfile && c.isSealedFor(p) {
			return nil // the best there is
		}
		tried++
		sealed, err := seal(ctx, p, c, session)
		if err != nil {
			continue
		}
		if sealed != nil {
			_ = spawn.Supersede(environment, p.Store.Dir()) // with the next one it is tried again
		}
		return sealed
	}
	return nil
}

func seal(ctx context.Context, p *open.Project, c *candidate, session func(dir string) (*open.Session, error)) (*Sealed, error) {
	s, err := session(c.root)
	if err != nil {
		return nil, err
	}
	if !open.Serves(p.Store, c.buildDir) {
		if err := checkCopied(ctx, p, c.buildDir); err != nil {
			return nil, err
		}
	}
	sibling, err := p.OpenSibling(ctx, s, c.buildDir)
	if err != nil {
		return nil, err
	}
	rep, err := sibling.Store.Snapshot(ctx, sibling.Checkout, layers.SnapshotOptions{Automatic: true})
	if err != nil {
		return nil, err
	}
	if !rep.CreatedNew {
		return nil, nil
	}
	return &Sealed{rep.ID, c.root}, nil
}

// maxCopied bounds, in bytes, what is copied from another file system without anybody having
// asked for it. A restore into a pool took 4.2 s with 750 MB copied for it, while ten others built; of
// the demo project, with nothing else running, it is 2 s and cargo's build with it.
const maxCopied = 2 << 30

// checkCopied fails where copying a build directory would take too long, or too much room.
func checkCopied(ctx context.Context, p *open.Project, buildDir string) error {
	size, err := reflink.TreeBlocks(ctx, buildDir)
	if err != nil {
		return err
	}
	free, err := reflink.Free(p.Store.Dir())
	if err != nil {
		return err
	}
	if size > maxCopied || size > free/2 {
		return fmt.Errorf("copy %s: it takes %d MiB, and %d are free", buildDir, size>>20, free>>20)
	}
	return nil
}
