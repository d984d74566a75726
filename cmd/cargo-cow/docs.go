package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newDocs is for this project's own use: it writes the pages of docs/cli.
func newDocs(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write the command-line reference as Markdown",
		Hidden: true,
		Args:   exactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return writeDocs(root, args[0]) },
	}
}

func writeDocs(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write pages: %w", err)
	}
	for name, text := range docPages(root) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	return nil
}

// docPages renders a page for each command that is not hidden, by file name.
func docPages(root *cobra.Command) map[string][]byte {
	pages := map[string][]byte{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		pages[docName(cmd)] = docPage(cmd)
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

func docName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".md"
}

func docPage(cmd *cobra.Command) []byte {
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
			fmt.Fprintf(&b, "- [%s](%s): %s\n", sub.CommandPath(), docName(sub), sub.Short)
		}
	}
	if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(&b, "\n## Flags\n\n")
		flags.VisitAll(func(f *pflag.Flag) { writeFlag(&b, f) })
	}
	if !cmd.HasParent() {
		b.WriteString(rootNotes)
	} else {
		fmt.Fprintf(&b, "\nFlags that all commands take, and the exit codes: [%s](%s).\n", cmd.Root().Name(), docName(cmd.Root()))
	}
	return b.Bytes()
}

func writeFlag(b *bytes.Buffer, f *pflag.Flag) {
	if f.Hidden || f.Name == "help" || f.Name == "version" {
		return
	}
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value, usage := pflag.UnquoteUsage(f)
	if value != "" {
		name += " " + strings.ToUpper(value)
	}
	fmt.Fprintf(b, "- `%s`: %s\n", name, usage)
}

// rootNotes end the page of the program itself.
const rootNotes = `
## Output

Results go to stdout, everything else to stderr. With ` + "`--json`" + ` a result is one
JSON object a line; its first field, ` + "`reason`" + `, says what it is. Fields are added
over time, never changed or removed.

| reason | what it says |
|---|---|
| ` + "`init`" + ` | the build directory (` + "`build_dir`" + `), the store and its driver; whether it was a tree already, or taken over |
| ` + "`snapshot`" + ` | the layer, whether it is new (` + "`created`" + `), its units, how many of them (` + "`dirty`" + `) are rebuilt anywhere |
| ` + "`restore`" + ` | the layer, the units kept, to be rebuilt and retagged; a ` + "`unit`" + ` line for each to be rebuilt comes before |
| ` + "`unit`" + ` | a unit, its verdict, the rule and the detail that decided, the units that are the cause |
| ` + "`layer`" + ` | the record of a layer; with ` + "`list --graph`" + `, whether the build directory was made from it (` + "`here`" + `); with ` + "`list`" + `, its ` + "`size`" + ` by itself |
| ` + "`package`" + ` | what a layer holds of a package: units, ` + "`cost_ms`" + ` (0 where not measured), ` + "`size`" + ` in bytes |
| ` + "`contents`" + ` | the same of all packages, and the sizes of what is no unit's |
| ` + "`fingerprint`" + ` | a dependency-set fingerprint and its ingredients, of a ` + "`layer`" + ` or of the checkout |
| ` + "`difference`, `diff`" + ` | one thing in which two fingerprints differ (` + "`unseen`" + `: Cargo does not look at it); how many there are |
| ` + "`label`" + ` | the record of a layer as it is called now, and whether that ` + "`changed`" + ` |
| ` + "`remove`" + ` | the record of a layer that was removed |
| ` + "`remove-store`" + ` | the store that was removed, how many layers it had, how many of them labelled |
| ` + "`plan`" + ` | a layer, its ` + "`last_use`" + `, whether prune is to ` + "`remove`" + ` it, and ` + "`why`" + `: gone, unused, surplus, space; leased, labelled, recent, last, unmatched |
| ` + "`prune`" + ` | how many layers were removed and kept, and how many could not be removed |
| ` + "`plan-record`" + ` | a record of the warehouse, whether prune is to ` + "`remove`" + ` it, what that ` + "`frees`" + ` after those before it, and ` + "`why`" + `: nowhere, unused, space; recent, unmatched |
| ` + "`prune-warehouse`" + ` | how many records, files and leftovers were removed from the warehouse, the bytes that ` + "`frees`" + `; if not ` + "`exact`" + `, at most; ` + "`lacking`" + `: how many more were asked for |
| ` + "`record`" + ` | a record of the warehouse: its key, where it was made and serves, ` + "`where`" + ` its files lie (loose, layer, built, gone); with ` + "`warehouse show`" + ` each file and input |
| ` + "`ingredient`" + ` | one thing that a record's key is made of: an ingredient, an input, a variable or a library (` + "`kind`" + `) |
| ` + "`damage`, `verify`" + ` | something damaged in the warehouse, and whether it was removed; what was looked at |
| ` + "`miss`" + ` | a call of rustc that was not answered: ` + "`kind`" + ` (missed, compiled, refused), ` + "`why`, `detail`" + ` |
| ` + "`stats`, `stats-why`" + ` | what became of all calls, time in ms and bytes; how many were compiled for one reason |
| ` + "`undo`, `status`, `hook`" + ` | how things are |
| ` + "`wrapper`" + ` | whether cargo goes by the wrapper here (` + "`enabled`" + `), all ` + "`settings`" + ` that name one, what cargo goes by first, and whether it can work here (` + "`views`" + `) |
| ` + "`check`" + ` | a problem and whether it was repaired, or ` + "`clean`" + ` |
| ` + "`error`" + ` | the message, the help and the exit code |

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | error |
| 2 | the command line makes no sense |
| 3 | done in part |
| 4 | no such layer, record or call, no layer that fits, nothing to undo |
| 5 | cargo is using the build directory, or a restore the layer |
| 130 | interrupted |

` + "`cargo cow run`" + ` returns the code of the command it runs.

## Environment

- ` + "`CARGO_COW_STORE`" + `: where layers are kept, for one command; ` + "`--store`" + ` goes before it.
- ` + "`CARGO_TERM_COLOR`, `CARGO_TERM_QUIET`, `CARGO_TERM_VERBOSE`, `NO_COLOR`, `CLICOLOR_FORCE`" + `: as for cargo.

## Configuration

` + "`$XDG_CONFIG_HOME/cargo-cow/config.yaml`" + ` is the user's, ` + "`.cargo-cow.yaml`" + ` in the
workspace (or in a directory of it) the project's. An unknown key is an error.

| key | where | meaning |
|---|---|---|
| ` + "`store`" + ` | user | absolute path of the store of all repositories that were not given their own, by ` + "`init --store`" + ` |
| ` + "`warm`" + ` | user | restore reads ahead, in the background, what the first build after an edit will read: that build is quicker where the disk is slow, and each worktree takes its share of the page cache |
| ` + "`strict`" + ` | user, project | rebuild every unit that mentions the place it was built in |
| ` + "`pure_macros`" + ` | user, project | list of procedural macros known to read no files: ` + "`name`, `from`, `below`" + ` (versions) |
| ` + "`inputs`" + ` | user, project | globs of files outside a package that its build script or macros read |
| ` + "`compile_in_place`" + ` | user, project | crates, as rustc calls them, that the wrapper always compiles where they lie: those whose macros bake the directory they run in into the program |
| ` + "`ignore`" + ` | user, project | globs of files that are never an input |
`
