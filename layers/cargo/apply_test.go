package cargo

import "testing"

func TestIsUplifted(t *testing.T) {
	tests := []struct {
		file, target string
		want         bool
	}{
		{"app", "app", true},
		{"app.d", "app", true},
		{"app.dwp", "app", true},
		{"my-app", "my-app", true},
		{"libmy_lib.rlib", "my-lib", true},
		{"libmy_lib.so", "my_lib", true},
		{"my_app.exe", "my-app", true},
		{"app2", "app", false},
		{"app-0123456789abcdef", "app", false},
		{"libapp2.rlib", "app", false},
		{"lib", "", true},
		{".cargo-lock", "app", false},
	}
	for _, tt := range tests {
		if got := isUplifted(tt.file, tt.target); got != tt.want {
			t.Errorf("isUplifted(%q, %q) = %v; want %v", tt.file, tt.target, got, tt.want)
		}
	}
}
