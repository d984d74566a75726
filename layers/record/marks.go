package record

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// LabelsDir holds what layers are called that were given another label than they were
// sealed with: a file for each, with the label, empty where it was taken away. What
// was sealed stays as it is, and whoever reads records looks here as well.
const LabelsDir = paths.StoreLabels

func (rs Records) labelPath(id string) string { return filepath.Join(rs.store, LabelsDir, id) }

// SetLabel gives a layer a label, or takes it away with "". A label protects: it is on
// the disk when this returns.
func (rs Records) SetLabel(id, label string) error {
	if err := os.MkdirAll(filepath.Join(rs.store, LabelsDir), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(rs.labelPath(id), []byte(label), 0o600)
}

// PinsDir holds an empty file for each layer that is pinned.
const PinsDir = paths.StorePins

func (rs Records) pinPath(id string) string { return filepath.Join(rs.store, PinsDir, id) }

// SetPinned pins a layer, or unpins it. A pin protects: it is on the disk when this
// returns.
func (rs Records) SetPinned(id string, pinned bool) error {
	if !pinned {
		return removal.File(rs.pinPath(id))
	}
	if err := os.MkdirAll(filepath.Join(rs.store, PinsDir), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(rs.pinPath(id), nil, 0o600)
}

// Pinned reports whether a layer is pinned. In doubt it is.
func (rs Records) Pinned(id string) bool {
	_, err := os.Lstat(rs.pinPath(id))
	return !errors.Is(err, fs.ErrNotExist)
}

// AutomaticDir holds an empty file for each layer that was sealed without being asked for. One
// that is lost leaves a layer that stays as long as those that were asked for.
const AutomaticDir = paths.StoreAutomatic

func (rs Records) automaticPath(id string) string { return filepath.Join(rs.store, AutomaticDir, id) }

// SetAutomatic notes that a layer was sealed without being asked for, or that somebody has
// asked for it since.
func (rs Records) SetAutomatic(id string, automatic bool) error {
	if !automatic {
		return removal.File(rs.automaticPath(id))
	}
	if err := os.MkdirAll(filepath.Join(rs.store, AutomaticDir), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(rs.automaticPath(id), nil, 0o600)
}

// remark gives records what their layers were marked with later.
func (rs Records) remark(list []Record) {
	for _, dir := range []string{LabelsDir, PinsDir, AutomaticDir} {
		if given, err := ls.Names(filepath.Join(rs.store, dir)); err == nil && len(given) > 0 {
			for i := range list {
				rs.Remark(&list[i])
			}
			return
		}
	}
}

// Remark gives a record what its layer was marked with later: a label, a pin, that nobody
// has asked for it.
func (rs Records) Remark(r *Record) {
	if label, err := regular.Read(rs.labelPath(r.ID)); err == nil {
		r.Label = string(label)
	}
	r.Pinned = rs.Pinned(r.ID)
	_, err := os.Lstat(rs.automaticPath(r.ID))
	r.Automatic = err == nil
}

// ForgetMarks removes what a layer that is gone was marked with.
func (rs Records) ForgetMarks(id string) error {
	if err := errors.Join(removal.File(rs.labelPath(id)), removal.File(rs.pinPath(id)), removal.File(rs.automaticPath(id))); err != nil {
		return fmt.Errorf("forget marks: %w", err)
	}
	return nil
}

// CheckLabel refuses labels that could not be told from another way to name a layer.
func CheckLabel(label string) error {
	switch {
	case label == "":
		return nil
	case label == "latest":
		return errors.New(`use label "latest": it stands for the newest layer`)
	case strings.TrimSpace(label) != label || strings.IndexFunc(label, unicode.IsControl) >= 0:
		return fmt.Errorf("use label %q: it begins or ends with a space or has control characters", label)
	case len(label) >= 4 && isHex(label):
		return fmt.Errorf("use label %q: it reads like the id of a layer", label)
	}
	return nil
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s + strings.Repeat("0", len(s)%2))
	return err == nil
}
