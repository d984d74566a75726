package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// identify finds out what release the checkout at source is; version and date, in seconds, go before what git says.
func identify(ctx context.Context, source, version, date string) (release, error) {
	r := release{source: source, version: version}
	if version == "" {
		described, err := git(ctx, source, "describe", "--tags", "--always", "--long", "--abbrev=12", "--dirty", "--match", "v[0-9]*")
		if err != nil {
			return r, fmt.Errorf("find version: %w", err)
		}
		commits, err := git(ctx, source, "rev-list", "--count", "HEAD")
		if err != nil {
			return r, fmt.Errorf("find version: %w", err)
		}
		r.version = versionOf(described, commits)
	}
	if !wellFormed.MatchString(r.version) {
		return r, fmt.Errorf("find version: %q is none that cargo and dpkg both take", r.version)
	}
	if date == "" {
		var err error
		if date, err = git(ctx, source, "log", "-1", "--format=%ct"); err != nil {
			return r, fmt.Errorf("find date: %w", err)
		}
	}
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return r, fmt.Errorf("find date: %w", err)
	}
	r.date = time.Unix(seconds, 0).UTC()
	return r, nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := project.Run(ctx, dir, nil, "git", args...)
	return strings.TrimSpace(string(out)), err
}

// Cargo wants three numbers, and dpkg takes a hyphen for the beginning of its own revision. What follows a plus is later
// than what does not for dpkg, and the same for cargo.
var wellFormed = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(\+[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$`)

var describedAs = regexp.MustCompile(`^v(.*)-([0-9]+)-(g[0-9a-f]+)(-dirty)?$`)

// versionOf makes a version of what git describe --long says. A commit with a tag is that release. Any other is that and
// the number of commits since; where there is no tag, all of them since nothing.
func versionOf(described, commits string) string {
	m := describedAs.FindStringSubmatch(described)
	if m == nil {
		hash, dirty := strings.CutSuffix(described, "-dirty")
		m = []string{"", "0.0.0", commits, "g" + hash, ""}
		if dirty {
			m[4] = "-dirty"
		}
	}
	version, since, hash, dirty := m[1], m[2], m[3], m[4]
	if since == "0" && dirty == "" {
		return version
	}
	version += "+" + since + "." + hash
	if dirty != "" {
		version += ".dirty"
	}
	return version
}
