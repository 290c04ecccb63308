package numbering

import "fmt"

// makesSense refuses formats that could print two numbers alike, and parts that
// have nothing to print.
//
// Why the others can't: a format has one part that prints the id. All others print
// as many bytes for every number, so that a number's length tells how many the id
// has, and where each part stands. Hence two numbers that are alike are so in
// every part. Each part but the check digit is one to one with what it prints: the
// id with its digits, in whatever base; the scrambled id for the same period, which
// is alike as well, because the parts of the period together tell which it is.
func makesSense(parts []part, k kind) error {
	ids := 0
	for i, p := range parts {
		wrong := func(text string, args ...any) error {
			return &PartError{Setting: "format", Part: p.text, Text: fmt.Sprintf(text, args...)}
		}
		switch {
		case p.isID():
			if ids++; ids > 1 {
				return wrong("the id stands there twice")
			}
		case p.kind == partText:
		case p.kind == partLuhn || p.kind == partDamm:
			switch before := parts[:i]; {
			case has(before, partLuhn, partDamm):
				return wrong("there is a check digit before it")
			case has(before, partBase32):
				return wrong("checks decimal digits, and the id's are none: take {id} or {id:06}")
			case !has(before, partID, partScramble):
				return wrong("checks what stands before it, and the id does not")
			}
		case k == never:
			return wrong("there are no periods: set period, or leave this out")
		case p.kind == partMonth && k != monthly && k != daily:
			return wrong("a period of %v has no month", k)
		case p.kind == partDay && k != daily:
			return wrong("a period of %v has no day", k)
		case p.kind == partWeek && k != weekly:
			return wrong("a period of %v has no week", k)
		}
	}
	if ids == 0 {
		return &PartError{Setting: "format", Text: "holds no id, so that all numbers would be alike: put {id} into it"}
	}
	return tellsPeriod(parts, k)
}

// tellsPeriod refuses formats from which one can't tell the period, in which ids
// begin anew.
func tellsPeriod(parts []part, k kind) error {
	if k == never || has(parts, partPeriod) {
		return nil
	}
	needed := map[kind][]partKind{daily: {partMonth, partDay}, weekly: {partWeek}, monthly: {partMonth}}
	example := map[kind]string{daily: "{yyyy}, {mm} and {dd}", weekly: "{yyyy} and {ww}", monthly: "{yyyy} and {mm}", yearly: "{yyyy}"}
	tells := has(parts, partYear4, partYear2)
	for _, p := range needed[k] {
		tells = tells && has(parts, p)
	}
	if !tells {
		return &PartError{Setting: "format", Text: fmt.Sprintf("does not tell the %v, so that numbers of two of them would be alike: put {period} into it, or %s", k, example[k])}
	}
	return nil
}
