package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/seqd-io/seqd/allocator/etcd/record"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
)

// Config says how to reach an etcd cluster.
type Config struct {
	Endpoints []string // host:port or URL, at least one
	Username  string   // "": no user
	Password  string
	Timeout   time.Duration // for one try to connect; 0 means DefaultTimeout
	Log       *slog.Logger  // hears of endpoints that don't answer; nil means slog.Default

	// Advise returns what an operator can try about a [MemberError]; that ends a
	// line of the log as "hint". nil means no advice.
	Advise func(error) string

	// TLS returns the settings for one connection. It is called for each, so that
	// certificates can be replaced while the client runs; it may be called
	// concurrently. nil: plain, unless an endpoint is https.
	TLS func() (*tls.Config, error)
}

// DefaultTimeout bounds one try to connect.
const DefaultTimeout = 2 * time.Second

// maxReconnectWait bounds the time from one try to connect to the next. gRPC's
// own grows to two minutes: so long a worker would stay away from an etcd that
// is back.
const maxReconnectWait = time.Second

// Open returns a client for config. It does not block: the client connects in
// the background, whether etcd is up or not, and logs in with its first call. A
// call that can't be logged in for returns why.
//
// A connection on which nothing but failure comes is closed, and dialed anew.
// With several endpoints the client keeps away from the ones that don't answer:
// see members. That ends when the client is closed.
//
// No connection goes through a proxy that HTTPS_PROXY names. gRPC would ask it
// for the addresses it resolves itself and not for those that we dial, so that
// it depended on the number of endpoints; and few such proxies are there to keep
// a connection open for days.
func Open(ctx context.Context, config Config) (*clientv3.Client, error) {
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Advise == nil {
		config.Advise = func(error) string { return "" }
	}
	if slices.ContainsFunc(config.Endpoints, record.IsUnix) {
		return config.client(ctx)
	}
	cs := newConns(config.Log.With("component", "etcd"))
	ways := []grpc.DialOption{grpc.WithContextDialer(cs.dial), grpc.WithChainUnaryInterceptor(cs.watch)}
	if len(config.Endpoints) < 2 {
		return config.client(ctx, ways...)
	}
	m := newMembers(config, cs)
	client, err := config.client(ctx, append(ways, grpc.WithChainUnaryInterceptor(m.intercept))...)
	if err != nil {
		return nil, err
	}
	m.client = client
	go m.run(client.Ctx())
	return client, nil
}

func (config Config) client(ctx context.Context, options ...grpc.DialOption) (*clientv3.Client, error) {
	why := new(causes)
	options = append([]grpc.DialOption{grpc.WithNoProxy(), grpc.WithChainUnaryInterceptor(why.explainWait, once)}, options...)
	if config.TLS != nil {
		options = append(options, grpc.WithTransportCredentials(newHandshakes(config.TLS, why)))
	}
	if config.Username != "" {
		login := newLogin(config.Username, config.Password)
		options = append(options, grpc.WithChainUnaryInterceptor(login.intercept), grpc.WithChainStreamInterceptor(login.interceptStream))
	}
	client, err := clientv3.New(clientv3.Config{
		Context:     ctx,
		Endpoints:   config.Endpoints,
		DialTimeout: config.Timeout,

		// gRPC notices a silent connection only if it is told to look; 10 s is
		// the shortest it allows. Shorter outages are the attempt's deadline's.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 2 * time.Second,
		PermitWithoutStream:  false, // etcd cuts the connection of clients that ping while idle

		// Two, because an expired auth token is renewed by the second one.
		// Everything else is tried again by Counter, which knows what is safe.
		MaxUnaryRetries: 2,

		DialOptions: append(options, grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxReconnectWait},
			MinConnectTimeout: config.Timeout,
		})),

		Logger: zap.NewNop(), // its errors reach us as errors
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %v: %w", config.Endpoints, err)
	}
	return client, nil
}
