package deploy_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func TestServerConfigurations(t *testing.T) {
	for _, file := range []string{"nats/nats-server.conf", "nats/cluster.conf"} {
		options, err := server.ProcessConfigFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if options.PingInterval != 3*time.Second || options.MaxPingsOut != 2 {
			t.Errorf("%s pings every %v and gives up after %d, want 3s and 2", file, options.PingInterval, options.MaxPingsOut)
		}
		if options.HTTPPort != 8222 {
			t.Errorf("%s has its monitoring on port %d, but the health check asks 8222", file, options.HTTPPort)
		}
		c := options.Cluster
		if c.Username != "" || c.Password != "" {
			t.Errorf("%s has a password for routes that everybody can read", file)
		}
		if file == "nats/nats-server.conf" && (c.Port != 0 || c.Name != "") {
			t.Errorf("%s opens a cluster port", file)
		}
		if file == "nats/cluster.conf" && (len(options.Routes) != 3 || !c.NoAdvertise || c.PingInterval != 3*time.Second) {
			t.Errorf("%s: routes %v, advertised: %v, pinged every %v; want three, false, 3s", file, options.Routes, !c.NoAdvertise, c.PingInterval)
		}
	}
}
