package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/seqd-io/seqd/subjects"
)

// account is what a nats-server's monitoring tells of one.
type account struct {
	Name    string  `json:"account_name"`
	Leafs   int     `json:"leafnode_connections"`
	Exports []share `json:"exports"`
	Imports []share `json:"imports"`
}

// share is what one account lets others have.
type share struct {
	Subject  string `json:"subject"`
	Type     string `json:"type"`
	Response string `json:"response_type"`
	Account  string `json:"account"` // of an import: whose it is
}

// requests reports whether requests for ids may come through s.
func (s share) requests(root string) bool {
	first, _, _ := strings.Cut(s.Subject, ".")
	return s.Type == "service" && (first == root || first == "*" || first == ">")
}

// peers reports whether another account may reach, through s, what workers send to
// each other.
func (s share) peers() bool {
	first, _, _ := strings.Cut(s.Subject, ".")
	return first == subjects.PeerRoot || first == "*" || first == ">"
}

// lookAtAccounts looks at how requests come from other accounts, which a server
// tells to monitoring only.
func (e *examination) lookAtAccounts(ctx context.Context) {
	if e.Monitor == "" {
		return // lookAtPings says how to have it looked at
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	var all struct {
		Accounts []string `json:"accounts"`
	}
	monitor := strings.TrimSuffix(e.Monitor, "/") + "/accountz"
	if err := getJSON(ctx, monitor, &all); err != nil {
		e.skip("nats.accounts", "", fmt.Sprintf("not looked at: %v", err), "")
		return
	}
	bad, shared := false, 0
	for _, name := range all.Accounts {
		var one struct {
			Account account `json:"account_detail"`
		}
		if err := getJSON(ctx, monitor+"?acc="+url.QueryEscape(name), &one); err != nil {
			e.skip("nats.accounts", "", fmt.Sprintf("account %s could not be looked at: %v", name, err), "")
			return
		}
		for _, s := range one.Account.Exports {
			if s.peers() {
				bad = true
				e.fail("nats.accounts", "", fmt.Sprintf("account %s exports %s: another account can send or hear what is between workers, and so ask for any store's ids and answer in a worker's place", name, s.Subject),
					fmt.Sprintf("export %q", e.Root+".*.>"))
			}
			if !s.requests(e.Root) {
				continue
			}
			shared++
			if s.Response != "" && s.Response != "Singleton" {
				bad = true
				e.warn("nats.accounts", "", fmt.Sprintf("account %s exports %s with responses of type %s: the server remembers the way back of each request for minutes, which takes some 350 bytes", name, s.Subject, s.Response),
					"leave response_type out of the export: a request for ids has one answer")
			}
		}
		for _, s := range one.Account.Imports {
			if s.requests(e.Root) && s.Account != name && one.Account.Leafs > 0 {
				bad = true
				e.warn("nats.accounts", "", fmt.Sprintf("account %s imports %s and has leaf nodes: callers there are never told that no worker serves, and wait until their own timeout", name, s.Subject),
					"connect leaf nodes to the workers' account, or have callers there name a short timeout")
				break
			}
		}
	}
	if !bad {
		e.ok("nats.accounts", "", fmt.Sprintf("requests come through %d exports", shared))
	}
}
