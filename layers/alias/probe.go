package alias

// Probe makes a view and ends it. It returns nil if views can be made here by this user; else the error matches
// ErrUnavailable and says why not. It costs as much as a Start.
func Probe() error {
	p, err := start(job{probe: true, binds: []Bind{{From: "/proc", At: "/proc"}}, command: Command{Dir: "/"}})
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}
