// Package faultdisk is a disk for tests that does what real ones do on their bad days.
// It remembers every write and every flush, in order, and makes from any moment of that
// history the disk that a power cut then would have left: all that was flushed, and of
// what was written since any part, write by write or sector by sector. On demand it
// fails writes with an error, or stalls.
//
// A disk is a file of a FUSE file system under a loop device, with Btrfs, XFS or ext4 on
// it. It is served by a process of its own: the one of the tests starts others, and would
// wait for itself as soon as it served the files that these need. That process is the
// test binary once more, and ends with it.
//
// A disk lies in memory, as pages that are never changed, so that a copy costs one
// pointer for each page of it, and what a history keeps is what was written.
//
// Disks need root and /dev/fuse. Where these are missing the test is skipped with the
// reason, or fails if the environment variable CI is set. Tests may use disks in
// parallel; each disk is one test's.
package faultdisk
