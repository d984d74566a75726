package main

import (
	"context"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/asking"
	"github.com/cargo-cow/cargo-cow/cmd/internal/asroot"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/planning"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pooling"
	"github.com/cargo-cow/cargo-cow/cmd/internal/storing"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/driver"
)

// run is the whole program: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	if asking.Asked(environ) {
		return asking.Answer(args, environ, stdout, stderr)
	}
	if planning.Asked(environ) {
		return planning.Answer(args, environ, stderr)
	}
	// Cargo passes the name of the subcommand on: `cargo cow x` runs `cargo-cow cow x`.
	if len(args) > 0 && args[0] == "cow" {
		args = args[1:]
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, environ: environ}
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	err = exit.UsageOf(cmd, err)
	if a.term == nil { // the flags were not understood
		a.term, _ = ui.New(stdout, stderr, environ, ui.Options{JSON: slices.Contains(args, "--json")})
	}
	return exit.With(ctx, a.term, err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "cargo-cow [flags] COMMAND",
		Short: "Warm build directories for new checkouts of Rust projects",
		Long: `cargo-cow keeps the build directories of Rust checkouts the way image stores
keep images: a snapshot seals one as a read-only layer, and a restore makes a
writable one from the layer that fits best. Plain cargo then rebuilds only what
differs in the new checkout.`,
		Example: `  cargo cow enable                                       once a machine
  git worktree add ../fix && cd ../fix && cargo build    compiles what differs there`,
		Version:               programVersion(),
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args:                  exit.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			if a.term, err = ui.New(a.stdout, a.stderr, a.environ, a.screen); err != nil {
				return exit.Usage(err)
			}
			cmd.SetContext(driver.TellCopied(cmd.Context(), a.term.Progress("Copying")))
			// Cobra does so later, and calls it no error of usage.
			if err := cmd.ValidateFlagGroups(); err != nil {
				return exit.Usage(err)
			}
			words := strings.Fields(cmd.CommandPath())[1:]
			a.environ, err = asroot.Enter(words, a.dir, a.environ)
			if hook := cmd.Flags().Lookup("hook"); err != nil && cmd.Name() == "restore" && hook.Changed {
				a.term.HookLine(err.Error()) // git's checkout does not fail for it
				return exit.Silently(exit.Done)
			}
			return err
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.Usage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true

	root.SetUsageTemplate(usageTemplate)

	f := root.PersistentFlags()
	f.StringVarP(&a.dir, "directory", "C", "", "work as if started in `DIR`")
	f.StringVar(&a.store, "store", "", "use the store in `DIR` for this command (default: CARGO_COW_STORE, or the store that init chose)")
	f.BoolVar(&a.screen.JSON, "json", false, "print results as JSON lines")
	f.BoolVarP(&a.screen.Quiet, "quiet", "q", false, "print only results, warnings and errors")
	f.BoolVarP(&a.screen.Verbose, "verbose", "v", false, "print details")
	f.StringVar(&a.screen.Color, "color", "", "colour the output: `WHEN` is auto, always or never")

	root.SuggestionsMinimumDistance = 2
	addCommands(a, root)
	strictHelp(root)
	return root
}

// group is what commands have in common.
type group struct {
	id, title string
	commands  []*cobra.Command
}

// addCommands adds all commands, each in its group. The hidden ones are this program's own.
func addCommands(a *app, root *cobra.Command) {
	pool := pooling.Command(func() pooling.Pooling { return pooling.Pooling{Environ: a.environ, Term: a.term} }, a.path)
	store := storing.Command(a.storing, a.path)
	for _, g := range []group{
		{"daily", "Every day:", []*cobra.Command{
			newRestore(a), newSnapshot(a), newRun(a), newSwitch(a), newFork(a), newUndo(a), newGraft(a),
		}},
		{"looking", "Looking:", []*cobra.Command{
			newStatus(a), newExplain(a), newList(a), newShow(a), newDiff(a), newStats(a), newWhyMiss(a), newVerify(a),
		}},
		{"space", "Space:", []*cobra.Command{
			newDu(a), newPrune(a), newRm(a), newLabel(a), newPin(a), newUnpin(a), newScan(a), newAdopt(a), newDedupe(a),
		}},
		{"machine", "Machine:", []*cobra.Command{
			newEnable(a), newDisable(a), newInit(a), newHook(a), newWrapper(a), newWarehouse(a), store, pool, newDoctor(a), newCheck(a), newWarm(a), newDocs(root), newShare(root),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
		}
		root.AddCommand(g.commands...)
	}
	root.SetHelpCommandGroupID("looking")
	root.SetCompletionCommandGroupID("machine")
}

// strictHelp makes help about a command that there is not an error, as the command is;
// cobra's prints the help of the program and is content.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	help.Run = nil
	help.RunE = func(_ *cobra.Command, args []string) error {
		about, rest, err := root.Find(args)
		if err != nil {
			about, rest = root, args
		}
		if len(rest) > 0 {
			return exit.UsageOf(about, exit.NoArgs(about, rest))
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	}
}

// usageTemplate is cobra's, with examples first, and with one line of usage: cobra has two
// for a command with subcommands.
var usageTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}` + strings.NewReplacer(cobraExamples, "", cobraUsage,
	"\n  {{if .HasAvailableSubCommands}}{{.CommandPath}} [flags] COMMAND{{else}}{{.UseLine}}{{end}}",
).Replace(new(cobra.Command).UsageTemplate())

const cobraExamples = `{{if .HasExample}}

Examples:
{{.Example}}{{end}}`

const cobraUsage = `{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}`
