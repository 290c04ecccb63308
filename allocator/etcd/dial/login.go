package dial

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// login gives a client's calls the token of a user, and logs in for one when
// the first call is made, and whenever etcd does not know it any more.
//
// clientv3 can log in by itself, but only while the client is made: a worker
// whose password is wrong, or whose etcd is away, would not come up, and could
// not tell anybody why.
type login struct {
	user, password string

	turn chan struct{} // has room for one: who logs in

	mu     sync.Mutex
	token  string    // "" with usable: etcd asks nobody who they are
	usable bool      // token can be
	err    error     // the refusal of the latest login
	failed time.Time // when that was
}

// loginSpacing is the time after a refused login in which nobody tries again: it
// costs etcd a tenth of a second of a processor to check a password.
const loginSpacing = time.Second

func newLogin(user, password string) *login {
	return &login{user: user, password: password, turn: make(chan struct{}, 1)}
}

// intercept makes sure of a token before a call. A call that is refused for its
// token was not done; clientv3 makes it again, once, with the next token.
func (l *login) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if method == etcdserverpb.Auth_Authenticate_FullMethodName {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	token, err := l.ensure(ctx, cc)
	if err != nil {
		return err
	}
	err = invoke(ctx, method, req, reply, cc, append(opts, grpc.PerRPCCredentials(bearer(token)))...)
	if refused := rpctypes.Error(err); err != nil &&
		(errors.Is(refused, rpctypes.ErrInvalidAuthToken) || errors.Is(refused, rpctypes.ErrAuthOldRevision) || errors.Is(refused, rpctypes.ErrUserEmpty)) {
		l.forget(token)
	}
	return err
}

// interceptStream is intercept for calls that last.
func (l *login) interceptStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	token, err := l.ensure(ctx, cc)
	if err != nil {
		return nil, err
	}
	return open(ctx, desc, cc, method, append(opts, grpc.PerRPCCredentials(bearer(token)))...)
}

// ensure returns the token, and logs in for one if there is none. It blocks
// until ctx ends at most.
func (l *login) ensure(ctx context.Context, cc *grpc.ClientConn) (string, error) {
	if token, usable, _ := l.current(); usable {
		return token, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	token, usable, err := l.current() // somebody else may have had a turn
	if usable || err != nil {
		return token, err
	}
	resp, err := etcdserverpb.NewAuthClient(cc).Authenticate(ctx, &etcdserverpb.AuthenticateRequest{Name: l.user, Password: l.password})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch refusal := rpctypes.Error(err); {
	case err == nil:
		l.token, l.usable = resp.Token, true
	case errors.Is(refusal, rpctypes.ErrAuthNotEnabled):
		l.token, l.usable = "", true
	case errors.Is(refusal, rpctypes.ErrAuthFailed):
		l.err, l.failed = fmt.Errorf("log in to etcd as %q: %w", l.user, err), time.Now()
		return "", l.err
	default:
		return "", fmt.Errorf("log in to etcd: %w", err)
	}
	return l.token, nil
}

// current returns the token, or the refusal if that is young.
func (l *login) current() (token string, usable bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.usable && l.err != nil && time.Since(l.failed) < loginSpacing {
		return "", false, l.err
	}
	return l.token, l.usable, nil
}

// forget drops a token that etcd does not know any more.
func (l *login) forget(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == token {
		l.token, l.usable = "", false
	}
}

// bearer is a token as a call's credentials; "" adds none.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	return map[string]string{rpctypes.TokenFieldNameGRPC: string(b)}, nil
}

// RequireTransportSecurity lets etcds without TLS be logged in to, as etcd does.
func (bearer) RequireTransportSecurity() bool { return false }
