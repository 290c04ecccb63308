package chart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mounted returns text with the folders that Kubernetes mounts replaced by one of
// ours, which holds what a cluster's Secrets would: a worker refuses to start
// without the files that it is told of.
func mounted(t *testing.T) *strings.Replacer {
	t.Helper()
	dir := t.TempDir()
	cert, key := certificate(t)
	for name, text := range map[string]string{
		"nats/worker.creds": creds,
		"nats-tls/ca.crt":   cert, "nats-tls/tls.crt": cert, "nats-tls/tls.key": key,
		"etcd-tls/ca.crt": cert, "etcd-tls/tls.crt": cert, "etcd-tls/tls.key": key,
		"audit/ca.crt": cert,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.NewReplacer("/run/secrets/seqd", dir, "/etc/audit", dir+"/audit")
}

// creds are of no user that there is: the JWT is none, and the seed was made for
// this test.
const creds = `-----BEGIN NATS USER JWT-----
head.body.signature
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
SUAPRPYVGUCD7CK2SVDAAUI34NXSLGQIZEIFWF7UOYLGW252EZVHSBQRBQ
------END USER NKEY SEED------
`

// certificate returns a certificate that signs itself, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &pair.PublicKey, pair)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return asPEM("CERTIFICATE", der), asPEM("PRIVATE KEY", keyDER)
}
