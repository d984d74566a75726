package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// A cachedCall is a call that is answered from the warehouse, or recorded there when it
// was compiled.
type cachedCall struct {
	*rustc.Call
	env       []string
	viewed    *viewedCall // nil where no restore was
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

// newCachedCall returns nil where there is no store, or the call is of a kind that the
// warehouse cannot answer.
func newCachedCall(call *rustc.Call, env []string, v *viewedCall) *cachedCall {
	store := findStore(call.OutDir, env)
	if store == "" {
		return nil
	}
	cwd, err := getcwd()
	if err != nil {
		return nil
	}
	c := &cachedCall{Call: call, env: env, viewed: v, warehouse: warehouse.In(store), began: coarse()}
	inPlace := v != nil && v.handoff.InPlace(call.Crate)
	c.request, err = rustc.NewRequest(call, rustc.Context{Dir: cwd, Environ: env, InPlace: inPlace, Wrapper: chain.Next(os.Args[0])})
	if err != nil {
		c.warehouse.Note(warehouse.Event{Kind: warehouse.Refused, Unit: call.Title(), Err: err})
		return nil
	}
	return c
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
