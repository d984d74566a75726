package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

// fill writes a file of so many random bytes, which no compression makes less.
func fill(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte{1})
	block := make([]byte, 1<<20)
	for at := int64(0); err == nil && at < size; at += int64(len(block)) {
		if _, err = random.Read(block); err == nil {
			_, err = file.Write(block)
		}
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// scatter makes a file of so many bytes of pieces of another, each from somewhere else in it, without writing any: it refers
// to them.
func scatter(path, source string, size, piece int64) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	places := rand.New(rand.NewPCG(2, uint64(piece))).Perm(int(info.Size() / piece))
	for i := range size / piece {
		r := unix.FileCloneRange{Src_fd: int64(from.Fd()), Src_offset: uint64(places[i]) * uint64(piece), Src_length: uint64(piece), Dest_offset: uint64(i * piece)}
		if err := unix.IoctlFileCloneRange(int(to.Fd()), &r); err != nil {
			return fmt.Errorf("scatter %s: %w", path, err)
		}
	}
	return to.Sync()
}
