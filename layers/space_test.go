package layers

import (
	"testing"
	"time"
)

func TestSizesAndSpace(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	list, err := s.Layers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Sizes(ctx, list, time.Minute)
	if err != nil || len(first) != 2 {
		t.Fatalf("got %v, %v", first, err)
	}
	if again, err := s.Sizes(ctx, list, -1); err != nil || again[a] != first[a] || again[b] != first[b] {
		t.Errorf("kept sizes: got %v, %v, want %v", again, err, first)
	}
	for text, want := range map[string]int{
		"": 0, sizesHeader + a + " 12\n": 1, sizesHeader + a + " 12": 0, sizesHeader + a + " -1\n" + b + " x\n": 0, "other\n" + a + " 12\n": 0,
	} {
		if got := parseSizes([]byte(text)); len(got) != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
	if _, err := s.Space(ctx, []string{a, b}); err != nil {
		t.Error(err)
	}
	if _, err := s.Space(ctx, []string{"missing"}); err == nil {
		t.Error("Space of nothing: no error")
	}
}
