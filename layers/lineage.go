package layers

// MadeFrom returns the id of the layer that the place's build directory was
// restored from or last sealed as, "" where nothing tells. The layer may be gone.
func MadeFrom(p *Place) string {
	if id := readActive(p.Workspace.BuildDir).Layer; isID(id) {
		return id
	}
	return ""
}
