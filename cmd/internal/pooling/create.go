package pooling

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/driver/pool"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Create makes the pool, or the user's directory in the one that there is; or with print says
// how that is done by hand.
func (p Pooling) Create(ctx context.Context, image, name string, size quantity.Volume, print bool) error {
	args := []string{"create"}
	for _, flag := range []struct{ name, value string }{{"--path", image}, {"--user", name}, {"--size", size.String()}} {
		if flag.value != "" && flag.value != "0" {
			args = append(args, flag.name, flag.value)
		}
	}
	u, err := p.whose(name)
	if err != nil {
		return err
	}
	q := pool.Request{Image: image, Size: int64(size), For: u}
	if print {
		return p.print(q)
	}
	if err := needRoot("make a pool", args...); err != nil {
		return err
	}
	plan, err := p.pool().Create(ctx, q)
	if err != nil {
		return Helped(err)
	}
	if plan.New {
		p.Term.Status("Made", "%s, which may grow to %s, mounted at %s (%s)", plan.Image, phrase.Size(plan.Size), p.pool().Mount, kept(plan.Keep))
	}
	p.Term.Status("Ready", "%s is for worktrees and clones of %s", plan.Home, u.Username)
	p.Term.JSON("pool-created", struct {
		Image string `json:"image"`
		New   bool   `json:"new"`
		Size  int64  `json:"size"`
		Mount string `json:"mount"`
		Home  string `json:"home"`
		Keep  string `json:"kept_by"`
	}{plan.Image, plan.New, plan.Size, p.pool().Mount, plan.Home, string(plan.Keep)})
	return nil
}

// whose is the user that a directory in the pool is for: who is named, who has called sudo, or
// who calls. What sudo says is believed without a look into the system's lists of users, which
// may be elsewhere.
func (p Pooling) whose(name string) (*user.User, error) {
	env := environ.Environ(p.Environ)
	caller := &user.User{Username: env.Get("SUDO_USER"), Uid: env.Get("SUDO_UID"), Gid: env.Get("SUDO_GID")}
	switch {
	case name != "" && name != caller.Username:
		u, err := user.Lookup(name)
		if err != nil {
			return nil, exit.Missing(fmt.Errorf("find user %s: %w", name, err), "")
		}
		return u, nil
	case caller.Username != "" && caller.Uid != "" && caller.Gid != "":
		return caller, nil
	}
	u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return nil, fmt.Errorf("make a pool: %w", err)
	}
	return u, nil
}

// print prints the commands that make a pool.
func (p Pooling) print(q pool.Request) error {
	at := p.pool()
	plan, err := at.Plan(q)
	if err != nil {
		return Helped(err)
	}
	word := paths.ShellWord
	say := p.Term.Println
	if plan.New {
		say("truncate -s %d %s", plan.Size, word(plan.Image))
		say("mkfs.btrfs --label %s %s", pool.Label, word(plan.Image))
	}
	say("mkdir -p %s", word(at.Mount))
	files, commands := at.ByHand(plan.Image, plan.Keep)
	for _, f := range files {
		to := ">"
		if f.Part {
			to = ">>"
		}
		say("cat %s %s <<'END'", to, word(f.Path))
		for line := range strings.Lines(f.Text) {
			say("%s", strings.TrimSuffix(line, "\n"))
		}
		say("END")
	}
	for _, c := range commands {
		say("%s", strings.Join(c, " "))
	}
	say("mount -o loop,%s %s %s", pool.Options, word(plan.Image), word(at.Mount))
	say(`losetup --direct-io=on "$(findmnt -no SOURCE %s)"`, word(at.Mount))
	say("install -d -o %s -g %s %s", q.For.Uid, q.For.Gid, word(plan.Home))
	return nil
}
