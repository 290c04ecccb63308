//go:build !lean

package main

import (
	"testing"
	"time"

	"github.com/seqd-io/seqd/integration/servers"
)

// Counters that count in periods, without a configuration that says so: their
// periods go by the dates that they begin on.
func TestAdminOfPeriods(t *testing.T) {
	db := servers.StartEtcd(t)
	client, admin := db.Connect(t), adminOn(t, db)
	put := func(path, value string) {
		t.Helper()
		if _, err := client.Put(t.Context(), "/seqd/v1/"+path, value); err != nil {
			t.Fatal(err)
		}
	}
	put("counters/orders/a", `{"fmt":3,"period":"2025-10-01","last":12,"by":"w1"}`)
	put("counters/orders/b", `{"fmt":1,"last":7,"by":"w1"}`)
	put("answers/orders/a/once", `{"fmt":1,"period":"2025-10-01","id":12,"n":1,"mode":"strong"}`) // is no counter
	admin("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 2025-10-01#12 w1 -\norders b 7 w1 -\n", "")
	admin("ls", "--format", "json").want(t, exitOK, `{"store":"orders","key":"a","period":"2025-10-01","last":"12","by":"w1"}`+"\n"+
		`{"store":"orders","key":"b","last":"7","by":"w1"}`+"\n", "")
	admin("peek", "orders", "a").want(t, exitOK, "STORE KEY LAST BY OWNER\norders a 2025-10-01#12 w1 -\n", "")

	admin("raise", "orders", "a", "--to", "50").want(t, exitFailed, "", "no id says how far, without its period; name it: seqd admin raise STORE KEY --period 2025-10-01 --to ID")
	admin("raise", "orders", "a", "--period", "2025-09-01", "--to", "50").want(t, exitFailed, "",
		"the period that begins on 2025-09-01 is over: the key is in the one that begins on 2025-10-01, and none goes back; raise it in the period that it is in")
	admin("raise", "orders", "b", "--period", "2025-10-01", "--to", "50").want(t, exitFailed, "", "the key counts in no periods; leave --period out; or")
	admin("raise", "orders", "new", "--period", "2025-10-01", "--to", "50").want(t, exitFailed, "", "the key counts in no periods")
	admin("raise", "orders", "a", "--period", "2025-10", "--to", "50").want(t, exitUsage, "", `"2025-10" is no date, such as 2026-11-01: the configuration names no periods of this key`)
	admin("raise", "orders", "a", "--period", "2100-01-01", "--to", "50").want(t, exitUsage, "", "2100-01-01 has not begun; the key would go on in it at once")
	admin("raise", "orders", "a", "--period", "2025-10-01", "--to", "140737488355328").want(t, exitUsage, "", "--to must be 140737488355327 or less with --period")
	admin("raise", "orders", "a", "--period", "2025-10-01", "--to", "50").want(t, exitOK, "STORE KEY WAS IS\norders a 2025-10-01#12 2025-10-01#50\n", "")
	admin("raise", "orders", "a", "--period", "2025-10-01", "--to", "20").want(t, exitOK, "STORE KEY WAS IS\norders a 2025-10-01#50 2025-10-01#50 unchanged\n", "")
	admin("raise", "orders", "a", "--period", "2025-11-01", "--to", "20", "--format", "json").want(t, exitOK,
		`{"store":"orders","key":"a","period_was":"2025-10-01","was":"50","period":"2025-11-01","is":"20"}`+"\n", "")

	const behind = "raised only in the period of the record, although a later one may have been lost: orders a; if ids of a later one were issued: seqd admin raise STORE KEY --period PERIOD --to ID\n"
	const none = "no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)\n"
	const rows = "STORE KEY WAS IS\norders a 2025-11-01#20 2025-11-01#120\norders b 7 107\n"
	admin("jump", "orders", "a", "--by", "100").want(t, exitFailed, "STORE KEY WAS IS\norders a 2025-11-01#20 2025-11-01#120\n"+behind+none, "nothing was changed")
	admin("jump", "orders", "--by", "100").want(t, exitFailed, rows+behind+none, "nothing was changed")
	admin("jump", "--by", "100", "--yes").want(t, exitOK, rows+"incarnation of ETCD /seqd: epoch 0 -> NOW, floor of new keys 0 -> 100\n", "")
	admin("jump", "orders", "a", "--by", "9223372036854775807", "--yes").want(t, exitOK,
		"STORE KEY WAS IS\norders a 2025-11-01#120 2025-11-01#140737488355327 EXHAUSTED: no ids are left in this period\n"+behind+none, "")
	admin("jump", "orders", "b", "--by", "1", "--yes").want(t, exitOK, "STORE KEY WAS IS\norders b 107 108\n"+none, "")
	admin("raise", "orders", "a", "--period", "2025-12-01", "--to", "0").want(t, exitOK, "STORE KEY WAS IS\norders a 2025-11-01#140737488355327 2025-12-01#0\n", "")
}

// With a configuration periods are called what the key's rule calls them.
func TestAdminOfPeriodsByTheirRule(t *testing.T) {
	db := servers.StartEtcd(t)
	admin := adminOn(t, db)
	config := configFile(t, `
stores:
  orders:
    number: {period: month, zone: Europe/Berlin, format: "INV-{period}-{id:04}"}
    keys:
      plain: {number: {period: none}}
`)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(berlin)
	this := now.Format("2006-01")
	last := now.AddDate(0, 0, -now.Day()).Format("2006-01")
	with := func(args ...string) result { t.Helper(); return admin(append(args, "--config", config)...) }
	with("raise", "orders", "k", "--to", "50").want(t, exitUsage, "", "--period must be given; now it is "+this)
	with("raise", "orders", "k", "--period", last, "--to", "50").want(t, exitOK, "STORE KEY WAS IS\norders k 0 "+last+"#50\n", "")
	with("raise", "orders", "k", "--period", "2148-01", "--to", "50").want(t, exitUsage, "", "2148-01 has not begun")
	with("raise", "orders", "k", "--period", "2026-W01", "--to", "50").want(t, exitUsage, "", "--period: ")
	with("raise", "orders", "plain", "--to", "50").want(t, exitOK, "STORE KEY WAS IS\norders plain 0 50\n", "")
	with("ls").want(t, exitOK, "STORE KEY LAST BY OWNER\norders k "+last+"#50 admin-X -\norders plain 50 admin-X -\n", "")
	with("jump", "orders", "k", "--by", "7", "--yes").want(t, exitOK, "STORE KEY WAS IS\norders k "+last+"#50 "+last+"#57\n"+
		"raised only in the period of the record, although a later one may have been lost: orders k; if ids of a later one were issued: seqd admin raise STORE KEY --period PERIOD --to ID\n"+
		"no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)\n", "")
	with("raise", "orders", "k", "--period", this, "--to", "9").want(t, exitOK, "STORE KEY WAS IS\norders k "+last+"#57 "+this+"#9\n", "")
	with("peek", "orders", "k", "--format", "json").want(t, exitOK, `{"store":"orders","key":"k","period":"`+this+`","last":"9","by":"admin-X"}`+"\n", "")
	// The record's period is the present one: so the jump has missed nothing.
	with("jump", "orders", "k", "--by", "9990", "--yes").want(t, exitOK, "STORE KEY WAS IS\norders k "+this+"#9 "+this+"#9999 EXHAUSTED: no ids are left in this period\n"+
		"no new incarnation: workers that answer FENCED go on doing so until all counters are raised (--all)\n", "")
}
