// Package pooled tests what a pool is for: on a machine with ext4 an unprivileged user's
// worktrees and clones in it are warm, and nothing else of daily work is other than elsewhere.
//
// The tests run in a mount namespace of their own, with an /etc of their own: they make pools
// as a user does, by the command, which writes to /etc/fstab.
package pooled
