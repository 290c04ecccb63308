package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// DialConfig says how to reach an etcd cluster.
type DialConfig struct {
	Endpoints []string // host:port or URL, at least one
	Username  string   // "": no user
	Password  string
	TLS       *tls.Config   // nil: plain, unless an endpoint is https
	Timeout   time.Duration // for one try to connect; 0 means DefaultDialTimeout
}

// DefaultDialTimeout bounds one try to connect.
const DefaultDialTimeout = 2 * time.Second

// Dial returns a client for config. It connects in the background, whether etcd
// is up or not; only with a Username does it block, for Timeout at most, to log
// in, and returns an error if it can't.
func Dial(ctx context.Context, config DialConfig) (*clientv3.Client, error) {
	if config.Timeout == 0 {
		config.Timeout = DefaultDialTimeout
	}
	client, err := clientv3.New(clientv3.Config{
		Context:     ctx,
		Endpoints:   config.Endpoints,
		Username:    config.Username,
		Password:    config.Password,
		TLS:         config.TLS,
		DialTimeout: config.Timeout,

		// gRPC notices a silent connection only if it is told to look; 10 s is
		// the shortest it allows. Shorter outages are the attempt's deadline's.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 2 * time.Second,
		PermitWithoutStream:  false, // etcd cuts the connection of clients that ping while idle

		// Two, because an expired auth token is renewed by the second one.
		// Everything else is tried again by Counter, which knows what is safe.
		MaxUnaryRetries: 2,

		Logger: zap.NewNop(), // its errors reach us as errors
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %v: %w", config.Endpoints, err)
	}
	return client, nil
}
