package main

import (
	"flag"
	"fmt"
	"net"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// runProxy runs the parts of "etcd grpc-proxy start" until SIGTERM. The command
// itself would bring modules along that nothing else here needs.
func runProxy(args []string) error {
	fs := flag.NewFlagSet("grpc-proxy", flag.ExitOnError)
	listen := fs.String("listen", "", "host:port for clients")
	members := fs.String("endpoints", "", "host:port of each member, with commas")
	fs.Parse(args)

	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*members, ","), Logger: zap.NewNop()})
	if err != nil {
		return fmt.Errorf("grpc-proxy: %w", err)
	}
	defer client.Close()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("grpc-proxy: %w", err)
	}
	kv, _ := grpcproxy.NewKvProxy(client)
	watch, _ := grpcproxy.NewWatchProxy(client.Ctx(), zap.NewNop(), client)
	lease, _ := grpcproxy.NewLeaseProxy(client.Ctx(), client)
	cluster, _ := grpcproxy.NewClusterProxy(zap.NewNop(), client, *listen, "")
	s := grpc.NewServer()
	pb.RegisterKVServer(s, kv)
	pb.RegisterWatchServer(s, watch)
	pb.RegisterLeaseServer(s, lease)
	pb.RegisterClusterServer(s, cluster)
	pb.RegisterMaintenanceServer(s, grpcproxy.NewMaintenanceProxy(client))
	pb.RegisterAuthServer(s, grpcproxy.NewAuthProxy(client))
	go func() {
		<-terminated()
		s.Stop()
	}()
	return s.Serve(l)
}
