package faults

import "math/rand/v2"

// picker returns what a client asks for next.
type picker func(rnd *rand.Rand, client int) ask

// pickAny asks for all keys, in all modes.
func pickAny(rnd *rand.Rand, client int) ask {
	a := ask{n: 1}
	a.Client = client
	if rnd.IntN(4) == 0 {
		a.n = 1 + rnd.IntN(maxN)
	}
	switch rnd.IntN(9) {
	case 0, 1, 2:
		a.Key = mixedKeys[rnd.IntN(len(mixedKeys))]
	case 3:
		a.Key, a.Strong = mixedKeys[rnd.IntN(len(mixedKeys))], true
	case 4, 5:
		a.Key, a.Strong = strongKeys[rnd.IntN(len(strongKeys))], true
	default:
		a.Key, a.Strong = leasedKeys[rnd.IntN(len(leasedKeys))], rnd.IntN(2) == 0
	}
	return a
}

// pickLeased asks for leased keys more often than for all others.
func pickLeased(rnd *rand.Rand, client int) ask {
	a := pickAny(rnd, client)
	if rnd.IntN(3) > 0 {
		a.Key, a.Strong = leasedKeys[rnd.IntN(len(leasedKeys))], rnd.IntN(2) == 0
	}
	return a
}

// pickHot asks for one clock-free key in STRONG mode, so that soon one worker
// advances it for all others, and for one leased key, which one worker owns.
func pickHot(rnd *rand.Rand, client int) ask {
	a := pickAny(rnd, client)
	if isLeased(a.Key) {
		a.Key = leasedKeys[0]
	} else {
		a.Key, a.Strong = strongKeys[0], true
	}
	return a
}
