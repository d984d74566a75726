package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// HookState says what stands where git looks for the post-checkout hook.
type HookState string

const (
	HookAbsent    HookState = "absent"    // no hook there
	HookInstalled HookState = "installed" // a hook with our block
	HookForeign   HookState = "foreign"   // somebody else's hook without our block
	HookDisabled  HookState = "disabled"  // our block is in a file that is not executable, so git passes it over
)

// Hook is the post-checkout hook of a repository.
type Hook struct {
	State HookState
	Path  string // of the hook file
	// Program is what our block runs; "" without a block of ours.
	Program string
	// Shared: the hooks directory (core.hooksPath) is not the repository's own:
	// it belongs to a working tree or to several repositories. We never write there.
	Shared bool
}

// HookError is a hook we will not touch. Help says what to do by hand.
type HookError struct {
	Path   string
	Reason string
	Help   string
}

func (e *HookError) Error() string { return "change hook " + e.Path + ": " + e.Reason }

// The lines that enclose our part of a hook.
const (
	hookBegin = "# >>> cargo-cow >>>"
	hookEnd   = "# <<< cargo-cow <<<"
)

// hookHead is what a hook file of our own begins with.
const hookHead = "#!/bin/sh\n"

// HandLine is what a user whose hook we leave alone adds to it.
const HandLine = `cargo-cow restore --hook "$@" || :`

// switchFile, in the directory cargo-cow of the common directory, switches on
// what the hook does when a working tree goes from one commit to another.
const switchFile = "cargo-cow/switch"

// HookOff is the assignment that keeps the hook from doing anything.
const HookOff = "CARGO_COW_HOOK=off"

// hookBlock is our part of the hook, for the program at the given path.
//
// git (2.39, builtin/worktree.c:add_worktree) runs post-checkout in a new
// worktree with the null id as the previous HEAD. Any other checkout is looked at
// only where switchFile is, and if it is not one of single files ($3) and goes to
// another commit. So where nothing is to be done it costs a test and no process.
// GIT_DIR is not set by `worktree add`, so the common directory is found from the
// hook's own place. The status of the commands before is handed on, because a
// checkout fails when its hook does; they may have set -e and -u.
func hookBlock(program string) string {
	quoted := "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	return hookBegin + `
# Gives a new worktree a build directory. Take it out with: cargo cow hook remove
cargo_cow_status=$?
if [ -e "${0%/*}/../cargo-cow/config.json" ] && [ "${CARGO_COW_HOOK-}" != off ]; then
	cargo_cow_do=yes
	case $1 in
	*[!0]*)
		if ! [ -e "${0%/*}/../` + switchFile + `" ] || [ "$3" != 1 ] || [ "$1" = "$2" ]; then
			cargo_cow_do=no
		fi
		;;
	esac
	if [ $cargo_cow_do = yes ]; then
		cargo_cow=` + quoted + `
		[ -x "$cargo_cow" ] || cargo_cow=cargo-cow
		"$cargo_cow" restore --hook "$@" </dev/null >&2 || :
	fi
fi
(exit $cargo_cow_status)
` + hookEnd + "\n"
}

// SwitchOn reports whether the hook follows what is checked out in the working
// trees of the repository.
func (c *Checkout) SwitchOn() bool {
	_, err := os.Lstat(filepath.Join(c.CommonDir, switchFile))
	return err == nil
}

// SetSwitch switches that on or off.
func (c *Checkout) SetSwitch(on bool) error {
	path := filepath.Join(c.CommonDir, switchFile)
	var err error
	if on {
		if err = os.MkdirAll(filepath.Dir(path), 0o777); err == nil {
			err = os.WriteFile(path, nil, 0o666)
		}
	} else if err = os.Remove(path); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("set what the hook does: %w", err)
	}
	return nil
}

// HookState looks at the post-checkout hook; it changes nothing.
func (c *Checkout) HookState(ctx context.Context) (*Hook, error) {
	h, _, err := c.readHook(ctx)
	return h, err
}

func (c *Checkout) readHook(ctx context.Context) (*Hook, []byte, error) {
	out, err := c.Run(ctx, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
	if err != nil {
		return nil, nil, fmt.Errorf("find the hooks of %s: %w", c.Root, err)
	}
	dir := strings.TrimSuffix(string(out), "\n")
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	h := &Hook{State: HookAbsent, Path: filepath.Join(dir, "post-checkout"), Shared: dir != filepath.Join(c.CommonDir, "hooks")}
	fi, err := os.Stat(h.Path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // hooksPath may be /dev/null
		return h, nil, nil
	}
	text, err := readFile(h.Path, fi, err)
	if err != nil {
		return nil, nil, fmt.Errorf("read hook: %w", err)
	}
	h.State = HookForeign
	if _, block, _, ok := cutBlock(string(text)); ok {
		h.State = HookInstalled
		if fi.Mode()&0o111 == 0 {
			h.State = HookDisabled
		}
		h.Program = blockProgram(block)
	} else if strings.Contains(string(text), "cargo-cow restore --hook") {
		h.State = HookInstalled // HandLine, or a like of it
		h.Program = "cargo-cow"
	}
	return h, text, nil
}

func readFile(path string, fi os.FileInfo, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	}
	return os.ReadFile(path)
}

// InstallHook makes git run program after `git worktree add`. An existing shell
// hook keeps every byte and gets our block added; installing again changes at
// most the block. It returns a *HookError, and changes nothing, when the hooks
// directory is shared or the hook there is not a shell script.
func (c *Checkout) InstallHook(ctx context.Context, program string) (*Hook, error) {
	h, old, err := c.readHook(ctx)
	if err != nil {
		return nil, err
	}
	if _, block, _, _ := cutBlock(string(old)); h.State == HookInstalled && block == hookBlock(program) {
		return h, nil
	}
	byHand := "add this line to it: " + HandLine
	if h.Shared {
		if h.State == HookInstalled {
			return h, nil
		}
		if h.State == HookAbsent {
			byHand = "make it a shell script with this line, executable: " + HandLine
		}
		return nil, &HookError{h.Path, "core.hooksPath names a directory that is not this repository's own", byHand}
	}
	text, mode := hookHead+hookBlock(program), os.FileMode(0o777)
	if h.State != HookAbsent {
		fi, err := os.Lstat(h.Path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("install hook: %w", err)
		case !fi.Mode().IsRegular():
			return nil, &HookError{h.Path, "it is a symlink", byHand}
		case fi.Mode()&0o111 == 0:
			return nil, &HookError{h.Path, "it is not executable, so git passes it over", "chmod +x " + h.Path + ", or remove it, and try again"}
		case !isShell(old):
			return nil, &HookError{h.Path, "it is not a shell script", "have it run: " + HandLine}
		}
		mode = fi.Mode().Perm()
		text = addBlock(string(old), hookBlock(program))
	}
	if err := os.MkdirAll(filepath.Dir(h.Path), 0o777); err != nil {
		return nil, fmt.Errorf("install hook: %w", err)
	}
	if err := replaceFile(h.Path, text, mode, h.State == HookAbsent); err != nil {
		return nil, fmt.Errorf("install hook: %w", err)
	}
	h.State, h.Program = HookInstalled, program
	return h, nil
}

// RemoveHook takes our block out of the hook, and the file away when nothing but
// our own first line is left of it. It returns a *HookError where the user has
// added the line by hand.
func (c *Checkout) RemoveHook(ctx context.Context) (*Hook, error) {
	h, old, err := c.readHook(ctx)
	if err != nil {
		return nil, err
	}
	if h.State == HookAbsent || h.State == HookForeign {
		return h, nil
	}
	before, _, after, ok := cutBlock(string(old))
	if !ok || h.Shared {
		return nil, &HookError{h.Path, "its line for cargo-cow was added by hand", "take out the line: " + HandLine}
	}
	rest := before + after
	if rest == hookHead {
		if err := os.Remove(h.Path); err != nil {
			return nil, fmt.Errorf("remove hook: %w", err)
		}
		return &Hook{State: HookAbsent, Path: h.Path}, nil
	}
	fi, err := os.Stat(h.Path)
	if err == nil {
		err = replaceFile(h.Path, rest, fi.Mode().Perm(), false)
	}
	if err != nil {
		return nil, fmt.Errorf("remove hook: %w", err)
	}
	return &Hook{State: HookForeign, Path: h.Path}, nil
}

// replaceFile puts text at path in one step: git may run the hook at any time.
// A new file gets mode less the umask, and must not exist yet.
func replaceFile(path, text string, mode os.FileMode, isNew bool) error {
	tmp := path + ".cargo-cow-tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	_, err = f.WriteString(text)
	if err == nil && !isNew {
		err = f.Chmod(mode)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if isNew {
		return os.Link(tmp, path)
	}
	return os.Rename(tmp, path)
}

// addBlock puts block into a shell script: in place of the block it has, else at
// the end, but before a last line that would keep the end from being reached.
// Everything else keeps its bytes; a missing newline at the end is added.
func addBlock(text, block string) string {
	if before, _, after, ok := cutBlock(text); ok {
		return before + block + after
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	body := strings.TrimRight(text, "\n")
	start := strings.LastIndexByte(body, '\n') + 1
	word, _, _ := strings.Cut(body[start:], " ")
	if (word == "exit" || word == "exec") && start > 0 {
		return text[:start] + block + text[start:]
	}
	return text + block
}

// cutBlock finds our block: from the line hookBegin through the line hookEnd.
func cutBlock(text string) (before, block, after string, ok bool) {
	start := lineStart(text, hookBegin)
	if start < 0 {
		return "", "", "", false
	}
	n := lineStart(text[start:], hookEnd)
	if n < 0 {
		return "", "", "", false
	}
	end := min(start+n+len(hookEnd)+1, len(text))
	return text[:start], text[start:end], text[end:], true
}

// lineStart is the offset of the first line that is exactly line, or -1.
func lineStart(text, line string) int {
	off := 0
	for l := range strings.Lines(text) {
		if strings.TrimSuffix(l, "\n") == line {
			return off
		}
		off += len(l)
	}
	return -1
}

// blockProgram reads back the program that hookBlock wrote.
func blockProgram(block string) string {
	_, rest, _ := strings.Cut(block, "\tcargo_cow='")
	quoted, _, _ := strings.Cut(rest, "\n")
	return strings.ReplaceAll(strings.TrimSuffix(quoted, "'"), `'\''`, "'")
}

// isShell tells a script for a shell that understands our block.
func isShell(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	interpreter, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		return false
	}
	words := strings.Fields(string(interpreter))
	if len(words) > 1 && filepath.Base(words[0]) == "env" {
		words = words[1:]
	}
	if len(words) == 0 {
		return false
	}
	switch filepath.Base(words[0]) {
	case "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox":
		return true
	}
	return false
}
