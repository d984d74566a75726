package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Install writes what a system looks for below its share directory: man pages, and
// completions for bash, zsh and fish. The date is that of the pages.
func Install(root *cobra.Command, share string, date time.Time) error {
	write := func(name string, into func(path string) error) error {
		path := filepath.Join(share, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		return into(path)
	}
	for name, text := range ManPages(root, date) {
		err := write("man/man1/"+name, func(path string) error { return os.WriteFile(path, text, 0o666) })
		if err != nil {
			return fmt.Errorf("write man page: %w", err)
		}
	}
	const descriptions = true
	for name, into := range map[string]func(path string) error{
		"bash-completion/completions/" + root.Name():         func(path string) error { return root.GenBashCompletionFileV2(path, descriptions) },
		"zsh/site-functions/_" + root.Name():                 root.GenZshCompletionFile,
		"fish/vendor_completions.d/" + root.Name() + ".fish": func(path string) error { return root.GenFishCompletionFile(path, descriptions) },
	} {
		if err := write(name, into); err != nil {
			return fmt.Errorf("write completion: %w", err)
		}
	}
	return nil
}

// ManPages renders a man page for each command that is not hidden, and for the wrapper,
// by file name.
func ManPages(root *cobra.Command, date time.Time) map[string][]byte {
	pages := map[string][]byte{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		pages[manName(cmd)+".1"] = manPage(cmd, date)
		for _, sub := range visible(cmd) {
			visit(sub)
		}
	}
	visit(root)
	pages[wrapperName+".1"] = wrapperPage(root, date)
	return pages
}

func manName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-")
}

func manPage(cmd *cobra.Command, date time.Time) []byte {
	var r roff
	r.title(manName(cmd), cmd.Root(), date, cmd.Short)
	r.section("Synopsis")
	r.usage(cmd.CommandPath(), strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath()))
	r.section("Description")
	r.text(cmd.Long)
	if subs := visible(cmd); len(subs) > 0 {
		r.section("Commands")
		for _, sub := range subs {
			r.tagged("**"+manName(sub)+"**(1)", sub.Short)
		}
	}
	if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
		r.section("Options")
		flags.VisitAll(func(f *pflag.Flag) {
			if name, usage, ok := flagLine(f); ok {
				r.tagged("`"+name+"`", usage)
			}
		})
	}
	if cmd.Example != "" {
		r.section("Examples")
		r.verbatim(cmd.Example)
	}
	if cmd.HasParent() {
		r.section("See also")
		r.text("**" + cmd.Root().Name() + "**(1) has the options that all commands take, the exit codes, environment and configuration.")
	} else {
		r.markdown(programNotes)
		r.section("See also")
		r.text("**" + wrapperName + "**(1), **cargo**(1), **git-worktree**(1)")
	}
	return r.Bytes()
}

const (
	wrapperName  = "cargo-cow-rustc"
	wrapperShort = "Serve rustc's calls from what was compiled before"
	wrapperLong  = `A wrapper of rustc, which cargo runs in rustc's place where its setting
build.rustc-wrapper names it. It is not called by hand: ` + "`cargo cow wrapper enable`" + `
switches it on for all projects, and ` + "`cargo cow wrapper disable`" + ` off again.

With it a unit that was compiled from the same inputs before is taken from the store,
rustc's incremental state is of use in another checkout, and before cargo builds in a
checkout for the first time, its build directory is restored. All other calls, and
whatever is in doubt, are passed on as they are. It prints nothing of its own.`
)

// wrapperPage is that of the program that has no commands.
func wrapperPage(root *cobra.Command, date time.Time) []byte {
	var r roff
	r.title(wrapperName, root, date, wrapperShort)
	r.section("Synopsis")
	r.usage(wrapperName, " RUSTC [ARGUMENT]...")
	r.section("Description")
	r.text(wrapperLong)
	r.section("Environment")
	r.tagged("`CARGO_COW=off`", "passes every call on.")
	r.section("Exit status")
	r.text("That of rustc; 127 where it could not be run.")
	r.section("See also")
	r.text("**" + root.Name() + "-wrapper**(1), **" + root.Name() + "**(1)")
	return r.Bytes()
}
