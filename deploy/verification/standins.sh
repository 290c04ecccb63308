# shellcheck shell=bash disable=SC2154 # deploy, work and official are the main script's
# Images of the names and tags that the compose files and the Dockerfile use, made
# FROM scratch of what the Go proxy and Debian have. Sourced by ../verify.
#
# ../README.md says what they can't show.

# tag_of NAME prints the tag of an image that the compose files pin.
tag_of() { sed -n "s|^ *image: $1:\([^ ]*\).*|\1|p" "$deploy/compose.yaml"; }

# module_of TAG prints the version of the Go module that a tag is built from.
module_of() { local v=${1%-alpine}; echo "v${v#v}"; }

# image TAG ROOT < INSTRUCTIONS makes an image of a folder.
image() {
  { echo 'FROM scratch'; echo 'COPY . /'; cat; } >"$2.dockerfile"
  docker build -f "$2.dockerfile" -t "$1" "$2" >"$work/image.log" 2>&1 || { cat "$work/image.log" >&2; die "docker build of $1: see above"; }
  echo "  $1 $(docker image inspect -f '{{.Size}}' "$1" | awk '{printf "%.1f MB", $1/1e6}')"
}

# libraries ROOT PROGRAM copies the libraries that a program loads.
libraries() {
  { ldd "$2" || true; } | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$1$(dirname "$library")"
    cp -L "$library" "$1$library"
  done
}

# with_busybox ROOT NAME… puts a static busybox there under some of its names.
with_busybox() {
  local root=$1 name
  shift
  mkdir -p "$root/bin"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name; do ln -sf busybox "$root/bin/$name"; done
}

standins() {
  local nats etcd prometheus bin=$work/bin
  nats=$(tag_of nats) etcd=$(tag_of gcr.io/etcd-development/etcd) prometheus=$(tag_of prom/prometheus)
  command -v busybox >/dev/null || apt-get install -y -qq busybox-static >>"$work/apt.log" 2>&1

  step "stand-ins: nats-server $(module_of "$nats"), etcd $(module_of "$etcd")"
  mkdir -p "$work/module" "$bin"
  (
    cd "$work/module" || exit
    printf 'module standin\n\ngo 1.26\n' >go.mod
    go get "github.com/nats-io/nats-server/v2@$(module_of "$nats")" \
      "go.etcd.io/etcd/server/v3@$(module_of "$etcd")" "go.etcd.io/etcd/etcdctl/v3@$(module_of "$etcd")" 2>/dev/null
    CGO_ENABLED=0 GOBIN=$bin go install github.com/nats-io/nats-server/v2 go.etcd.io/etcd/server/v3 go.etcd.io/etcd/etcdctl/v3
  )
  mv "$bin/server" "$bin/etcd"

  local root=$work/nats
  mkdir -p "$root/usr/local/bin"
  cp "$bin/nats-server" "$root/usr/local/bin/"
  with_busybox "$root" sh wget # as in alpine
  printf '#!/bin/sh\nexec "$@"\n' >"$root/usr/local/bin/docker-entrypoint.sh"
  chmod +x "$root/usr/local/bin/docker-entrypoint.sh"
  image "nats:$nats" "$root" <<'END'
ENV PATH=/usr/local/bin:/bin
ENTRYPOINT ["docker-entrypoint.sh"]
END

  root=$work/etcd
  mkdir -p "$root/usr/local/bin" "$root/var/lib/etcd" "$root/tmp"
  cp "$bin/etcd" "$bin/etcdctl" "$root/usr/local/bin/"
  image "gcr.io/etcd-development/etcd:$etcd" "$root" <<'END'
ENV PATH=/usr/local/bin
CMD ["/usr/local/bin/etcd"]
END

  standin_golang
  standin_prometheus "$prometheus"
}

# standin_golang makes what the Dockerfile builds with: this machine's Go, a
# shell, git and certificates.
standin_golang() {
  local name root=$work/golang
  name=$(sed -n 's/^FROM \(golang:[^ ]*\).*/\1/p' "$deploy/Dockerfile")
  mkdir -p "$root/usr/local" "$root/etc/ssl/certs" "$root/tmp"
  cp -a "$(go env GOROOT)" "$root/usr/local/go"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  with_busybox "$root" sh mkdir
  cp "$(command -v git)" "$root/bin/"
  libraries "$root" "$root/bin/git"
  image "$name" "$root" <<END
ENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOTOOLCHAIN=local GOPROXY=$(go env GOPROXY) GOSUMDB=$(go env GOSUMDB)
END
}

# standin_prometheus makes a Prometheus of Debian's package. It is older than the
# one that is pinned.
standin_prometheus() {
  local root=$work/prometheus package=$work/package
  mkdir -p "$package" "$root/owned"
  (cd "$package" && apt-get download -qq prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb .) ||
    { echo "  prom/prometheus: none, as apt-get download prometheus does not work"; return; }
  with_busybox "$root" wget
  mv "$package/usr/bin/prometheus" "$root/bin/"
  libraries "$root" "$root/bin/prometheus"
  image "prom/prometheus:$1" "$root" <<'END'
COPY --chown=65534:65534 owned /prometheus
ENV PATH=/bin
USER 65534
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
END
}
