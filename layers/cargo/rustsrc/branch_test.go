package rustsrc

import "testing"

func TestAsksTags(t *testing.T) {
	for src, want := range map[string]bool{
		`Command::new("git").args(["rev-parse", "HEAD"])`:               false,
		`Command::new("git").args(["rev-list", "--count", "HEAD"])`:     false,
		`Command::new("git").args(["describe", "--always", "--dirty"])`: true,
		`Command::new("git").args(["tag", "--points-at", "HEAD"])`:      true,
		`Command::new("sh").args(["-c", "git describe --tags"])`:        true,
		`Command::new("git").args(["name-rev", "HEAD"])`:                true,
		`Command::new("git").args(["log", "-1", "--format=%h%d"])`:      true,
		`Command::new("git").args(["for-each-ref"])`:                    true,
		`let stage = "stage"; // the tags`:                              false,
		`println!("cargo:rerun-if-changed=.git/refs/tags")`:             true,
	} {
		if got := AsksTags([]byte(src)); got != want {
			t.Errorf("AsksTags(%s) = %v", src, got)
		}
	}
}

func TestAsksBranch(t *testing.T) {
	for src, want := range map[string]bool{
		`Command::new("git").args(["rev-parse", "HEAD"])`:                             false,
		`Command::new("git").args(&["rev-parse", "--short=9", "HEAD"]).status()`:      false,
		`Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=8"])`: false,
		`Command::new("git").args(["log", "-1", "--format=%H %cI"])`:                  false,
		`Command::new("sh").args(["-c", "git rev-parse HEAD | cut -c1-9"])`:           false,
		`let r = s.as_ref(); let Some(ref x) = y;`:                                    false,
		`// the branch`: false,
		`Command::new("git").args(["status", "--porcelain"])`:             false,
		`Command::new("git").args(["status", "--porcelain", "-b"])`:       true,
		`Command::new("git").args(["rev-parse", "--abbrev-ref", "HEAD"])`: true,
		`Command::new("git").args(["symbolic-ref", "-q", "HEAD"])`:        true,
		`Command::new("git").args(["branch", "--show-current"])`:          true,
		`Command::new("git").args(["status", "-sb"])`:                     true,
		`Command::new("git").args(["for-each-ref"])`:                      true,
		`Command::new("git").args(["log", "-1", "--format=%D"])`:          true,
		`Command::new("git").args(["log", "-1", "--format=%h%d"])`:        true,
		`Command::new("git").args(["describe", "--all"])`:                 true,
		`Command::new("git").args(["rev-parse", "@{u}"])`:                 true,
		`Command::new("git").args(["rev-parse", "--git-dir"])`:            true,
		`fs::read_to_string("../.git/HEAD")`:                              true,
		`println!("cargo:rerun-if-changed=.git/refs/heads")`:              true,
		`env::var("GITHUB_REF_NAME")`:                                     true,
		`env::var_os("CI_COMMIT_BRANCH")`:                                 true,
		`fn branch() {}`:                                                  true,
		`b"symbolic-ref"`:                                                 true,
	} {
		if got := AsksBranch([]byte(src)); got != want {
			t.Errorf("AsksBranch(%s) = %v", src, got)
		}
	}
}
