package cargotest

import (
	"os"
	"os/exec"
	"sync"
	"testing"
)

// A program that was just written runs, whatever other tests start at that moment.
func TestWriteBesideStarts(t *testing.T) {
	done := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := exec.Command("/bin/true").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	dir := t.TempDir()
	for range 200 {
		Write(t, dir, map[string]string{"program": "#!/bin/sh\n"})
		if err := os.Chmod(dir+"/program", 0o777); err != nil {
			t.Error(err)
			break
		}
		if err := exec.Command(dir + "/program").Run(); err != nil {
			t.Error(err)
			break
		}
		if err := os.Remove(dir + "/program"); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	others.Wait()
}
