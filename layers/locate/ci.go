package locate

// IsCI reports whether a CI system runs this, as Cargo tells (cargo 1.99, util/context: is_ci). What it keeps from one run
// to the next is its own choice, and what outlives a run is killed.
func IsCI(getenv func(name string) string) bool {
	ci := getenv("CI")
	return ci != "" && ci != "false" || getenv("TF_BUILD") != ""
}
