package manual

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func program() *cobra.Command {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "prog", Short: "Do things", Long: "Does things.", Run: run}
	root.PersistentFlags().StringP("directory", "C", "", "work as if started in `DIR`")
	seal := &cobra.Command{Use: "seal [flags] LAYER", Short: "Seal it", Long: "Seals it.", Example: "  prog seal x", Run: run}
	seal.Flags().Bool("background", false, "for this program only")
	_ = seal.Flags().MarkHidden("background")
	seal.Flags().String("label", "", "call it `name`")
	store := &cobra.Command{Use: "store", Short: "Look at the store", Long: "Looks.", Run: run}
	store.AddCommand(&cobra.Command{Use: "list", Short: "List it", Long: "Lists it.", Run: run})
	root.AddCommand(seal, store, &cobra.Command{Use: "docs DIR", Short: "Write this", Hidden: true, Run: run})
	return root
}

func TestPages(t *testing.T) {
	pages := Pages(program())
	want := []string{"prog-seal.md", "prog-store-list.md", "prog-store.md", "prog.md"}
	if names := slices.Sorted(maps.Keys(pages)); !slices.Equal(names, want) {
		t.Errorf("pages %q, want %q", names, want)
	}
	for name, tt := range map[string]struct{ has, hasNot []string }{
		"prog.md": {
			[]string{"- [prog seal](prog-seal.md): Seal it\n", "- [prog store](prog-store.md): ", "- `-C, --directory DIR`: work as if started in DIR\n", "## Exit codes"},
			[]string{"prog-docs", "prog store list"},
		},
		"prog-seal.md": {
			[]string{"# prog seal\n\nSeal it\n\n    prog seal [flags] LAYER\n\nSeals it.\n", "## Examples\n\n    prog seal x\n", "- `--label NAME`: call it name\n", "[prog](prog.md)"},
			[]string{"background", "--help", "--directory", "## Exit codes"},
		},
		"prog-store.md": {[]string{"- [prog store list](prog-store-list.md): List it\n"}, nil},
	} {
		text := string(pages[name])
		for _, s := range tt.has {
			if !strings.Contains(text, s) {
				t.Errorf("%s lacks %q:\n%s", name, s, text)
			}
		}
		for _, s := range tt.hasNot {
			if strings.Contains(text, s) {
				t.Errorf("%s has %q:\n%s", name, s, text)
			}
		}
	}
}
