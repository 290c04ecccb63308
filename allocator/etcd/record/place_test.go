package record

import (
	"strings"
	"testing"
)

// Two workers, one told /seqd and the other /seqd/, issued 1 1 2 2 3 4 5 3.
func TestCanonicalPrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"/seqd": "/seqd", "/seqd/": "/seqd", "/seqd//": "/seqd", "/a/b/": "/a/b", "/ü": "/ü", "/seqd/v1": "/seqd/v1",
	} {
		if got, err := CanonicalPrefix(prefix); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", prefix, got, err, want)
		}
	}
	for prefix, want := range map[string]string{
		"": "leave it out for /seqd", "/": "a name after its slash", "//": "a name", "seqd": "like /seqd", "seqd/": "like /seqd",
		"/a//b": "two slashes", "//seqd": "two slashes", "/a b": "no blank", " /seqd": "no blank", "/seqd\n": "no blank",
		"/seqd\u00a0": "no blank", "/seqd\u200b": "nothing invisible", "/seqd\x00": "nothing invisible", "/\xff": "valid UTF-8",
	} {
		if got, err := CanonicalPrefix(prefix); err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error that says %q", prefix, got, err, want)
		}
	}
}

func FuzzCanonicalPrefix(f *testing.F) {
	for _, seed := range []string{"/seqd", "/seqd/", "seqd", "/a//b", "/\xff", "/ "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		got, err := CanonicalPrefix(prefix)
		if err != nil {
			return
		}
		if again, err := CanonicalPrefix(got); err != nil || again != got {
			t.Errorf("%q is %q, and that is %q, %v", prefix, got, again, err)
		}
		if slashed, err := CanonicalPrefix(prefix + "/"); err != nil || slashed != got {
			t.Errorf("%q is %q, and with a slash %q, %v", prefix, got, slashed, err)
		}
		if strings.Contains(got+CountersPath, "//") || got[0] != '/' {
			t.Errorf("%q is %q", prefix, got)
		}
	})
}

func TestNoneOfABadPrefix(t *testing.T) {
	for _, prefix := range []string{"/", "seqd", "/a//b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", prefix)
				}
			}()
			PrefixOf(prefix)
		}()
	}
}

func TestCanonicalEndpoints(t *testing.T) {
	for list, want := range map[string]string{
		"127.0.0.1:2379": "127.0.0.1:2379", "http://127.0.0.1:2379": "127.0.0.1:2379", "HTTP://Etcd.Local:2379/": "etcd.local:2379",
		"https://A:1": "https://a:1", "b:1, a:1 ,b:1": "a:1,b:1", "[::1]:2379": "[::1]:2379", "[0:0::1]:02379": "[::1]:2379",
		"[::ffff:10.0.0.1]:1": "10.0.0.1:1", "unix:///run/etcd.sock": "unix:///run/etcd.sock",
	} {
		got, err := CanonicalEndpoints(strings.Split(list, ","))
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%q: got %q, %v, want %q", list, got, err, want)
		}
	}
	for endpoint, want := range map[string]string{
		"etcd": "has no port", "http://etcd": "has no port", "https://etcd/": "has no port", "etcd:": "from 1 to 65535", "etcd:0": "from 1 to 65535",
		"etcd:65536": "from 1 to 65535", "etcd:http": "from 1 to 65535", ":2379": "is not like", "": "is not like", "a:1,b:1": "is not like", "a b:1": "is not like",
		"etcd:1/path": "", "user@etcd:1": "is not like", "http://etcd:1?x": "", "::1": "is not like", "ftp://etcd:1": "http:// or https://",
	} {
		got, err := CanonicalEndpoints([]string{"first:1", endpoint})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "endpoint 2 of 2") {
			t.Errorf("%q: got %q, %v, want an error that says %q", endpoint, got, err, want)
		}
	}
	if _, err := CanonicalEndpoints(nil); err == nil {
		t.Error("none were taken")
	}
}

func FuzzCanonicalEndpoint(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:2379", "http://a:1/", "https://[::1]:2379", "unix:///a", "localhost.:1", "A:01", "..:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		got, err := canonicalEndpoint(endpoint)
		if err != nil {
			return
		}
		if again, err := canonicalEndpoint(got); err != nil || again != got {
			t.Errorf("%q is %q, and that is %q, %v", endpoint, got, again, err)
		}
		if form := rememberedForm(got); form != rememberedForm(endpoint) || form != rememberedForm(form) && !IsUnix(form) {
			t.Errorf("%q is %q, and is remembered as %q and %q", endpoint, got, form, rememberedForm(endpoint))
		}
	})
}

func TestSamePlace(t *testing.T) {
	split := func(list string) []string { return strings.Split(list, ",") }
	for _, test := range []struct {
		prefix, list, otherPrefix, other string
		want                             bool
	}{
		{"/seqd", "127.0.0.1:2379", "/seqd/", "http://127.0.0.1:2379", true},
		{"/seqd", "127.0.0.1:2379", "/seqd", "https://LOCALHOST:2379/", true},
		{"/seqd", "127.0.0.2:2379", "/seqd", "[::1]:2379", true},
		{"/seqd", "a:1,b:1,c:1", "/seqd", "c:1,d:1", true},
		{"/seqd", "a.:1", "/seqd", "a:1", true},
		{"/seqd", "unix:///run/etcd", "/seqd", "unix:/run/etcd", true},
		{"/seqd", "a:1", "/seqd", "a:2", false},
		{"/seqd", "a:1", "/other", "a:1", false},
		{"/seqd", "a:1", "/seqd", "b:1", false},
	} {
		if got := SamePlace(test.prefix, split(test.list), test.otherPrefix, split(test.other)); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}
