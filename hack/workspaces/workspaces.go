// Package workspaces writes projects of ten members and more, as people have them:
// for tests that ask what becomes of whole projects. Most stand on published crates;
// these are resolved by cargo, so the first build of one needs the network.
//
// What it returns is the caller's.
package workspaces

// All returns every workspace, the smallest first.
func All() []*Workspace { return []*Workspace{Small(), Web(), RPC(), Data()} }
