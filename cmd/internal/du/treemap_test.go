package du

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Each part has its area, lies in the map, over no other, and is not thin if it need not be.
func TestSquarify(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		in := rect{0, 0, 1000, 420}
		areas := make([]float64, n)
		sum := 0.0
		for i := range areas {
			areas[i] = math.Exp(random.Float64() * float64(n%12))
			sum += areas[i]
		}
		slices.Sort(areas)
		slices.Reverse(areas)
		for i := range areas {
			areas[i] *= in.w * in.h / sum
		}
		parts := squarify(areas, in)
		if len(parts) != n {
			t.Fatalf("%d parts of %d areas", len(parts), n)
		}
		const little = 1e-6
		for i, p := range parts {
			if math.Abs(p.w*p.h-areas[i]) > little*in.w*in.h {
				t.Errorf("part %d of %d is %v, want an area of %f", i, n, p, areas[i])
			}
			if p.x < -little || p.y < -little || p.x+p.w > in.w+little || p.y+p.h > in.h+little {
				t.Errorf("part %d of %d, %v, is not in the map", i, n, p)
			}
			for j, q := range parts[:i] {
				if min(p.x+p.w, q.x+q.w)-max(p.x, q.x) > little && min(p.y+p.h, q.y+q.h)-max(p.y, q.y) > little {
					t.Errorf("parts %d and %d of %d lie over each other: %v, %v", j, i, n, q, p)
				}
			}
		}
	}
	// Equal areas are near to squares, but for what is left in the end.
	for n := 4; n < 100; n++ {
		areas := make([]float64, n)
		for i := range areas {
			areas[i] = 600 * 400 / float64(n)
		}
		sum := 0.0
		for _, p := range squarify(areas, rect{0, 0, 600, 400}) {
			ratio := max(p.w/p.h, p.h/p.w)
			sum += ratio
			if ratio > 3.5 {
				t.Errorf("a part of %d equal ones is %v", n, p)
			}
		}
		if mean := sum / float64(n); mean > 1.7 {
			t.Errorf("the parts of %d equal ones are %.2f times as long as wide", n, mean)
		}
	}
}

// What is too small for the map is not lost.
func TestNewMap(t *testing.T) {
	boxes := []box{{Name: "large", bytes: 600}, {Name: "small", bytes: 3}, {Name: "none"}, {Name: "middle", bytes: 97}}
	onMap, tooSmall := newMap(boxes, figure{Number: 1000}, figure{Number: 300})
	names := func(list []box) (s []string) {
		for _, b := range list {
			s = append(s, b.Name)
		}
		return s
	}
	if got := names(onMap); !slices.Equal(got, []string{"large", "Shared", "middle"}) {
		t.Errorf("the map has %v", got)
	}
	if got := names(tooSmall); !slices.Equal(got, []string{"small", "none"}) {
		t.Errorf("too small are %v", got)
	}
	if onMap, tooSmall = newMap(nil, figure{}, figure{}); len(onMap)+len(tooSmall) > 0 {
		t.Errorf("nothing makes %v, %v", onMap, tooSmall)
	}
}
