package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// A service answers a call from the warehouse, or records what it compiles.
type service struct {
	*rustc.Call
	env       []string
	job       *job // nil where no restore was
	warehouse *warehouse.Warehouse
	request   *rustc.Request
	missed    *warehouse.Miss
	// cold: the unit was not compiled here before. What is compiled so is worth a place
	// in the warehouse; the outputs of one edit after the other are not: each would
	// have to be on the disk before it can be shared.
	cold      bool
	began     time.Time
	started   time.Time
	artifacts []rustc.Artifact
	messages  []string
}

// newService returns nil where there is no store, or the call is of a kind that the
// warehouse cannot answer.
func newService(c *rustc.Call, env []string, j *job) *service {
	store := findStore(c.OutDir, env)
	if store == "" {
		return nil
	}
	cwd, err := getcwd()
	if err != nil {
		return nil
	}
	s := &service{Call: c, env: env, job: j, warehouse: warehouse.In(store), began: coarse()}
	inPlace := j != nil && j.place.InPlace(c.Crate)
	s.request, err = rustc.NewRequest(c, rustc.Context{Dir: cwd, Environ: env, InPlace: inPlace, Wrapper: chain.Next(os.Args[0])})
	if err != nil {
		s.warehouse.Note(warehouse.Event{Kind: warehouse.Refused, Unit: c.Title(), Err: err})
		return nil
	}
	return s
}

// coarse is the clock by which the kernel stamps files: what is changed after a
// look at it has no earlier time.
func coarse() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return time.Time{} // everything is newer
	}
	return time.Unix(ts.Unix())
}
