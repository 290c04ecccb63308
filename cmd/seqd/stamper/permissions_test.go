package stamper_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	seqd "github.com/seqd-io/seqd/clients/go"
)

// permissions are those that the README names.
var permissions = &server.Permissions{
	Publish: &server.SubjectPermission{Allow: []string{
		"stamped.>", "seq.orders.>", "$JS.ACK.ORDERS.stamper.>",
		"$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.ORDERS", "$JS.API.STREAM.INFO.STAMPED", "$JS.API.STREAM.MSG.GET.STAMPED", "$JS.API.STREAM.MSG.GET.ORDERS",
		"$JS.API.CONSUMER.INFO.ORDERS.stamper", "$JS.API.CONSUMER.CREATE.ORDERS.stamper", "$JS.API.CONSUMER.MSG.NEXT.ORDERS.stamper",
		"$JS.API.CONSUMER.RESET.ORDERS.stamper", "$JS.API.CONSUMER.UNPIN.ORDERS.stamper",
	}},
	Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
}

func TestPermissions(t *testing.T) {
	r := newRigWith(t, nil, func(o *server.Options) {
		o.Users = []*server.User{{Username: "all"}, {Username: "stamper", Password: "s", Permissions: permissions}}
		o.NoAuthUser = "all"
	})
	r.publish(t, 20, 2)
	refused := make(chan error, 10)
	options := append(seqd.ConnectOptions(), nats.UserInfo("stamper", "s"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	nc := r.nats.Connect(t, options...)
	s := r.startOn(t, nc, config())
	r.awaitOutput(t, 20)
	if _, err := jetStream(t, nc).ResetConsumer(t.Context(), sourceStream, durable); err != nil { // as it does in trouble
		t.Fatal(err)
	}
	r.publish(t, 20, 2)
	r.awaitOutput(t, 40)
	s.stop(t)
	r.verify(t)
	select {
	case err := <-refused:
		t.Error(err)
	default:
	}
}
