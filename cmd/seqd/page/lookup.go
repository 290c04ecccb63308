package page

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/seqd-io/seqd/allocator"
	"github.com/seqd-io/seqd/allocator/etcd/operate"
	"github.com/seqd-io/seqd/cmd/seqd/settings"
	"github.com/seqd-io/seqd/subjects"
)

const (
	lookupsPerSecond = 5
	lookupsAtOnce    = 10
	lookupTimeout    = 2 * time.Second
)

// lookup shows a key's counter as etcd has it, as `seqd admin peek` does. Each time
// costs etcd one read or two, and so all who look share a few a second: a person
// does not notice, and a script can't make it a load.
type lookup struct {
	places []Place
	limit  *rate.Limiter
}

func newLookup(places []Place) *lookup {
	return &lookup{places: places, limit: rate.NewLimiter(lookupsPerSecond, lookupsAtOnce)}
}

// found is what is known of a key. Ids are text: they may have 64 bits.
type found struct {
	Store   string `json:"store"`
	Key     string `json:"key"`
	Found   bool   `json:"found"`
	Last    int64  `json:"last,string"` // every id up to here is spent or reserved
	Period  string `json:"period,omitempty"`
	Rule    string `json:"rule,omitempty"` // ids are printed by
	By      string `json:"by,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Session bool   `json:"session"` // the owner has one
	LeaseMs int64  `json:"lease_ms,omitempty"`

	Left  int64   `json:"left,string"` // ids, in the period if there is one
	Spent float64 `json:"spent"`       // part of all ids, 0 to 1
}

func (l *lookup) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	store, text := q.Get("store"), q.Get("key")
	place, key, err := l.counter(store, text)
	if err != nil {
		answer(rw, http.StatusBadRequest, refusal{err.Error()})
		return
	}
	if !l.limit.Allow() {
		rw.Header().Set("Retry-After", "1")
		answer(rw, http.StatusTooManyRequests, refusal{"too many keys are looked up now; try again in a second"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	f := found{Store: store, Key: text}
	switch err := f.read(ctx, place, key); {
	case errors.Is(err, allocator.ErrUnreadable):
		answer(rw, http.StatusBadGateway, refusal{"the counter's record is not understood; look at it with etcdctl get"})
	case err != nil:
		answer(rw, http.StatusServiceUnavailable, refusal{"etcd does not answer; see what holds this worker back"})
	default:
		answer(rw, http.StatusOK, f)
	}
}

// counter returns the counter that two words name, and where it is kept.
func (l *lookup) counter(store, text string) (Place, allocator.Key, error) {
	if err := subjects.CheckToken("store", store); err != nil {
		return Place{}, allocator.Key{}, errors.New(settings.TextOf(err))
	}
	name, err := subjects.Escape(text)
	if err != nil {
		return Place{}, allocator.Key{}, errors.New(settings.TextOf(err))
	}
	for _, served := range []string{store, subjects.AnyStore} {
		for _, p := range l.places {
			for _, st := range p.Stores {
				if st.Name == served {
					return p, allocator.Key{Store: store, Name: name}, nil
				}
			}
		}
	}
	return Place{}, allocator.Key{}, errors.New("this worker does not serve that store, and does not know where it is kept")
}

func (f *found) read(ctx context.Context, p Place, key allocator.Key) error {
	rule := p.Rule(key)
	limit := int64(math.MaxInt64)
	if rule != nil {
		f.Rule, limit = rule.String(), rule.Limit()
	}
	m, err := p.Admin.Peek(ctx, key)
	switch {
	case errors.Is(err, operate.ErrNoRecord):
		f.Left = limit - min(p.Floor(key), limit)
		return nil
	case err != nil:
		return err
	case m.Err != nil:
		return m.Err
	}
	period, last := m.Split()
	if period > 0 {
		f.Period = string(period.AppendDate(nil))
		limit = min(limit, allocator.MaxPeriodID)
		if rule != nil && rule.Periodic() {
			f.Period = rule.Label(period)
		}
	}
	f.Found, f.Last, f.By, f.Owner = true, last, m.By, m.Owner
	f.Left = max(limit-last, 0)
	f.Spent = min(float64(last)/float64(limit), 1)
	if m.Owner == "" {
		return nil
	}
	s, err := p.Admin.Session(ctx, m.Owner)
	switch {
	case errors.Is(err, operate.ErrNoSession):
		return nil
	case err != nil:
		return err
	}
	f.Session, f.LeaseMs = true, s.Lease().Milliseconds()
	return nil
}
