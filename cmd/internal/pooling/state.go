package pooling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Offer says what the machine's pool is to a user whose disk can do no more than copy.
func Offer(variables []string) string {
	home, err := Of(variables).Home(os.Geteuid())
	switch {
	case err == nil:
		return "worktrees and clones in " + home + " are snapshots"
	case errors.Is(err, pool.ErrNotMounted):
		return "worktrees and clones in the pool, which is not mounted, are snapshots: `" + AsRoot("mount") + "`"
	}
	return "worktrees and clones in a pool would be snapshots: `" + AsRoot("create") + "`"
}

// Path prints the user's directory in the pool.
func (p Pooling) Path() error {
	home, err := p.pool().Home(os.Geteuid())
	if err != nil {
		return Helped(err)
	}
	p.Term.JSON("pool-path", struct {
		Path string `json:"path"`
	}{home})
	p.Term.Println("%s", home)
	return nil
}

// A Problem is something of the pool that should be otherwise, and the command that mends it.
type Problem struct {
	Problem string `json:"problem"`
	Help    string `json:"help"`
}

// Problems are those of a pool, the worst first.
func Problems(s *pool.State) (all []Problem) {
	add := func(help, format string, args ...any) {
		all = append(all, Problem{fmt.Sprintf(format, args...), help})
	}
	if !s.Mounted {
		add(AsRoot("mount"), "it is not mounted")
		return all
	}
	if s.ReadOnly {
		add("umount "+paths.ShellWord(s.Mount)+" && "+AsRoot("mount"), "it is read-only: the disk under it was full, or has failed")
	}
	if s.Short() {
		add("make room on the disk of "+s.Image, "the disk under it has only %s left: when that is full, the pool fails", phrase.Size(s.HostFree))
	}
	if s.Errors > 0 {
		add("btrfs scrub start "+paths.ShellWord(s.Mount), "%s of reading or writing", phrase.Count(int(s.Errors), "error"))
	}
	if s.Keep == pool.Nobody {
		add(AsRoot("create"), "nothing mounts it when the machine starts")
	}
	if len(s.Wants) > 0 {
		add("umount "+paths.ShellWord(s.Mount)+" && "+AsRoot("mount"), "it is mounted without %s", strings.Join(s.Wants, ","))
	}
	if !s.Direct && s.Image != "" {
		add("losetup --direct-io=on "+s.Device, "it goes through the page cache twice, and syncs slowly")
	}
	return all
}

// Status tells how the pool is. If it is judged, what is wrong makes it an error.
func (p Pooling) Status(judged bool) error {
	s, err := p.pool().State()
	if err != nil {
		return Helped(err)
	}
	found := Problems(s)
	p.Term.JSON("pool", struct {
		Mount    string    `json:"mount"`
		Mounted  bool      `json:"mounted"`
		Image    string    `json:"image"`
		Keep     string    `json:"kept_by"`
		Size     int64     `json:"size"`
		Used     int64     `json:"used"`
		Takes    int64     `json:"takes"`
		Free     int64     `json:"free"`
		HostFree int64     `json:"host_free"`
		Users    []string  `json:"users"`
		Problems []Problem `json:"problems"`
	}{s.Mount, s.Mounted, s.Image, string(s.Keep), s.Size, s.Used, s.Takes, s.Free, s.HostFree, s.Users, found})
	if s.Mounted {
		p.Term.Status("Pool", "%s, %s of %s used, %s free", s.Mount, phrase.Size(s.Used), phrase.Size(s.Size), phrase.Size(s.Free))
	} else {
		p.Term.Status("Pool", "%s, at most %s", s.Mount, phrase.Size(s.Size))
	}
	p.Term.Status("Image", "%s takes %s, %s are free on its disk (%s)", s.Image, phrase.Size(s.Takes), phrase.Size(s.HostFree), kept(s.Keep))
	if len(s.Users) > 0 {
		p.Term.Status("Users", "%s", strings.Join(s.Users, ", "))
	}
	for _, x := range found {
		p.Term.Warn("%s: %s", x.Problem, x.Help)
	}
	if judged && len(found) > 0 {
		return exit.Silently(exit.InPart)
	}
	return nil
}

// Mount mounts the pool.
func (p Pooling) Mount() error {
	if err := needRoot("mount the pool", "mount"); err != nil {
		return err
	}
	if err := p.pool().Attach(""); err != nil {
		return Helped(err)
	}
	return p.Status(false)
}

// Grow makes the pool larger.
func (p Pooling) Grow(ctx context.Context, size quantity.Volume) error {
	if err := needRoot("grow the pool", "grow", size.String()); err != nil {
		return err
	}
	if err := p.pool().Grow(ctx, int64(size)); err != nil {
		return Helped(err)
	}
	return p.Status(false)
}

// Trim gives the host what the pool does not use.
func (p Pooling) Trim(ctx context.Context) error {
	if err := needRoot("trim the pool", "trim"); err != nil {
		return err
	}
	n, err := p.pool().Trim(ctx)
	if err != nil {
		return Helped(err)
	}
	p.Term.JSON("pool-trimmed", struct {
		Bytes int64 `json:"bytes"`
	}{n})
	p.Term.Status("Trimmed", "%s given back", phrase.Size(n))
	return nil
}

// Remove removes the pool with all that is in it.
func (p Pooling) Remove(ctx context.Context, force bool) error {
	args := []string{"remove"}
	if force {
		args = append(args, "--force")
	}
	if err := needRoot("remove the pool", args...); err != nil {
		return err
	}
	s, err := p.pool().State()
	if err == nil {
		err = p.pool().Remove(ctx, force)
	}
	if err != nil {
		if errors.Is(err, pool.ErrNotMounted) {
			return Helped(fmt.Errorf("%w: mount it, or add --force", err))
		}
		return Helped(err)
	}
	p.Term.JSON("pool-removed", struct {
		Image string `json:"image"`
	}{s.Image})
	p.Term.Status("Removed", "%s (%s)", s.Mount, s.Image)
	return nil
}
