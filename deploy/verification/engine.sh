# shellcheck shell=bash disable=SC2154 # deploy, work and official are the main script's
# A Docker engine of one's own, that leaves nothing behind. Sourced by ../verify.
#
# It listens on a socket below $work and keeps its data there. It changes nothing
# of the host's network (no bridge of its own, no iptables rules, no forwarding):
# containers reach each other and are reached on published ports, by docker-proxy,
# but don't reach the outside. Builds use the host's network.

engine_start() {
  [ "$(id -u)" = 0 ] || die "starting an engine needs root; try: sudo $0, or use a running engine with --official"
  local missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  command -v docker-compose >/dev/null || missing+=(docker-compose)
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    apt-get install -y -qq "${missing[@]}" >"$work/apt.log" 2>&1 || die "apt-get install ${missing[*]}: see $work/apt.log"
  fi
  export DOCKER_HOST="unix://$work/docker.sock"
  dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" -H "$DOCKER_HOST" \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    >"$work/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 300); do
    docker info >/dev/null 2>&1 && return
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.2
  done
  tail -5 "$work/dockerd.log" >&2
  die "dockerd does not start: see above"
}

engine_stop() {
  [ -n "${engine:-}" ] || return 0
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  umount "$work"/exec/netns/* 2>/dev/null || true # what dockerd forgets
  engine=
}
