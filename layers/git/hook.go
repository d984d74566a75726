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

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// HookState says what stands where git looks for the post-checkout hook.
type HookState string

const (
	HookAbsent    HookState = "absent"    // no hook there
	HookInstalled HookState = "installed" // a hook with our block
	HookForeign   HookState = "foreign"   // somebody else's hook without our block
	HookDisabled  HookState = "disabled"  // our block is in a file that is not executable, so git passes it over
	HookUnreached HookState = "unreached" // our block or line is there, and git does not come to it
)

// Hook is the post-checkout hook of a repository.
type Hook struct {
	State HookState
	Path  string // of the hook file
	// Manager is the program that wrote the hook and will write it anew; nil: none known.
	Manager *HookManager
	// In is the file that has our block or line: Path, or one that the hook there
	// runs; "" if none is known to have it.
	In string
	// Program is what our block or line runs; "" where there is none.
	Program string
	// Changed: installing or removing has written something.
	Changed bool
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

// handMark is in whatever line runs our hook, handLine or a like of it.
const handMark = "cargo-cow restore --hook"

// switchFile, in the directory cargo-cow of the common directory, switches on
// what the hook does when a working tree goes from one commit to another.
const switchFile = paths.RepositorySwitch

// HookVariable is looked at by the hook. HookOff is the assignment that keeps it
// from doing anything; with HookProbe and a file's name, it only notes in that
// file that it was reached.
const (
	HookVariable = "CARGO_COW_HOOK"
	HookOff      = HookVariable + "=off"
	HookProbe    = HookVariable + "=probe:"
)

// hookBlock is our part of the hook, for the program at the given path.
//
// It stands before all else in the script and runs the rest of it first, as a
// process of its own: so it does not matter where that ends (those of pre-commit
// and lefthook end in exec), where it goes to, or what it makes of its arguments,
// and what it brings (submodules, large files) is there when we look. The rest
// knows itself by the process that started it; a variable alone would reach the
// hooks of what the rest runs.
//
// git (2.39, builtin/worktree.c:add_worktree) runs post-checkout in a new
// worktree with the null id as the previous HEAD; GIT_DIR is not set then, so the
// common directory is found from the hook's own place. Any other checkout is
// looked at only if it is not one of single files ($3), and then only where the
// working tree has not noted its build directories (see Built), or switchFile is
// there and it goes to another commit. So where nothing is to be done it costs
// some tests and no process. The status of the rest is handed on, because a
// checkout fails when its hook does; the first line may set -e and -u. Where the
// program is gone nothing is said.
func hookBlock(program string) string {
	quoted := "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	return hookBegin + `
# Gives a new worktree a build directory. Take it out with: cargo cow hook remove
if [ "${cargo_cow_rest-}" != "$PPID" ]; then
	cargo_cow_do=no
	cargo_cow_common=${0%/*}/..
	case ${CARGO_COW_HOOK-} in
	off) ;;
	probe:*) cargo_cow_do=probe ;;
	*)
		if [ "${3-}" = 1 ] && [ -e "$cargo_cow_common/` + paths.RepositoryMemory + `" ]; then
			cargo_cow_own=.git cargo_cow_built=
			[ ! -f .git ] || read -r cargo_cow_built cargo_cow_own <.git || :
			cargo_cow_own=$cargo_cow_own/` + paths.WorktreeBuilt + `
			if [ "$cargo_cow_own" -nt "$cargo_cow_common/` + paths.RepositoryMemory + `" ]; then
				read -r cargo_cow_built <"$cargo_cow_own" || :
			fi
			case $1 in
			*[!0]*)
				if [ "$cargo_cow_built" != ` + builtAll + ` ]; then
					cargo_cow_do=yes
				elif [ "$1" != "$2" ] && [ -e "$cargo_cow_common/` + switchFile + `" ]; then
					cargo_cow_do=yes
				fi
				;;
			*) cargo_cow_do=yes ;;
			esac
		fi
		;;
	esac
	if [ $cargo_cow_do != no ]; then
		cargo_cow=` + quoted + `
		[ -x "$cargo_cow" ] || cargo_cow=$(command -v cargo-cow) || cargo_cow_do=no
	fi
	if [ $cargo_cow_do != no ]; then
		cargo_cow_status=0
		if [ $cargo_cow_do = yes ]; then
			cargo_cow_rest=$$ "$0" "$@" || cargo_cow_status=$?
		fi
		"$cargo_cow" restore --hook "$@" </dev/null >&2 || :
		exit $cargo_cow_status
	fi
fi
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
		c.passedOver(h)
		return h, nil, nil
	}
	text, err := readFile(h.Path, fi, err)
	if err != nil {
		return nil, nil, fmt.Errorf("read hook: %w", err)
	}
	h.State, h.Manager = HookForeign, managerOf(string(text))
	if h.mentions(h.Path, text) {
		if fi.Mode()&0o111 == 0 {
			h.State = HookDisabled
		}
		return h, text, nil
	}
	// What pre-commit finds where it installs its own it renames, and runs first.
	for _, path := range []string{h.Path + ".legacy", huskyFile(h.Path)} {
		if text, err := regular.Read(path); err == nil && path != "" && h.mentions(path, text) {
			return h, text, nil
		}
	}
	c.passedOver(h)
	return h, text, nil
}

// passedOver finds what was installed in the repository before its hooks were said
// to be elsewhere; the hook there may still run it.
func (c *Checkout) passedOver(h *Hook) {
	own := filepath.Join(c.CommonDir, "hooks", "post-checkout")
	if text, err := regular.Read(own); err == nil && h.Shared {
		was := *h
		if h.mentions(own, text) {
			h.State = was.State
		}
	}
}

// mentions looks for our block or line in a file, and notes what it finds. Whether git
// comes to it is for ProbeHook to find out.
func (h *Hook) mentions(path string, text []byte) bool {
	if _, block, _, ok := cutBlock(string(text)); ok {
		h.State, h.In, h.Program = HookInstalled, path, blockProgram(block)
		return true
	}
	if strings.Contains(string(text), handMark) { // handLine, or a like of it
		h.State, h.In, h.Program = HookInstalled, path, "cargo-cow"
		return true
	}
	return false
}

func readFile(path string, fi os.FileInfo, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	}
	return regular.Read(path)
}

// InstallHook makes git run program after `git worktree add`. An existing shell
// hook keeps every byte and gets our block added; installing again changes at
// most the block. Husky gets a line in the file that it runs. InstallHook returns a
// *HookError, and changes nothing, where the hooks directory is shared otherwise or
// the hook there is not a shell script. Whether git comes to what it wrote is for
// ProbeHook to find out.
func (c *Checkout) InstallHook(ctx context.Context, program string) (*Hook, error) {
	h, old, err := c.readHook(ctx)
	if err != nil {
		return nil, err
	}
	if _, block, _, _ := cutBlock(string(old)); h.State == HookInstalled && (h.Shared || h.In != h.Path || block == hookBlock(program)) {
		return h, nil
	}
	if h.Shared {
		return c.installShared(ctx, h)
	}
	text, mode := hookHead+hookBlock(program), os.FileMode(0o777)
	if h.State != HookAbsent {
		fi, err := os.Lstat(h.Path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("install hook: %w", err)
		case !fi.Mode().IsRegular():
			return nil, &HookError{h.Path, "it is a symlink", h.ByHand()}
		case fi.Mode()&0o111 == 0:
			return nil, &HookError{h.Path, "it is not executable, so git passes it over", "chmod +x " + paths.ShellWord(h.Path) + ", or remove it, and try again"}
		case !isShell(old):
			return nil, &HookError{h.Path, "it is not a shell script", h.ByHand()}
		}
		mode = fi.Mode().Perm()
		text = addBlock(string(old), hookBlock(program))
	}
	if err := h.write(h.Path, text, mode, h.State == HookAbsent); err != nil {
		return nil, err
	}
	h.State, h.In, h.Program = HookInstalled, h.Path, program
	return h, nil
}

// installShared adds handLine to the file that husky runs, if it is husky's
// directory and lies in the checkout, as its users would by hand.
func (c *Checkout) installShared(ctx context.Context, h *Hook) (*Hook, error) {
	file := huskyFile(h.Path)
	if rel, err := filepath.Rel(c.Root, file); file == "" || err != nil || !filepath.IsLocal(rel) {
		return nil, &HookError{h.Path, c.whyShared(ctx, h), h.ByHand()}
	}
	text, err := regular.Read(file)
	isNew := errors.Is(err, os.ErrNotExist)
	if err != nil && !isNew {
		return nil, fmt.Errorf("install hook: %w", err)
	}
	mode := os.FileMode(0o777) // up to version 8 git runs it itself
	if fi, err := os.Lstat(file); err == nil {
		if mode = fi.Mode().Perm(); !fi.Mode().IsRegular() {
			return nil, &HookError{file, "it is not a file", h.ByHand()}
		}
	}
	if err := h.write(file, addHandLine(string(text)), mode, isNew); err != nil {
		return nil, err
	}
	h.State, h.In, h.Program = HookInstalled, file, "cargo-cow"
	return h, nil
}

func (h *Hook) write(path, text string, mode os.FileMode, isNew bool) error {
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil {
		err = replaceFile(path, text, mode, isNew)
	}
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &HookError{path, "it cannot be written: " + bare(err).Error(), h.ByHand()}
	}
	if err != nil {
		return fmt.Errorf("install hook: %w", err)
	}
	h.Changed = true
	return nil
}

// bare drops the operation and path that the caller names already.
func bare(err error) error {
	for _, sys := range []syscall.Errno{syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, sys) {
			return sys
		}
	}
	return err
}

// ByHand says which line has to go where for the hook to be reached.
func (h *Hook) ByHand() string {
	if h.State == HookDisabled {
		return "chmod +x " + paths.ShellWord(h.Path)
	}
	if h.Manager != nil {
		return "add to " + h.Manager.Config + ", for " + h.Manager.Name + ":\n" + h.Manager.Entry
	}
	if file := huskyFile(h.Path); file != "" && file == h.In {
		return "see that husky runs " + file + ", and that cargo-cow is on the PATH that it has there"
	} else if file != "" {
		return "add this line to " + file + ", which husky runs: " + handLine
	}
	if h.State == HookAbsent {
		return "make " + h.Path + " a shell script with this line, executable: " + handLine
	}
	return "add this line to " + h.Path + ", where all that goes before lets it be reached: " + handLine
}

// whyShared says what leads out of the repository.
func (c *Checkout) whyShared(ctx context.Context, h *Hook) string {
	if out, err := c.Run(ctx, "config", "--get", "core.hooksPath"); err == nil && len(bytes.TrimSpace(out)) > 0 {
		return "core.hooksPath names a directory that is not this repository's own"
	}
	return "the repository's directory of hooks is a link to " + filepath.Dir(h.Path)
}

// RemoveHook takes our block out of the hook, and the file away when nothing but
// our own first line is left of it. It returns a *HookError where the user has
// added the line by hand.
func (c *Checkout) RemoveHook(ctx context.Context) (*Hook, error) {
	h, _, err := c.readHook(ctx)
	if err != nil || h.In == "" {
		return h, err
	}
	old, err := regular.Read(h.In)
	if err != nil {
		return nil, fmt.Errorf("remove hook: %w", err)
	}
	before, _, after, ok := cutBlock(string(old))
	rest := before + after
	if h.In == huskyFile(h.Path) {
		rest, ok = cutHandLine(string(old))
	} else if h.Shared && h.In == h.Path {
		ok = false
	}
	if !ok {
		return nil, &HookError{h.In, "its line for cargo-cow was added by hand", "take out the line that runs: " + handMark}
	}
	if rest == hookHead {
		err = os.Remove(h.In)
	} else {
		var fi os.FileInfo
		if fi, err = os.Stat(h.In); err == nil {
			err = replaceFile(h.In, rest, fi.Mode().Perm(), false)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("remove hook: %w", err)
	}
	left, _, err := c.readHook(ctx)
	if err == nil {
		left.Changed, left.In = true, h.In
	}
	return left, err
}

// addBlock puts block into a shell script: after its first line, in place of a
// block it has anywhere. Everything else keeps its bytes; a missing newline after
// the first line is added.
func addBlock(text, block string) string {
	if before, _, after, ok := cutBlock(text); ok {
		text = before + after
	}
	head, rest, ok := strings.Cut(text, "\n")
	if !strings.HasPrefix(head, "#!") {
		return block + text
	}
	if !ok {
		rest = ""
	}
	return head + "\n" + block + rest
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
	if len(words) > 0 && filepath.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 0 && (words[0][0] == '-' || strings.Contains(words[0], "=")) {
			words = words[1:] // env -S VAR=x bash -e
		}
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
