package settings

import (
	"fmt"
	"net"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// nkey authenticates with the seed in a file, which is read for every
// connection, so that another key can be put there while we run.
//
// nats.go reads the seed again too, but announces the key it had at the start.
// What it announces can be changed only while it connects: when it dials.
type nkey struct {
	file string
	nc   atomic.Pointer[nats.Conn] // set once there is one
}

// option has a connection use the key.
func (k *nkey) option(o *nats.Options) error {
	public, err := k.public()
	if err != nil {
		return err
	}
	o.Nkey, o.SignatureCB = public, k.sign
	o.CustomDialer = nkeyDialer{k, o}
	return nil
}

// nkeyDialer dials as nats.go does, and has the key in the file announced.
type nkeyDialer struct {
	key     *nkey
	options *nats.Options
}

func (d nkeyDialer) Dial(network, address string) (net.Conn, error) {
	if nc := d.key.nc.Load(); nc != nil {
		public, err := d.key.public()
		if err != nil {
			return nil, err
		}
		nc.Opts.Nkey = public // nats.go dials under the lock under which it reads this
	}
	return (&net.Dialer{Timeout: d.options.Timeout}).Dial(network, address)
}

func (k *nkey) public() (string, error) {
	pair, err := k.pair()
	if err != nil {
		return "", err
	}
	defer pair.Wipe()
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return "", fmt.Errorf("nkey seed %s: not a user's; make one with: nk -gen user", k.file)
	}
	return public, nil
}

func (k *nkey) sign(nonce []byte) ([]byte, error) {
	pair, err := k.pair()
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

// pair reads the file. The seed stays in memory no longer than it is needed.
func (k *nkey) pair() (nkeys.KeyPair, error) {
	seed, err := readUnix(k.file)
	if err != nil {
		return nil, fmt.Errorf("nkey seed: %w", err)
	}
	defer clear(seed)
	pair, err := nkeys.ParseDecoratedNKey(seed)
	if err != nil {
		return nil, fmt.Errorf("nkey seed %s: not a seed; make one with: nk -gen user", k.file)
	}
	return pair, nil
}
