package faults

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// What operators have etcd do while it runs.

// dial returns a client of members, past all links, that gives up soon. The caller
// closes it.
func (c *etcdCluster) dial(members ...*member) (*clientv3.Client, error) {
	config := clientv3.Config{DialTimeout: election, Logger: zap.NewNop(), Username: c.user, Password: c.user}
	for _, m := range members {
		config.Endpoints = append(config.Endpoints, m.client)
	}
	return clientv3.New(config)
}

// attempt has something done by a client of all members, within a few seconds.
func (c *etcdCluster) attempt(ctx context.Context, do func(context.Context, *clientv3.Client) error) error {
	client, err := c.dial(c.members...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*election)
	defer cancel()
	return do(ctx, client)
}

// moveLeader has the leader hand over to another member.
func (c *etcdCluster) moveLeader(ctx context.Context, i int) error {
	var leader *clientv3.Client
	var ids []uint64
	for _, m := range c.members {
		client, err := c.dial(m)
		if err != nil {
			return err
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(ctx, election)
		defer cancel()
		status, err := client.Status(ctx, m.client)
		switch {
		case err != nil: // it does not run
		case status.Leader == status.Header.MemberId:
			leader = client
		default:
			ids = append(ids, status.Header.MemberId)
		}
	}
	if leader == nil || len(ids) == 0 {
		return errors.New("no member leads that another one could follow")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*election)
	defer cancel()
	_, err := leader.MoveLeader(ctx, ids[i%len(ids)])
	return err
}

// compact forgets everything but the newest revision.
func (c *etcdCluster) compact(ctx context.Context, _ int) error {
	return c.attempt(ctx, func(ctx context.Context, client *clientv3.Client) error {
		now, err := client.Get(ctx, countersPath)
		if err == nil {
			_, err = client.Compact(ctx, now.Header.Revision)
		}
		return err
	})
}

// defragOne defragments one member, the next one each time.
func (c *etcdCluster) defragOne(ctx context.Context, i int) error {
	m := c.members[i%len(c.members)]
	client, err := c.dial(m)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Defragment(ctx, m.client)
	return err
}

// cut holds back what a member says to the others, or what they say to it.
func (c *etcdCluster) cut(i int, says, hears bool) {
	for j := range c.members {
		if j != i && says {
			c.mesh.Cut(i, j)
		}
		if j != i && hears {
			c.mesh.Cut(j, i)
		}
	}
}
