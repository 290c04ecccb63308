package top

import (
	"fmt"
	"time"

	"github.com/seqd-io/seqd/worker"
)

// column is one of a table's.
type column struct {
	head string
	sort string // the order it belongs to
	left bool   // else right
	drop int    // which go first where the width does not do; 0: it stays
	cell func(Row) string

	when func(Row) bool // it is left out unless this is so of a row; nil: never
}

// firstToGo is the greatest drop of all columns.
const firstToGo = 11

var workerColumns = []column{
	{head: "WORKER", sort: "name", left: true, cell: func(r Row) string { return r.Name }},
	{head: "VERSION", left: true, drop: firstToGo, cell: func(r Row) string { return r.Version }},
	{head: "STATE", sort: "state", left: true, cell: func(r Row) string { return r.State }},
	{head: "HOST", left: true, drop: 10, cell: func(r Row) string { return r.Host }},
	{head: "UP", sort: "uptime", drop: 9, cell: func(r Row) string { return uptime(r.Up) }},
	{head: "REQ/S", sort: "requests", cell: rate(func(r Row) float64 { return r.Requests })},
	{head: "IDS/S", sort: "ids", drop: 6, cell: rate(func(r Row) float64 { return r.IDs })},
	{head: "ERR/S", sort: "errors", drop: 1, cell: rate(func(r Row) float64 { return r.Errors })},
	{head: "MEAN", sort: "mean", drop: 3, cell: mean},
	{head: "IN FLIGHT", sort: "waiting", drop: 7, cell: func(r Row) string { return fmt.Sprint(r.Waiting) }},
	{head: "DROP/S", drop: 8, cell: rate(func(r Row) float64 { return r.Dropped })},
	{head: "OWNS", sort: "owned", drop: 4, cell: owned, when: Row.leased},
	{head: "LEASE", drop: 2, cell: lease, when: Row.leased},
	{head: "HANDED/S", sort: "handed", drop: 5, cell: rate(func(r Row) float64 { return r.HandedOver }), when: Row.leased},
}

var storeColumns = []column{
	{head: "STORE", sort: "name", left: true, cell: func(r Row) string { return r.Name }},
	{head: "SERVED BY", left: true, cell: func(r Row) string { return fmt.Sprintf("%d of %d", r.Serving, r.Workers) }},
	{head: "REQ/S", sort: "requests", cell: rate(func(r Row) float64 { return r.Requests })},
	{head: "IDS/S", sort: "ids", drop: 3, cell: rate(func(r Row) float64 { return r.IDs })},
	{head: "ERR/S", sort: "errors", drop: 1, cell: rate(func(r Row) float64 { return r.Errors })},
	{head: "MEAN", sort: "mean", drop: 2, cell: mean},
	{head: "DROP/S", drop: 5, cell: rate(func(r Row) float64 { return r.Dropped })},
	{head: "REPEAT/S", drop: 4, cell: rate(func(r Row) float64 { return r.Replayed }), when: func(r Row) bool { return r.Replayed > 0 }},
}

func (c column) title(sort string) string {
	if c.sort != "" && c.sort == sort {
		return c.head + "*"
	}
	return c.head
}

// unknown stands for what has not been measured yet.
const unknown = "-"

func rate(of func(Row) float64) func(Row) string {
	return func(r Row) string {
		if !r.Measured {
			return unknown
		}
		return quantity(of(r))
	}
}

func quantity(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.2fM", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.1fk", x/1e3)
	case x >= 10 || x == 0:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// owned shows how many keys a worker owns, "-" where it has no store with a
// lease.
func owned(r Row) string {
	switch {
	case !r.leased():
		return unknown
	case r.Owned >= 1e4:
		return quantity(float64(r.Owned))
	}
	return fmt.Sprint(r.Owned)
}

// lease shows what is left of a worker's lease, or else how it stands.
func lease(r Row) string {
	switch r.LeaseState {
	case worker.LeaseNone:
		return unknown
	case worker.LeaseHeld:
		return fmt.Sprintf("%.1fs", r.LeaseLeft.Seconds())
	}
	return string(r.LeaseState)
}

func mean(r Row) string {
	d := r.Mean
	switch {
	case d == 0:
		return unknown
	}
	// Three digits, or a few more.
	unit := time.Nanosecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}

func uptime(d time.Duration) string {
	switch days := int(d.Hours() / 24); {
	case d == 0:
		return unknown
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, int(d.Hours())-24*days)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return d.String()
}
