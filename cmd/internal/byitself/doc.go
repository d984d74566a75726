// Package byitself does what nobody types a command for: it restores a build directory before
// cargo makes it (New), has what a sibling checkout has built sealed first (SealSibling), and
// begins what follows each restore (After).
//
// None of it is part of what a command promises: where it cannot be done, a build takes longer.
// Nothing is said; New keeps an account instead (layers/unasked). Any number of processes may
// do all of this at once: of those that find the same sibling one seals it, and the others wait
// for it; of those that find the same build directory missing one restores it.
package byitself
