package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"slices"
)

func (r release) archive(p platform) string {
	return "cargo-cow-" + r.version + "-" + p.triple + ".tar.gz"
}

// writeArchive writes files that are unpacked into /usr/local. It has no entries for directories: those that are there
// keep their modes and owners.
func (r release) writeArchive(path string, files []file) error {
	packed, err := os.Create(path)
	if err != nil {
		return err
	}
	zipped := gzip.NewWriter(packed)
	archive := tar.NewWriter(zipped)
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	for _, f := range files {
		// By number: the names that 0 has are not the same everywhere.
		header := &tar.Header{Name: f.path, Mode: int64(f.mode), Size: int64(len(f.data)), ModTime: r.date, Format: tar.FormatUSTAR}
		if err = archive.WriteHeader(header); err == nil {
			_, err = archive.Write(f.data)
		}
		if err != nil {
			break
		}
	}
	if err := errors.Join(err, archive.Close(), zipped.Close(), packed.Close()); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// compressed is what gzip -9n makes.
func compressed(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}
