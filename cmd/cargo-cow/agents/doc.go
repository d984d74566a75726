// Package agents has the tests of docs/agents.md, with real cargos on a real Btrfs: editors and
// coding agents that make working trees, and build in them, in their own ways. Each recipe is
// done as far as it can be without the product that it is for: with the commands that it runs,
// and the files and mounts that it makes. Nothing is typed but cargo, and cargo itself says what
// it has found fresh. Each test has a file system and a world of its own.
package agents
