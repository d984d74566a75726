package main

import "fmt"

const small, middle, large = 1_000, 20_000, 100_000

// The things measured on targets of different sizes.
const (
	restoreSmall  = "`restore`, 1,000 files"
	restoreMiddle = "`restore`, 20,000 files"
	restoreLarge  = "`restore`, 100,000 files"
	copyMiddle    = "`cp -a --reflink=always`, 20,000 files"
	ioctlMiddle   = "bare snapshot ioctl, 20,000 files"
	sealMiddle    = "`snapshot`, 20,000 files, one new registry unit"
	syncMiddle    = "sync and bare read-only snapshot ioctl, the same"
	firstBuild    = "first `cargo build` after `restore`"
	noopBuild     = "no-op `cargo build` in the origin"
)

// sizes compares restore and snapshot with what the file system itself takes, and one size of target with another.
type sizes struct {
	subjects map[int]*subject
}

func (z *sizes) aims() []aim {
	return []aim{
		{what: restoreMiddle, against: copyMiddle, ratio: 1. / 20},
		{what: restoreMiddle, against: ioctlMiddle, ratio: 3},
		{what: restoreLarge, against: restoreSmall, ratio: 1.3},
		{what: sealMiddle, against: syncMiddle, ratio: 2},
		{what: firstBuild, against: noopBuild, ratio: 1.2},
	}
}

func (z *sizes) prepare(b *bencher, dir string) (facts []string, err error) {
	z.subjects = map[int]*subject{}
	for _, files := range []int{small, middle, large} {
		if z.subjects[files], err = b.makeSubject(dir, files); err != nil {
			return nil, err
		}
		s := z.subjects[files]
		facts = append(facts, fmt.Sprintf("target of %d files, %d of them not of registry units made up for this", s.files, s.real))
	}
	return facts, nil
}

func (z *sizes) round(b *bencher) error {
	s := z.subjects[middle]
	return inTurn(
		func() error { return b.restore(z.subjects[small], restoreSmall) },
		func() error { return b.restore(z.subjects[large], restoreLarge) },
		func() error { return b.copy(s, copyMiddle) },
		func() error { return b.ioctl(s, ioctlMiddle) },
		func() error { return b.restore(s, restoreMiddle) },
		func() error { return b.firstBuild(s, firstBuild) },
		func() error { return b.build(s.origin, noopBuild) },
		func() error { return b.sync(s, syncMiddle) },
		func() error { return b.snapshot(s, sealMiddle) },
	)
}
