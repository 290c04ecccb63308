package main

import (
	"context"
	"errors"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// [write] a processor of Benthos, in Go

// seqd makes an id of each message.
type seqd struct {
	nc      *nats.Conn
	subject string
}

func (s *seqd) Process(ctx context.Context, m *service.Message) (service.MessageBatch, error) {
	request := nats.Msg{Subject: s.subject, Header: nats.Header{"Accept": {"text/plain"}}}
	reply, err := s.nc.RequestMsgWithContext(ctx, &request)
	if err != nil {
		return nil, err
	}
	if e := reply.Header.Get("Nats-Service-Error"); e != "" {
		return nil, errors.New(e)
	}
	m.SetBytes(reply.Data)
	return service.MessageBatch{m}, nil
}

func (s *seqd) Close(context.Context) error { return s.nc.Drain() }

func register() {
	fields := service.NewConfigSpec().Field(service.NewStringField("subject"))
	check(service.RegisterProcessor("seqd", fields, func(c *service.ParsedConfig, _ *service.Resources) (service.Processor, error) {
		subject, err := c.FieldString("subject")
		if err != nil {
			return nil, err
		}
		nc, err := nats.Connect(os.Getenv("NATS_URL"))
		return &seqd{nc, subject}, err
	}))
}

// [/write]
