package bench

// span is the ids from first to last.
type span struct{ first, last int64 }

// spans is a set of ids: in order, disjoint, and with a gap between neighbours.
// Ids that were handed out one after another need one span, however many they
// are, so that the ids of a long run take little memory.
type spans []span

// plus returns the union of s and more, which is in order of first. If an id is
// in both, or twice in more, it is returned with ok false and the union is not
// to be used. room, which may be nil, gives its memory to the union.
func (s spans) plus(more []span, room spans) (union spans, twice int64, ok bool) {
	union = room[:0]
	for i, j := 0, 0; i < len(s) || j < len(more); {
		var next span
		if j == len(more) || i < len(s) && s[i].first <= more[j].first {
			next, i = s[i], i+1
		} else {
			next, j = more[j], j+1
		}
		if len(union) == 0 {
			union = append(union, next)
			continue
		}
		switch end := &union[len(union)-1]; {
		case next.first <= end.last:
			return nil, next.first, false
		case next.first-1 == end.last:
			end.last = next.last
		default:
			union = append(union, next)
		}
	}
	return union, 0, true
}
