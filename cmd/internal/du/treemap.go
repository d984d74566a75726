package du

// A rect is a part of a map, measured as the map is.
type rect struct{ x, y, w, h float64 }

// squarify divides a rectangle into parts, one for each area, in the same order. The areas
// are positive, the largest first, and add up to the rectangle's. They are laid in rows
// along its shorter side, and each row takes as many as make its parts more like squares
// (Bruls, Huizing and van Wijk, Squarified Treemaps, 2000).
func squarify(areas []float64, in rect) []rect {
	parts := make([]rect, 0, len(areas))
	for len(areas) > 0 {
		side := min(in.w, in.h)
		n, sum := 1, areas[0]
		for n < len(areas) && worst(areas[:n+1], sum+areas[n], side) <= worst(areas[:n], sum, side) {
			sum += areas[n]
			n++
		}
		var row []rect
		row, in = lay(areas[:n], sum, in, n == len(areas))
		parts, areas = append(parts, row...), areas[n:]
	}
	return parts
}

// worst is how far that part of a row is from a square which is farthest, by its longer
// side over its shorter.
func worst(row []float64, sum, side float64) float64 {
	most, least := row[0], row[len(row)-1]
	return max(side*side*most/(sum*sum), sum*sum/(side*side*least))
}

// lay puts a row at the left or the upper edge, whichever is shorter, and returns what is
// left of the rectangle. The last row takes what is left of it, whatever was rounded.
func lay(row []float64, sum float64, in rect, last bool) (parts []rect, rest rect) {
	parts, rest = make([]rect, len(row)), in
	upright := in.w >= in.h // the row is a column
	depth := 0.0
	switch {
	case upright && last:
		depth = in.w
	case upright:
		depth = min(sum/in.h, in.w)
	case last:
		depth = in.h
	default:
		depth = min(sum/in.w, in.h)
	}
	done := 0.0
	for i, area := range row {
		from, to := done/sum, (done+area)/sum
		if upright {
			parts[i] = rect{in.x, in.y + from*in.h, depth, (to - from) * in.h}
		} else {
			parts[i] = rect{in.x + from*in.w, in.y, (to - from) * in.w, depth}
		}
		done += area
	}
	if upright {
		rest.x, rest.w = in.x+depth, in.w-depth
	} else {
		rest.y, rest.h = in.y+depth, in.h-depth
	}
	return parts, rest
}
