package reflink

import "io/fs"

// Options say how CopyTree works. The zero value clones what can be cloned and
// leaves nothing out.
type Options struct {
	Mode Mode
	// Skip, unless nil, is asked for every entry, by its path relative to the
	// source; an entry for which it returns true is left out, a directory with all
	// that is in it. It is called by one goroutine at a time, and asked again for the
	// same entries where data has to be copied.
	Skip func(rel string, d fs.DirEntry) bool
	// LeftOut, unless nil, is told of every entry that cannot be copied, by its path
	// relative to the source, and why: sockets, pipes and devices ([ErrSpecial]), and
	// what the caller may not read. It is left out then, a directory with all that is
	// in it. It may be called from several goroutines at once.
	LeftOut func(rel string, why error)
	// Told, unless nil, is told how much of the data that cannot be cloned is copied, in
	// bytes, whenever there is more; of a copy that has ended, however, all is done. It may
	// be called from several goroutines at once.
	Told func(done, total int64)
}

// Stats count what CopyTree has done. Directories, symbolic links and further
// links to a file are not counted.
type Stats struct {
	Files       int   // Cloned + Copied
	Cloned      int   // files that share the extents of their source
	Copied      int   // files with extents of their own
	ClonedBytes int64 // sum of the sizes of the cloned files
	CopiedBytes int64 // sum of the sizes of the copied files
}

func (s *Stats) count(cloned bool, size int64) {
	s.Files++
	if cloned {
		s.Cloned++
		s.ClonedBytes += size
	} else {
		s.Copied++
		s.CopiedBytes += size
	}
}
