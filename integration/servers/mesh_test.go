package servers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seqd-io/seqd/integration/servers"
)

// A stream that is older than the cut, and than the sender's name, is cut in the
// direction that was said, and what was held back arrives in the end.
func TestMeshCutsAStream(t *testing.T) {
	say := make(chan string)
	member := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for text := range say {
			io.WriteString(w, text)
			http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(member.Close)
	t.Cleanup(func() { close(say) })
	mesh := servers.StartMesh(t, strings.TrimPrefix(member.URL, "http://"), "127.0.0.1:1")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+mesh.Addrs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Server-From", "b")
	go func() { say <- "1" }()
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	heard := make(chan string)
	go func() {
		for b := make([]byte, 1); ; {
			if _, err := resp.Body.Read(b); err != nil {
				close(heard)
				return
			}
			heard <- string(b)
		}
	}()
	next := func(want string) {
		t.Helper()
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	next("1")
	mesh.Name(1, "b")
	mesh.Cut(1, 0) // the stream's answers go the other way
	say <- "2"
	next("2")
	mesh.Cut(0, 1)
	say <- "3"
	select {
	case got := <-heard:
		t.Errorf("%q came over a way that is cut", got)
	case <-mesh.Held():
	}
	mesh.Mend(1)
	next("3")
}
