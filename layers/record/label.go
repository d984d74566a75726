package record

import (
	"fmt"
	"os"
	"path/filepath"

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

// relabel gives records the labels that their layers were given later.
func (rs Records) relabel(list []Record) {
	given, err := ls.Names(filepath.Join(rs.store, LabelsDir))
	if err != nil || len(given) == 0 {
		return
	}
	for i := range list {
		rs.Relabel(&list[i])
	}
}

// Relabel gives a record the label that its layer was given later.
func (rs Records) Relabel(r *Record) {
	if label, err := regular.Read(rs.labelPath(r.ID)); err == nil {
		r.Label = string(label)
	}
}

// ForgetLabel removes what a layer that is gone was called.
func (rs Records) ForgetLabel(id string) error {
	if err := removal.File(rs.labelPath(id)); err != nil {
		return fmt.Errorf("forget label: %w", err)
	}
	return nil
}
