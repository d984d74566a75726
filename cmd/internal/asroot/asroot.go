// Package asroot keeps commands that root runs by mistake, with sudo, from leaving files of root's in
// the checkout of a user, in that user's build directory, store or home.
//
// Commands that change something are refused there before they have looked at anything. Those that
// only tell become the user first, for good: what they note for the next time is that user's then,
// and cargo and git, which run what a checkout names, do not run it as root. Where root works in what
// is root's own, as in a container, nothing is different. Enter is called once, before a command
// begins, by the one goroutine that there is.
package asroot

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// An Error says that root was to change something in a checkout of another user's.
type Error struct {
	Command, Dir string
	Owner        int
}

func (e *Error) Error() string {
	return fmt.Sprintf("run `%s` as root: the checkout in %s belongs to user %s", e.Command, e.Dir, foreign.UserName(e.Owner))
}

// telling are the commands that change nothing that is not theirs.
var telling = []string{"status", "list", "show", "diff", "du", "explain", "stats", "why-miss", "doctor", "store list", "store show"}

// indifferent are those that are no less right for root: they are about the machine, or say what
// they are.
var indifferent = []string{"", "help", "completion", "pool", "scan", "__complete", "__completeNoDesc", "docs"}

// Enter decides what is done with a command, called by its words without the program's, that is to
// work in a directory: nothing, become the user and return that user's environment, or refuse.
func Enter(words []string, dir string, variables []string) (env []string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return variables, nil // whoever works there says so
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	uid, trespass := locate.Trespass(abs)
	command := strings.Join(words, " ")
	first, _, _ := strings.Cut(command, " ")
	if !trespass || slices.Contains(indifferent, first) {
		return variables, nil
	}
	refused := &layers.HelpError{Err: &Error{"cargo cow " + command, abs, uid}, Help: "cargo cow " + command + ", without sudo"}
	if !slices.Contains(telling, command) {
		return nil, refused
	}
	env, err = become(uid, variables)
	if err != nil {
		refused.Err = fmt.Errorf("%w: become that user: %w", refused.Err, err)
		return nil, refused
	}
	return env, nil
}

// become has this process be a user's, with the home of that user: what sudo leaves in the
// environment may be root's, whose directories the user cannot read.
func become(uid int, variables []string) ([]string, error) {
	gid, home := uid, "/"
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		home = u.HomeDir
		if gid, err = strconv.Atoi(u.Gid); err != nil {
			return nil, err
		}
	}
	if named := environ.Environ(variables).Get("HOME"); ownerOf(named) == uid {
		home = named
	}
	env := slices.DeleteFunc(slices.Clone(variables), func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case name == "HOME":
			return true
		case strings.HasPrefix(name, "XDG_") || name == "CARGO_HOME":
			return ownerOf(value) != uid
		}
		return false
	})
	for _, err := range []error{syscall.Setgroups([]int{gid}), syscall.Setresgid(gid, gid, gid), syscall.Setresuid(uid, uid, uid)} {
		if err != nil {
			return nil, err
		}
	}
	return append(env, "HOME="+home), os.Setenv("HOME", home)
}

// ownerOf is whose a path is, -1 where there is nothing.
func ownerOf(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Uid)
}
