package faults

import (
	"fmt"
	"strings"
	"time"
)

// row is what a fault came to.
type row struct {
	fault   fault
	figures figures
	verdict verdict
	notes   []string
}

// table writes rows in Markdown.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| fault | promise | what callers saw | ids stopped for | ops before / during / after | checked | verdict |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d / %d / %d | %s | %s |\n",
			r.fault.name, r.fault.promise, r.saw(), r.stopped(),
			r.figures.before, r.figures.during, r.figures.after, r.checked(), r.outcome())
	}
	return b.String()
}

func (r row) saw() string {
	parts := []string{r.figures.failures()}
	if r.figures.failedCalls > 0 {
		parts = append(parts, fmt.Sprintf("Go client: %d of %d calls failed", r.figures.failedCalls, r.figures.calls))
	} else {
		parts = append(parts, fmt.Sprintf("Go client: none of %d calls failed", r.figures.calls))
	}
	if r.figures.median >= slow {
		parts = append(parts, "a STRONG id took "+seconds(r.figures.median)+" (median)")
	}
	if r.figures.takeovers > 0 {
		parts = append(parts, fmt.Sprintf("leased keys got another owner %d times", r.figures.takeovers))
	}
	return strings.Join(append(parts, r.notes...), "; ")
}

// slow is a STRONG id's time that is worth telling.
const slow = 20 * time.Millisecond

func (r row) stopped() string {
	after := "none failed after it"
	if r.figures.normal > 0 {
		after = "last failure " + seconds(r.figures.normal) + " after it"
	}
	return fmt.Sprintf("STRONG %s, WEAK %s, leased %s; %s", seconds(r.figures.strongGap), seconds(r.figures.weakGap), seconds(r.figures.leasedGap), after)
}

func (r row) checked() string {
	s := fmt.Sprintf("%d answers (%d by porcupine too), %d ids missing, %d requests unheard", r.verdict.ops, r.verdict.sampled, r.verdict.gap, r.verdict.unheard)
	s += ", " + r.verdict.repeats
	if r.verdict.twice > 0 {
		s += fmt.Sprintf(", %d answered by two workers", r.verdict.twice)
	}
	return s
}

func (r row) outcome() string {
	if len(r.verdict.problems) == 0 {
		return "kept"
	}
	return fmt.Sprintf("**BROKEN** (%d)", len(r.verdict.problems))
}
