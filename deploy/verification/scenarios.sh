# shellcheck shell=bash disable=SC2154 # deploy, work and official are the main script's
# What is done with each compose file. Sourced by ../verify.

compose() { $COMPOSE -f "$deploy/$compose_file" "$@"; }

# use FILE chooses the compose file, and free ports on the host.
use() {
  compose_file=$1
  local ports
  read -r -a ports <<<"$(free_ports 4)"
  export SEQD_PAGE_PORTS=18280-18299
  export SEQD_NATS_PORT=${ports[0]} SEQD_NATS_PORT_1=${ports[0]} SEQD_NATS_PORT_2=${ports[1]} SEQD_NATS_PORT_3=${ports[2]}
  export SEQD_PROMETHEUS_PORT=${ports[3]}
}

free_ports() {
  python3 -c 'import socket, sys
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(x.getsockname()[1] for x in s))' "$1"
}

# containers prints the containers that are up, one a line: name, service.
containers() {
  docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
    --format '{{.Names}} {{.Label "com.docker.compose.service"}}' | sort
}

health() { docker inspect -f '{{.State.Health.Status}}' "$1" 2>/dev/null; }

# await_health waits for all containers.
await_health() {
  local deadline=$((SECONDS + 120)) name rest bad
  while :; do
    bad=
    while read -r name rest; do
      [ "$(health "$name")" = healthy ] || bad=$name
    done < <(containers)
    [ -n "$bad" ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || die "$bad is $(health "$bad"), not healthy"
    sleep 0.5
  done
}

up() {
  local begin=$SECONDS
  compose up -d "$@" >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; die "up fails: see above"; }
  await_health
  echo "  up after $((SECONDS - begin)) s, all healthy: $(containers | wc -l) containers"
}

# expect WHAT GOT WANT
expect() {
  printf '  %s → %s\n' "$1" "$(tr '\n' ' ' <<<"$2")"
  [ "$2" = "$3" ] || die "$1: expected $(tr '\n' ' ' <<<"$3")"
}

# pages looks at the page of each worker, from the host.
pages() {
  local name service
  while read -r name service; do
    [ "$service" = worker ] || continue
    expect "the page of $name" "$(curl -fsS "http://$(docker port "$name" 8280)/" | grep -o '<title>seqd')" '<title>seqd'
  done < <(containers)
}

tool() { compose run --rm -T seqd "$@" 2>"$work/tool.log" || { cat "$work/tool.log" >&2; die "seqd $*: see above"; }; }
host() { "$work/seqd" "$@" --nats-url "$urls"; }

# watch_start starts the checker, which asks for ids from now on.
watch_start() {
  rm -f "$work/watch.in" "$work/watch.out"
  mkfifo "$work/watch.in" "$work/watch.out"
  "$work/watch" --nats-url "$urls" <"$work/watch.in" >"$work/watch.out" 2>"$work/watch.err" &
  watch_pid=$!
  exec {watch_in}>"$work/watch.in" {watch_out}<"$work/watch.out"
  watch_line
}

# watch_line prints what the checker says next; it ends where ids do not flow.
watch_line() {
  local line
  read -r line <&"$watch_out" || { cat "$work/watch.err" >&2; die "the checker has ended: see above"; }
  echo "  $line"
}

# flows EVENT waits until ids flow again.
flows() {
  echo "$1" >&"$watch_in"
  watch_line
}

watch_verdict() {
  exec {watch_in}>&-
  watch_line
  wait "$watch_pid" || die "the checker found something: see above"
  exec {watch_out}<&-
  watch_pid=
}

watch_stop() { [ -z "${watch_pid:-}" ] || kill "$watch_pid" 2>/dev/null || true; }

# evidence shows the logs of what has failed.
evidence() {
  [ -n "$compose_file" ] || return 0
  echo "--- the containers, and the ends of their logs" >&2
  compose --profile tools --profile observability ps >&2 || true
  compose --profile tools --profile observability logs --tail 15 >&2 || true
}

down() {
  compose --profile tools --profile observability down -v >"$work/down.log" 2>&1 || { cat "$work/down.log" >&2; die "down fails: see above"; }
  local left
  left=$(docker ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" &&
    docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" &&
    docker network ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  [ -z "$left" ] || die "down leaves behind: $left"
  echo "  down; nothing is left"
  compose_file=
}

build_image() {
  step "the image, as the Dockerfile says"
  local begin=$SECONDS
  docker build --network host -f deploy/Dockerfile -t seqd:local . >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; die "docker build fails: see above"; }
  echo "  built in $((SECONDS - begin)) s, $(docker image inspect -f '{{.Size}}' seqd:local | awk '{printf "%.1f MB", $1/1e6}')"
}

scenario_image() {
  step "what is in the image"
  local id
  id=$(docker create seqd:local)
  docker export "$id" | tar -tvf - | awk '{print "  " $1, $2, $3, $6}' | grep -v ' \(dev\|proc\|sys\|etc/\(hosts\|hostname\|mtab\|resolv.conf\)\|.dockerenv\)'
  docker rm "$id" >/dev/null
  echo "  runs as $(docker image inspect -f '{{.Config.User}}' seqd:local), $(docker run --rm --network none seqd:local version)"
  [ "$(docker run --rm --network none seqd:local version)" = "$(expected_version)" ] || die "expected $(expected_version)"
  expect "seqd dev" "$(docker run --rm --network none seqd:local dev 2>&1 || true)" \
    "seqd: this is a lean build, without the servers that dev needs: build seqd without the tag lean"
}

# expected_version is what Go makes of this clone.
expected_version() {
  go build -buildvcs=true -tags lean -o "$work/stamped" ./cmd/seqd && "$work/stamped" version
}

scenario_single() {
  step "compose.yaml"
  use compose.yaml
  urls=nats://127.0.0.1:$SEQD_NATS_PORT
  up
  expect "seqd next, from the tool service" "$(tool next demo key --mode strong -n 3)" "$(seq 3)"
  expect "seqd next, from the host" "$(host next demo key --mode strong)" 4
  expect "seqd admin peek, from the tool service" "$(tool admin peek demo key --format json | sed 's/,"by.*//')" '{"store":"demo","key":"key","last":"4"'

  pages

  watch_start
  local name _
  while read -r name _; do
    # The process dies, and the engine starts it again.
    kill -9 "$(docker inspect -f '{{.State.Pid}}' "$name")"
    flows "killed $name, which comes back by itself"
    await_health
  done < <(containers)
  watch_verdict

  compose down >/dev/null 2>&1
  up
  expect "seqd next after down and up" "$(host next demo key --mode strong)" 5
  down
}

scenario_cluster() {
  step "compose.cluster.yaml"
  use compose.cluster.yaml
  urls=nats://127.0.0.1:$SEQD_NATS_PORT_1,nats://127.0.0.1:$SEQD_NATS_PORT_2,nats://127.0.0.1:$SEQD_NATS_PORT_3
  up
  expect "seqd next, from the tool service" "$(tool next demo key --mode strong -n 3)" "$(seq 3)"
  expect "seqd next, from the host" "$(host next demo key --mode strong)" 4

  pages

  watch_start
  local name _
  while read -r name _; do
    docker kill "$name" >/dev/null
    flows "killed $name, which stays away"
    docker start "$name" >/dev/null
    await_health
    flows "started $name"
  done < <(containers)
  watch_verdict
  down
}

scenario_observability() {
  step "the observability profile"
  use compose.yaml
  urls=nats://127.0.0.1:$SEQD_NATS_PORT
  if [ -z "$official" ] && ! docker image inspect "prom/prometheus:$(tag_of prom/prometheus)" >/dev/null 2>&1; then
    echo "  not shown: there is no stand-in for prom/prometheus here"
    return
  fi
  local parts=(worker prometheus)
  [ -z "$official" ] || parts+=(grafana)
  up "${parts[@]}"
  local query deadline=$((SECONDS + 60)) got=
  query="http://127.0.0.1:$SEQD_PROMETHEUS_PORT/api/v1/query?query=count%20by%20(job)(up%3D%3D1)"
  until [ "$got" = "etcd 1, prometheus 1, seqd 2" ]; do
    [ "$SECONDS" -lt "$deadline" ] || die "Prometheus sees $got"
    sleep 1
    got=$(curl -fsS "$query" 2>/dev/null | python3 -c 'import json, sys
r = json.load(sys.stdin)["data"]["result"]
print(", ".join(sorted(x["metric"].get("job", "") + " " + x["value"][1] for x in r)))' || true)
  done
  echo "  Prometheus scrapes: $got"
  down
}
