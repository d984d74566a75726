//go:build !linux

package mounts

import "errors"

// Of fails: this system is not asked.
func Of(string) (Mount, error) { return Mount{}, errors.ErrUnsupported }

// Backing is "": this system is not asked.
func (Mount) Backing() string { return "" }

// Size is 0: this system is not asked.
func (Mount) Size() int64 { return 0 }
