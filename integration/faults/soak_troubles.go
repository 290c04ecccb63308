package faults

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/seqd-io/seqd/integration/pace"
)

// Troubles that take more than a line.

// retire stops a nats-server as planned, and starts it again.
func retire(s *soak, k strike) {
	n := s.nats[k.which]
	defer s.losing()()
	s.tearing()
	n.signal(s, syscall.SIGUSR2)
	select {
	case <-n.exited:
	case <-time.After(pace.Patience):
		s.Errorf("%s does not end", n.name)
		n.kill()
	}
	n.start(s)
}

// replace removes a member, wipes its disk and has it join again.
func replace(s *soak, k strike) {
	m := s.etcd.members[k.which]
	s.remove(m)
	s.during(k.lasts / 4)
	id := s.join(m)
	s.etcd.mesh.Name(k.which, strconv.FormatUint(id, 16))
}

// slowDisk has strace hold up a member's syncs. Where that can't be had, nothing
// is done.
func slowDisk(s *soak, k strike) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return
	}
	m := s.etcd.members[k.which]
	tracer := exec.Command(strace, "-f", "-qq", "-p", fmt.Sprint(m.pid()), "-o", "/dev/null",
		"-e", "trace=fdatasync,fsync", "-e", fmt.Sprintf("inject=fdatasync,fsync:delay_enter=%d", fsyncDelay.Microseconds()))
	tracer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if tracer.Start() != nil {
		return
	}
	s.during(k.lasts)
	_ = tracer.Process.Kill() // the kernel lets the member go
	_ = tracer.Wait()
}

// fullDisk has etcd refuse to write, as it does when a member's quota is used up.
func fullDisk(s *soak, k strike) {
	raise := func(ctx context.Context, client *clientv3.Client) error {
		status, err := client.Status(ctx, s.etcd.members[0].client)
		if err != nil {
			return err
		}
		_, err = pb.NewMaintenanceClient(client.ActiveConnection()).Alarm(ctx,
			&pb.AlarmRequest{MemberID: status.Header.MemberId, Action: pb.AlarmRequest_ACTIVATE, Alarm: pb.AlarmType_NOSPACE})
		return err
	}
	if s.etcd.attempt(s.Context(), raise) != nil { // something else is wrong; it may be raised all the same
		s.during(k.lasts / 2)
	}
	s.during(k.lasts)
	eventually(s, pace.Patience, "the alarm is disarmed", func() error {
		return s.etcd.attempt(s.Context(), func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.AlarmDisarm(ctx, &clientv3.AlarmMember{})
			return err
		})
	})
}
