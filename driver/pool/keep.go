package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// A Keeper is what mounts the pool again when the machine starts.
type Keeper string

// The keepers.
const (
	Systemd Keeper = "systemd"
	Fstab   Keeper = "fstab"
	Nobody  Keeper = ""
)

// File is one that is to be written, or a part of one.
type File struct {
	Path string
	Text string
	// Part: the text is added to what is there.
	Part bool
}

func (p Pool) config(names ...string) string {
	etc := p.etc
	if etc == "" {
		etc = "/etc"
	}
	return filepath.Join(append([]string{etc}, names...)...)
}

// unit is the name that systemd wants of the unit of a mount point (systemd.unit(5), "String
// Escaping for Inclusion in Unit Names").
func (p Pool) unit() string {
	var b strings.Builder
	for i, c := range []byte(strings.Trim(p.Mount, "/")) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ':' || c == '_' || c == '.' && i > 0
		switch {
		case c == '/':
			b.WriteByte('-')
		case plain:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String() + ".mount"
}

// directUnit is of a service that has the loop device pass the host's page cache by: mount(8)
// cannot (util-linux 2.40).
const directUnit = "cargo-cow-pool-direct.service"

// ByHand are the files by which a keeper mounts an image, and the commands that have it know.
func (p Pool) ByHand(image string, k Keeper) (files []File, commands [][]string) {
	if k != Systemd {
		line := fmt.Sprintf("%s %s btrfs loop,%s,nofail 0 0\n", fstabWord(image), fstabWord(p.Mount), Options)
		return []File{{p.config("fstab"), line, true}}, nil
	}
	mount := fmt.Sprintf(`[Unit]
Description=Pool of Rust checkouts (cargo-cow)
RequiresMountsFor=%s

[Mount]
What=%s
Where=%s
Type=btrfs
Options=loop,%s

[Install]
WantedBy=multi-user.target
`, unitWord(filepath.Dir(image)), unitWord(image), unitWord(p.Mount), Options)
	direct := fmt.Sprintf(`[Unit]
Description=No second page cache for the pool of Rust checkouts (cargo-cow)
BindsTo=%[1]s
After=%[1]s

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'losetup --direct-io=on "$$(findmnt -no SOURCE "$$0")"' %[2]s

[Install]
WantedBy=%[1]s
`, p.unit(), unitWord(p.Mount))
	return []File{
			{p.config("systemd/system", p.unit()), mount, false},
			{p.config("systemd/system", directUnit), direct, false},
		}, [][]string{
			{"systemctl", "daemon-reload"},
			{"systemctl", "enable", directUnit, p.unit()},
		}
}

// fstabWord is a name as fstab(5) has it.
func fstabWord(name string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`, "#", `\043`).Replace(name)
}

// unitWord is a name as a unit has it: a percent sign is said twice, and what is odd is quoted.
func unitWord(name string) string {
	word := strings.ReplaceAll(name, "%", "%%")
	if strings.ContainsAny(word, " \t\"'\\") {
		word = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
	}
	return word
}

// Here is the keeper that this system has.
func (p Pool) Here() Keeper {
	if _, err := os.Stat("/run/systemd/system"); err == nil && p.etc == "" {
		return Systemd
	}
	return Fstab
}

// kept finds who keeps the pool, and which image it is.
func (p Pool) kept() (image string, k Keeper) {
	if text, err := os.ReadFile(p.config("systemd/system", p.unit())); err == nil {
		for line := range strings.Lines(string(text)) {
			if what, ok := strings.CutPrefix(strings.TrimSpace(line), "What="); ok {
				return unquoteUnit(what), Systemd
			}
		}
	}
	text, err := os.ReadFile(p.config("fstab"))
	if err != nil {
		return "", Nobody
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && !strings.HasPrefix(f[0], "#") && mounts.Unescape(f[1]) == p.Mount {
			return mounts.Unescape(f[0]), Fstab
		}
	}
	return "", Nobody
}

func unquoteUnit(word string) string {
	if len(word) > 1 && word[0] == '"' {
		word = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.Trim(word, `"`))
	}
	return strings.ReplaceAll(word, "%%", "%")
}

// image is that of the pool, "" where there is none.
func (p Pool) image() string {
	if m, ok := mountedAt(p.Mount); ok {
		if file := m.Backing(); file != "" {
			return file
		}
	}
	if image, _ := p.kept(); image != "" {
		return image
	}
	if _, err := os.Lstat(p.usualImage()); err == nil {
		return p.usualImage()
	}
	return ""
}

// keep has the pool mounted when the machine starts.
func (p Pool) keep(ctx context.Context, image string) error {
	if was, k := p.kept(); k != Nobody {
		if was != image {
			return fmt.Errorf("keep the pool: %s has %s mounted at %s", k, was, p.Mount)
		}
		return nil
	}
	files, commands := p.ByHand(image, p.Here())
	for _, f := range files {
		if err := f.write(); err != nil {
			return fmt.Errorf("keep the pool: %w", err)
		}
	}
	for _, c := range commands {
		if _, err := run(ctx, c[0], c[1:]...); err != nil {
			return fmt.Errorf("keep the pool: %w", err)
		}
	}
	return nil
}

// forget has it mounted no more.
func (p Pool) forget(ctx context.Context) error {
	_, k := p.kept()
	switch k {
	case Systemd:
		// What systemd does not know any more it cannot disable.
		_, _ = run(ctx, "systemctl", "disable", directUnit, p.unit())
		err := errors.Join(remove(p.config("systemd/system", p.unit())), remove(p.config("systemd/system", directUnit)))
		if p.Here() == Systemd {
			_, reloaded := run(ctx, "systemctl", "daemon-reload")
			err = errors.Join(err, reloaded)
		}
		return err
	case Fstab:
		path := p.config("fstab")
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var kept strings.Builder
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 2 && !strings.HasPrefix(f[0], "#") && mounts.Unescape(f[1]) == p.Mount {
				continue
			}
			kept.WriteString(line)
		}
		return replace(path, kept.String())
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f File) write() error {
	text := f.Text
	if f.Part {
		was, err := os.ReadFile(f.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(was) > 0 && was[len(was)-1] != '\n' {
			was = append(was, '\n')
		}
		text = string(was) + text
	}
	return replace(f.Path, text)
}

// replace writes a file of the system's whole, or not at all.
func replace(path, text string) error {
	mode := fs.FileMode(0o644)
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFile(filepath.Dir(path))
}
