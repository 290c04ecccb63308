package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	seqd "github.com/seqd-io/seqd/clients/go"

	"github.com/seqd-io/seqd/subjects"
)

const (
	mostAsked  = subjects.MaxNumbers // ids at a time
	askTimeout = 3 * time.Second
	askBytes   = 4096 // of a body
)

// asker asks for ids as any caller does, over NATS. Only `seqd dev` has one.
type asker struct {
	collector *collector
	root      string
}

// asked is what the page's form sends.
type asked struct {
	Store string `json:"store"`
	Key   string `json:"key"`
	N     int    `json:"n"`
	Mode  string `json:"mode"` // "": the store's
}

// issued is what comes back.
type issued struct {
	First   int64         `json:"first,string"`
	Last    int64         `json:"last,string"`
	N       int           `json:"n"`
	Period  string        `json:"period,omitempty"`
	Numbers []string      `json:"numbers,omitempty"`
	Took    time.Duration `json:"took_ns"`
}

// ServeHTTP takes JSON alone: a page of another site can't send that without
// asking the browser, which asks us, and is not answered.
func (a asker) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		answer(rw, http.StatusUnsupportedMediaType, refusal{"the body must be application/json"})
		return
	}
	var q asked
	body := json.NewDecoder(http.MaxBytesReader(rw, r.Body, askBytes))
	body.DisallowUnknownFields() // as a worker refuses what is nearly right
	err := body.Decode(&q)
	if _, end := body.Token(); err != nil || end != io.EOF {
		answer(rw, http.StatusBadRequest, refusal{"the body is not like {\"store\":\"demo\",\"key\":\"a\",\"n\":1}"})
		return
	}
	if q.N < 1 || q.N > mostAsked {
		answer(rw, http.StatusBadRequest, refusal{"from this page 1 to 1000 ids can be asked for at a time"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	got, err := a.ask(ctx, q)
	switch {
	case errors.Is(err, seqd.ErrBadRequest):
		answer(rw, http.StatusBadRequest, refusal{err.Error()})
	case err != nil:
		answer(rw, http.StatusServiceUnavailable, refusal{err.Error()})
	default:
		answer(rw, http.StatusOK, got)
	}
}

func (a asker) ask(ctx context.Context, q asked) (issued, error) {
	options := []seqd.Option{seqd.WithRoot(a.root), seqd.WithTimeout(askTimeout)}
	if q.Mode != "" {
		mode, err := subjects.ParseMode(q.Mode)
		if err != nil {
			return issued{}, fmt.Errorf("%w: %w", seqd.ErrBadRequest, err)
		}
		options = append(options, seqd.WithMode(mode))
	}
	nc, err := a.collector.line.get()
	if err != nil {
		return issued{}, err
	}
	client, err := seqd.New(nc, options...)
	if err != nil {
		return issued{}, err
	}
	begin := time.Now()
	got, err := client.Numbers(ctx, q.Store, q.Key, q.N)
	if err != nil {
		return issued{}, err
	}
	return issued{got.First, got.Last(), got.N, got.Period, got.Numbers, time.Since(begin)}, nil
}
