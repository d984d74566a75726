package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Both formatters take the pages without a word.
func TestManPages(t *testing.T) {
	t.Parallel()
	requires(t, "mandoc", "man")
	pages, err := filepath.Glob(filepath.Join(unpacked(t, "amd64"), "share/man/man1/*"))
	if err != nil || len(pages) < 2 {
		t.Fatal(pages, err)
	}
	if out := output(t, "", "mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...); out != "" {
		t.Error(out)
	}
	// man says what is wrong on stderr, and is content.
	said := output(t, "", "sh", append([]string{"-c", `export LC_ALL=C.UTF-8 MANWIDTH=80; for page; do man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null; done`, "sh"}, pages...)...)
	if said != "" {
		t.Error(said)
	}
	shown := output(t, "", "sh", "-c", `LC_ALL=C.UTF-8 MANWIDTH=120 man -l "$1" | col -bx`, "sh", filepath.Join(unpacked(t, "amd64"), "share/man/man1/cargo-cow-restore.1"))
	for _, want := range []string{"CARGO-COW-RESTORE(1)", "cargo-cow-restore - Make the build directory from the layer that fits best", "-n, --dry-run", "cargo-cow " + version, "2026-09-21"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page has no %q:\n%s", want, shown)
		}
	}
}

// Each shell completes what is asked of it: the program, and files of its own that it can read.
func TestCompletions(t *testing.T) {
	t.Parallel()
	requires(t, "bash", "zsh", "fish")
	if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
		missing(t, "bash-completion is not installed: run hack/setup")
	}
	usr := unpacked(t, "amd64")
	for shell, script := range map[string]string{
		"bash": `source /usr/share/bash-completion/bash_completion; source share/bash-completion/completions/cargo-cow
			COMP_WORDS=(cargo-cow resto) COMP_CWORD=1 COMP_LINE="cargo-cow resto" COMP_POINT=15 COMP_TYPE=9
			__start_cargo-cow; echo "${COMPREPLY[@]}"`,
		// The completion system works for a line that is being edited only. The last word is put together, so that its
		// echo is not taken for it.
		"zsh": `zmodload zsh/zpty
			zpty shell zsh -f -i
			zpty -w shell "PS1='> '; fpath=($PWD/share/zsh/site-functions \$fpath); autoload -U compinit; compinit -u -D; echo rea''dy"
			zpty -r -m shell said '*ready*'
			zpty -n -w shell $'cargo-cow resto\t'
			zpty -r -m shell said '*cargo-cow restore*'
			print -r -- "${said##*cargo-cow }"
			zpty -d shell`,
		"fish": `source share/fish/vendor_completions.d/cargo-cow.fish; complete -C "cargo-cow resto"`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			args := map[string][]string{"bash": {"--norc", "-c"}, "zsh": {"-f", "-c"}, "fish": {"--no-config", "-c"}}[shell]
			env := append(os.Environ(), "TERM=dumb", "PATH="+usr+"/bin:"+os.Getenv("PATH"), "HOME="+t.TempDir())
			out := outputIn(t, usr, env, "timeout", append(append([]string{"20", shell}, args...), script)...)
			if !strings.HasPrefix(strings.TrimSpace(out), "restore") {
				t.Errorf("%s completes resto with %q", shell, out)
			}
		})
	}
}
