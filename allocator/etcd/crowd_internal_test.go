package etcd

import "testing"

// Who is alone, or writes most, has two transactions under way; where others write
// as much, each has one; and when they stop that is noticed.
func TestCrowd(t *testing.T) {
	var c crowd
	rev := int64(1000)
	write := func(times int, others int64) {
		for range times {
			rev += others + 1
			c.wrote(rev)
		}
	}
	if got := c.flying(); got != maxFlying {
		t.Errorf("a new one has %d under way, want %d", got, maxFlying)
	}
	for _, s := range []struct {
		others int64
		want   int
	}{{0, maxFlying}, {1, 1}, {3, 1}, {0, maxFlying}} {
		write(10*crowdMemory, s.others)
		if got := c.flying(); got != s.want {
			t.Errorf("with %d of others for each of ours %d are under way, want %d", s.others, got, s.want)
		}
	}
}

// Answers overtake each other: the older one counts as ours and moves nothing.
func TestCrowdOutOfOrder(t *testing.T) {
	var c crowd
	for rev := int64(0); rev < 1000; rev += 2 {
		c.wrote(rev + 2)
		c.wrote(rev + 1)
	}
	if got := c.flying(); got != maxFlying {
		t.Errorf("%d are under way, want %d", got, maxFlying)
	}
}
