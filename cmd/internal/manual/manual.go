// Package manual writes the command-line reference as Markdown and as man pages, from what
// the commands say of themselves: a page for each, and on the program's own what holds for
// all of them, output, exit codes, environment and configuration. With the man pages go
// completions, as cobra makes them.
//
// It reads the commands and changes nothing of them; they are not safe for concurrent
// use, and so are not its functions.
package manual

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Write writes the pages of a program into a directory, which is made if need be.
func Write(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write pages: %w", err)
	}
	for name, text := range Pages(root) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	return nil
}

// Pages renders a page for each command that is not hidden, by file name.
func Pages(root *cobra.Command) map[string][]byte {
	pages := map[string][]byte{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		pages[pageName(cmd)] = page(cmd)
		for _, sub := range visible(cmd) {
			visit(sub)
		}
	}
	visit(root)
	return pages
}

func visible(cmd *cobra.Command) []*cobra.Command {
	var subs []*cobra.Command
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "completion" && sub.Name() != "help" {
			subs = append(subs, sub)
		}
	}
	return subs
}

func pageName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".md"
}

func page(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!-- Made by `make docs` from cmd/cargo-cow; edits are lost. -->\n\n# %s\n\n%s\n\n", cmd.CommandPath(), cmd.Short)
	fmt.Fprintf(&b, "    %s\n\n%s\n", cmd.UseLine(), cmd.Long)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n")
		for line := range strings.Lines(cmd.Example) {
			fmt.Fprintf(&b, "  %s", line)
		}
		fmt.Fprintln(&b)
	}
	if subs := visible(cmd); len(subs) > 0 {
		fmt.Fprintf(&b, "\n## Commands\n\n")
		for _, sub := range subs {
			fmt.Fprintf(&b, "- [%s](%s): %s\n", sub.CommandPath(), pageName(sub), sub.Short)
		}
	}
	if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(&b, "\n## Flags\n\n")
		flags.VisitAll(func(f *pflag.Flag) { writeFlag(&b, f) })
	}
	if !cmd.HasParent() {
		b.WriteString(programNotes)
	} else {
		fmt.Fprintf(&b, "\nFlags that all commands take, and the exit codes: [%s](%s).\n", cmd.Root().Name(), pageName(cmd.Root()))
	}
	return b.Bytes()
}

func writeFlag(b *bytes.Buffer, f *pflag.Flag) {
	if name, usage, ok := flagLine(f); ok {
		fmt.Fprintf(b, "- `%s`: %s\n", name, usage)
	}
}

// flagLine says how a flag is given and what it does; not ok: nothing is said of it.
func flagLine(f *pflag.Flag) (name, usage string, ok bool) {
	if f.Hidden || f.Name == "help" || f.Name == "version" {
		return "", "", false
	}
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value, usage := pflag.UnquoteUsage(f)
	if value != "" {
		name += " " + strings.ToUpper(value)
	}
	return name, usage, true
}
