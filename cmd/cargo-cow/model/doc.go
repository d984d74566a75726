// Package model compares a store with a model of it in memory, while several processes
// work on it at once and things go wrong. It holds tests only.
//
// # What is done
//
// A sequence is some dozen rounds. In a round up to four processes, each of them this
// test binary run once more, carry out operations on one store and three checkouts: they
// seal, extend, restore, graft, undo, switch, label, remove, prune, list, show, check,
// lease, and put into the warehouse, take from it, verify and sweep it. Each operation
// opens the store anew, as a command does. Build directories are real ones, that cargo
// built once; from then on a "build" is what cargo does as others see it: it takes
// cargo's lock, and writes a new program, with its names and its dep-info.
//
// A round may have one fault: a process is killed at a random instant or at a crash
// point; a crash point fails; the disk is full; it becomes read-only under way; all of it
// fails with EIO (XFS and ext4). Clocks jump: processes with another time of day than the
// machine's, and times of the store's files far in the past and the future.
//
// # What is checked
//
// After each round everything is read. What the operations have answered, and what is
// there then, must have an explanation: an order of steps, each of them at one instant
// between the beginning and the end of its operation, in which the model gives the same
// answers and the same end. Operations that overlap may be in any order; one that ended
// before another began comes first. The steps are
//
//   - one for snapshot, undo, graft, show and build;
//   - two for restore, extend and label: a layer is chosen, and from then on leased; then
//     it shows. So the layer of a restore is one that was there at one instant, and is
//     there until the end of the restore;
//   - for a removal: the layer is taken out of use, which a lease forbids; then it is gone.
//     A removal of several is as many, after the one that chooses;
//   - list and the plan of a prune begin and end: what was there all the while is in them,
//     and nothing that was there at no time. A label is one that the layer had meanwhile.
//
// All operations on one build directory but builds exclude each other from their first
// step to their last. An operation that was killed, or failed for the fault of its round,
// may have ended after any step. Any other error must be true: "not found" where the
// layer was there all the time, "in use" where nobody uses it, "busy" where nobody builds
// fail the test.
//
// Besides, whatever the order: each layer has the content, with modes, times, links and
// hard links, of the build directory it was sealed from, and is the same byte for byte
// as long as it is there. A build directory has the content of what put it there; of a
// restore all but what it has to correct (fingerprints, dep-info, times). What undo
// brings back is what it was. Every layer has a record with its label and parent, every
// record a layer; nothing half made is left. Check finds nothing. The warehouse never
// gives other bytes than were put, and gives what was put.
//
// What is not checked: which of several layers a restore without a name prefers, what
// cargo then rebuilds (package soundness), power cuts (package survival).
//
// A failure prints its seed and the operations, tries to find fewer that fail as well,
// and can be repeated with CARGO_COW_TEST_SEED as far as the machine schedules its
// processes alike. Tests run in parallel; each has a file system of its own.
package model
