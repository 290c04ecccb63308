package actor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// How long a client may keep a connection while it sends nothing. Answers may take
// as long as they need: a profile takes half a minute.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // with its body
	idleTimeout    = 2 * time.Minute  // longer than from one scrape to the next
)

// HTTP is the actor that serves on l.
func HTTP(handler http.Handler, l net.Listener) func(context.Context) error {
	return func(ctx context.Context) error {
		s := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout}
		failed := make(chan error, 1)
		go func() { failed <- s.Serve(l) }()
		select {
		case err := <-failed:
			return fmt.Errorf("HTTP: %w", err)
		case <-ctx.Done():
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.Close() // a scraper that hangs does not hold up the end
		}
		<-failed // it closes the listener, also if it had not begun to serve
		return err
	}
}
