package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// version is set by releases (-ldflags -X); otherwise the module's is used.
var version = ""

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "(devel)"
}

// app is what all commands share: the streams, the environment and the flags
// that every command takes.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string

	dir, store string
	screen     ui.Options
	term       *ui.Terminal // set before a command runs
}

// run is the whole program: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	if planning(environ) {
		return answerPlanning(args, environ)
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
	if usage, ok := err.(usageError); ok && !errors.As(err, new(commandError)) {
		err = usageError{commandError{usage.error, cmd}}
	}
	if a.term == nil { // the flags were not understood
		a.term, _ = ui.New(stdout, stderr, environ, ui.Options{JSON: slices.Contains(args, "--json")})
	}
	return a.exit(ctx, err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "cargo-cow [flags] COMMAND",
		Short: "Warm build directories for new checkouts of Rust projects",
		Long: `cargo-cow keeps the build directories of Rust checkouts the way image stores
keep images: a snapshot seals one as a read-only layer, a restore makes a
writable one from the layer that fits best. Plain cargo then rebuilds what
differs in the new place, and nothing else.`,
		Example: `  cargo cow init --hook                 once in a repository
  cargo build && cargo cow snapshot     after a green build
  git worktree add ../fix               the hook restores there`,
		Version:               programVersion(),
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args:                  noArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			if a.term, err = ui.New(a.stdout, a.stderr, a.environ, a.screen); err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true

	root.SetUsageTemplate(usageTemplate)

	f := root.PersistentFlags()
	f.StringVarP(&a.dir, "directory", "C", "", "work as if started in `DIR`")
	f.StringVar(&a.store, "store", "", "keep layers in `DIR`, for this command (else CARGO_COW_STORE, else what init chose)")
	f.BoolVar(&a.screen.JSON, "json", false, "print results as JSON lines")
	f.BoolVarP(&a.screen.Quiet, "quiet", "q", false, "print only results, warnings and errors")
	f.BoolVarP(&a.screen.Verbose, "verbose", "v", false, "print details")
	f.StringVar(&a.screen.Color, "color", "", "colour the output: `WHEN` is auto, always or never")

	root.SuggestionsMinimumDistance = 2
	root.AddCommand(newInit(a), newSnapshot(a), newRun(a), newRestore(a), newGraft(a), newSwitch(a), newUndo(a),
		newStatus(a), newList(a), newShow(a), newDiff(a), newLabel(a), newRm(a), newPrune(a), newExplain(a), newCheck(a), newHook(a),
		newWrapper(a), newWarehouse(a), newWhyMiss(a), newStats(a), newWarm(a), newDocs(root))
	strictHelp(root)
	return root
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
			return usageError{commandError{noArgs(about, rest), about}}
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	}
}

// usageTemplate is cobra's, with one line of usage: cobra has two for a command with
// subcommands.
var usageTemplate = strings.Replace(new(cobra.Command).UsageTemplate(), cobraUsage, "\n  {{if .HasAvailableSubCommands}}{{.CommandPath}} [flags] COMMAND{{else}}{{.UseLine}}{{end}}", 1)

const cobraUsage = `{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}`

// noArgs and exactArgs make a wrong number of arguments a usage error.
func noArgs(cmd *cobra.Command, args []string) error { return exactArgs(0)(cmd, args) }

func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > n && cmd.HasSubCommands():
			err := fmt.Errorf("run %s %s: no such command", cmd.CommandPath(), args[0])
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				return usageError{&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " " + like[0] + "`?"}}
			}
			return usageError{err}
		case len(args) > n:
			err := fmt.Errorf("run %s: unexpected argument %q", cmd.CommandPath(), args[n])
			if cmd.Flags().Lookup("from") != nil { // which takes a layer
				return usageError{&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " --from " + args[n] + "`?"}}
			}
			return usageError{err}
		case len(args) < n:
			return usageError{fmt.Errorf("run %s: argument missing, want %s", cmd.CommandPath(), cmd.UseLine())}
		}
		return nil
	}
}

func (a *app) session() (*open.Session, error) {
	return open.New(open.Options{
		Dir: a.dir, Store: a.store, Environ: a.environ, Tool: "cargo-cow " + programVersion(),
	})
}

// opened is a checkout with its store.
type opened struct {
	*open.Session
	place *layers.Checkout
	store *layers.Store
}

// open finds the checkout and the store that is there already.
func (a *app) open(ctx context.Context) (*opened, error) {
	return a.openWith(ctx, (*open.Session).Place)
}

// openUnresolved is open for what needs no lockfile.
func (a *app) openUnresolved(ctx context.Context) (*opened, error) {
	return a.openWith(ctx, (*open.Session).Unresolved)
}

func (a *app) openWith(ctx context.Context, place func(*open.Session, context.Context) (*layers.Checkout, error)) (*opened, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	p, err := place(s, ctx)
	if err != nil {
		return nil, err
	}
	st, err := s.Store(ctx, p)
	if err != nil {
		return nil, err
	}
	return &opened{s, p, st}, nil
}

// resolve has cargo make the lockfile that a checkout lacks, for what goes on to a
// build: which layer fits shows by it.
func (a *app) resolve(ctx context.Context, w *opened, hook bool) (err error) {
	if w.place.Fingerprint != nil {
		return nil
	}
	resolved, err := w.Resolve(ctx, hook)
	if err != nil {
		return err
	}
	if resolved && !hook {
		a.term.Status("Resolved", "the dependencies, by cargo: there was no Cargo.lock")
	}
	w.place, err = w.Place(ctx)
	return err
}
