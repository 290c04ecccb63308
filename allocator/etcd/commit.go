package etcd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seqd-io/seqd/allocator/etcd/record"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// afterLoss is how many transactions are nested from the start after one in
// which a race was lost.
const afterLoss = 100

// commit sends a batch of swaps, each to be won or lost by itself. The error
// stands for every swap of the batch.
//
// A single swap is a plain transaction. Several are one flat transaction at
// first, which etcd does for half the cost: all compares, then all puts. Only
// where one of its compares failed, and so nothing was written, are they sent
// again as nested transactions, each with a compare of its own; and so are the
// next afterLoss batches, for lost races come in numbers.
func (t *txns) commit(batch []*swap, f *flat) ([]outcome, error) {
	if len(batch) > 0 {
		t.stats.sizes.Observe(len(batch))
	}
	switch len(batch) {
	case 0:
		return nil, nil
	case 1:
		return t.commitOne(batch[0], f)
	}
	if !t.expectLoss(false) {
		outs, won, err := t.commitFlat(batch, f)
		if won || err != nil {
			return outs, err
		}
		t.expectLoss(true)
	}
	return t.commitNested(batch)
}

// expectLoss reports whether a race is likely to be lost; lost tells that one
// just was.
func (t *txns) expectLoss(lost bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if lost {
		t.nested = afterLoss
	}
	if t.nested == 0 {
		return false
	}
	t.nested--
	return true
}

// fewNews is up to how many records that are made with a swap a lost one reads them
// in the same round trip. What is to be read is sent, synced to disk and read by
// etcd with each swap, and is for repeats alone: with many it is a third of a
// transaction's cost.
const fewNews = 8

// commitOne sends a swap alone, with what it reads if it is lost; or without that at
// first, as commit does a batch.
func (t *txns) commitOne(s *swap, f *flat) ([]outcome, error) {
	if len(s.News) > fewNews && s.Rev != record.Never && !t.expectLoss(false) {
		outs, won, err := t.commitFlat([]*swap{s}, f)
		if won || err != nil {
			return outs, err
		}
		t.expectLoss(true)
	}
	resp, err := t.txn(t.ctx, s.In)
	if err != nil {
		return nil, err
	}
	return []outcome{{Swapped: record.SwappedBy(resp.Header.Revision, resp.Succeeded, resp.Responses)}}, nil
}

// flat is a sender's room for the parts of a flat transaction, kept over uses: of a
// large one they are a tenth of all that is allocated for it, etcd's share included.
type flat struct {
	compares []clientv3.Cmp
	puts     []clientv3.Op
}

func (f *flat) forget() {
	clear(f.compares)
	clear(f.puts)
	f.compares, f.puts = f.compares[:0], f.puts[:0]
}

// commitFlat swaps all or nothing. If it is not won, nothing was written.
func (t *txns) commitFlat(batch []*swap, f *flat) (outs []outcome, won bool, err error) {
	defer f.forget()
	compares, puts := f.compares, f.puts
	var all guards
	for _, s := range batch {
		compares, puts = s.AppendCompares(compares), s.AppendPuts(puts)
		all = all.with(s.Guards)
	}
	for _, g := range all {
		compares = append(compares, g.Compare())
	}
	f.compares, f.puts = compares, puts
	resp, err := t.txn(t.ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.If(compares...).Then(puts...)
	})
	if err != nil || !resp.Succeeded {
		return nil, false, err
	}
	outs = make([]outcome, len(batch))
	for i := range batch {
		outs[i] = outcome{Swapped: record.SwappedBy(resp.Header.Revision, true, nil)}
	}
	return outs, true, nil
}

// sizeOf is how many operations a batch is, but for its guards.
func sizeOf(batch []*swap) int {
	n := 0
	for _, s := range batch {
		n += s.Size()
	}
	return n
}

// guards are those of several swaps, each once: most of them share theirs.
type guards []record.Guard

func (all guards) with(more []record.Guard) guards {
	for _, g := range more {
		if !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

// commitNested swaps each by itself, in one transaction.
func (t *txns) commitNested(batch []*swap) ([]outcome, error) {
	ops := make([]clientv3.Op, len(batch))
	for i, s := range batch {
		ops[i] = s.Nested()
	}
	resp, err := t.txn(t.ctx, func(txn clientv3.Txn) clientv3.Txn { return txn.Then(ops...) })
	if err != nil {
		return nil, err
	}
	outs := make([]outcome, len(batch))
	for i, r := range resp.Responses {
		nested := r.GetResponseTxn()
		outs[i] = outcome{Swapped: record.SwappedBy(resp.Header.Revision, nested.Succeeded, nested.Responses)}
	}
	return outs, nil
}

// txn sends one transaction and checks the answer against what is known of
// etcd's history.
func (t *txns) txn(ctx context.Context, build func(clientv3.Txn) clientv3.Txn) (*clientv3.TxnResponse, error) {
	sent, err := t.guard.Begin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, record.AttemptTimeout)
	defer cancel()
	begun := time.Now()
	resp, err := build(t.kv.Txn(ctx)).Commit()
	if err != nil {
		t.stats.sent(time.Since(begun), err)
		return nil, fmt.Errorf("transaction: %w", err)
	}
	took := time.Since(begun)
	wrote := wrote(resp)
	err = t.guard.End(sent, resp.Header, wrote)
	t.stats.sent(took, err)
	if err == nil && wrote {
		t.mu.Lock()
		t.crowd.wrote(resp.Header.Revision)
		t.mu.Unlock()
	}
	return resp, err
}

// wrote reports whether a transaction of swaps won any.
func wrote(resp *clientv3.TxnResponse) bool {
	for _, r := range resp.Responses {
		if r.GetResponsePut() != nil || r.GetResponseTxn().GetSucceeded() {
			return true
		}
	}
	return false
}
