package report

import (
	"time"

	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// RecordJSON is what all commands say of a record of the warehouse.
type RecordJSON struct {
	Key         string             `json:"key"`
	Unit        string             `json:"unit"`
	Crate       string             `json:"crate"`
	LastUse     time.Time          `json:"last_use"`
	Cost        int64              `json:"cost_ms"`
	Size        int64              `json:"size"`  // of its files
	Where       warehouse.Location `json:"where"` // the file that is worst off
	Bound       string             `json:"bound"`
	Dir         string             `json:"made_in"`
	OutDir      string             `json:"made_to"`
	Incremental bool               `json:"incremental,omitempty"`
}

// NewRecordJSON is what is said of e.
func NewRecordJSON(e *warehouse.Entry) RecordJSON {
	return RecordJSON{
		e.Key, e.Unit, warehouse.Crate(e.Unit), e.Used, e.Cost.Milliseconds(), e.Size(), e.Location(), string(e.Portability), e.Dir, e.OutDir, e.Incremental,
	}
}
