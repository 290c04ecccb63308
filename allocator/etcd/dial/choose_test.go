package dial

import "testing"

func TestChooseMembers(t *testing.T) {
	for _, test := range []struct {
		name     string
		in       string // per member, + or -
		answered []int  // times in a row
		want     string
	}{
		{"all well", "+++", []int{5, 5, 5}, "+++"},
		{"one fails", "+++", []int{5, 0, 5}, "+-+"},
		{"two fail", "+++", []int{0, 0, 5}, "--+"},
		{"all fail", "+++", []int{0, 0, 0}, "+++"},
		{"it has answered twice", "+-+", []int{9, 2, 9}, "+-+"},
		{"it has answered three times", "+-+", []int{9, 3, 9}, "+++"},
		{"the ones in use fail, the other one has come back just now", "+-+", []int{0, 1, 0}, "-+-"},
		{"all fail, one after the other", "--+", []int{0, 0, 0}, "+++"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all []*member
			for i, in := range test.in {
				all = append(all, &member{in: in == '+', answered: test.answered[i]})
			}
			left, entered := choose(all)
			got, changes := "", 0
			for i, mb := range all {
				sign := "-"
				if mb.in {
					sign = "+"
				}
				got += sign
				if sign != test.in[i:i+1] {
					changes++
				}
			}
			if got != test.want || len(left)+len(entered) != changes {
				t.Errorf("got %s, %d left, %d entered, want %s", got, len(left), len(entered), test.want)
			}
		})
	}
}
