package stamper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errNotStored is returned for a message that a stream does not have.
var errNotStored = errors.New("the stream has no such message")

// domainOf asks in which JetStream domain a stream is; jetstream has no field for
// it.
func domainOf(ctx context.Context, js jetstream.JetStream, stream string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := js.Conn().RequestWithContext(ctx, apiSubject(js, "STREAM.INFO."+stream), nil)
	var got struct {
		Error  *jetstream.APIError
		Domain string
	}
	if err == nil {
		err = json.Unmarshal(answer.Data, &got)
	}
	if err == nil && got.Error != nil {
		err = got.Error
	}
	if err != nil {
		return "", fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return got.Domain, nil
}

// storedMsg is a message as the API returns it.
type storedMsg struct {
	Subject string
	Seq     uint64
	Hdrs    []byte
	Time    time.Time
}

func (m *storedMsg) header() (nats.Header, error) {
	if len(m.Hdrs) == 0 {
		return nil, nil
	}
	return nats.DecodeHeadersMsg(m.Hdrs)
}

// readMessage reads a message from a stream's leader. A direct get, which nats.go
// prefers where the stream allows it, may be answered by a replica that has not
// got the message yet.
func readMessage(ctx context.Context, js jetstream.JetStream, stream string, seq uint64) (*storedMsg, error) {
	return askMessage(ctx, js, stream, fmt.Sprintf(`{"seq":%d}`, seq))
}

// nextMessage is readMessage of the first message of a subject from seq on.
func nextMessage(ctx context.Context, js jetstream.JetStream, stream string, seq uint64, subject string) (*storedMsg, error) {
	filter, err := json.Marshal(subject)
	if err != nil {
		return nil, err
	}
	return askMessage(ctx, js, stream, fmt.Sprintf(`{"seq":%d,"next_by_subj":%s}`, seq, filter))
}

func askMessage(ctx context.Context, js jetstream.JetStream, stream, which string) (*storedMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := js.Conn().RequestWithContext(ctx, apiSubject(js, "STREAM.MSG.GET."+stream), []byte(which))
	var got struct {
		Error   *jetstream.APIError
		Message *storedMsg
	}
	if err == nil {
		err = json.Unmarshal(answer.Data, &got)
	}
	switch {
	case err != nil:
	case got.Error != nil && got.Error.ErrorCode == codeMessageNotFound:
		return nil, errNotStored
	case got.Error != nil:
		err = got.Error
	case got.Message == nil:
		err = errors.New("the answer has no message")
	default:
		return got.Message, nil
	}
	return nil, fmt.Errorf("read message %s of %s: %w", which, stream, err)
}
