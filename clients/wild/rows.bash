# What the run scripts of rows have in common. They run in a copy of their folder.

# once FILE… -- COMMAND… runs the command unless it has run for the same files before.
once() {
  local files=()
  while [ "$1" != -- ]; do files+=("$1"); shift; done
  shift
  local done=.done-${files[0]}
  cat "${files[@]}" | cmp -s - "$done" || { "$@" >&2 && cat "${files[@]}" >"$done"; }
}

# venv [PYTHON] installs requirements.txt; its interpreter is then venv/bin/python.
venv() {
  [ -x venv/bin/python ] || "${1:-python3}" -m venv venv
  once requirements.txt -- venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
}

# packages installs package.json.
packages() {
  once package.json -- npm install --loglevel error --no-audit --no-fund --no-package-lock
}

# jars puts what pom.xml depends on into lib.
jars() {
  once pom.xml -- mvn -B -q -ntp dependency:copy-dependencies -DoutputDirectory=lib
}

# installed PACKAGE… installs packages of Debian that are missing.
installed() {
  dpkg-query -W "$@" >/dev/null 2>&1 ||
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >&2
}

# replies writes what seqd answers to big.msgpack (the id is 2^53+1), wide.msgpack (it
# is 2^32+5) and error.msgpack (n is out of range), and the same in JSON to *.json.
replies() {
  local reply=$PWD/reply
  (cd "$WILD_REPO" && go build -o "$reply" ./clients/wild/reply)
  ./reply "seq.big.$WILD_ROW" >big.msgpack
  ./reply "seq.wide.$WILD_ROW" >wide.msgpack
  ./reply "$WILD_SUBJECT" $'\x81\xa1n\xff' >error.msgpack
  ./reply "seq.big.$WILD_ROW.json" '{}' >big.json
  ./reply "seq.wide.$WILD_ROW.json" '{}' >wide.json
  ./reply "$WILD_SUBJECT" '{"n":-1}' >error.json
}

# own_client installs our client for JavaScript from this clone, as its page says.
own_client() {
  npm install --loglevel error --no-audit --no-fund --no-package-lock --no-save --install-links "$WILD_REPO/clients/js" >&2
}

# shows runs a row's program. A client that waits for ever ends it.
shows() {
  timeout 60 "$@"
}

# since VERSION COMMAND… prints that version, if the command says that it has it and prints
# besides what is in the file facts. It asks a key of its own.
since() {
  local version=$1
  shift
  WILD_SUBJECT=$WILD_SUBJECT-since shows "$@" >facts.older
  grep -q "^version: .*$version" facts.older # not the newer one by accident
  diff <(grep -v '^version: ' facts) <(grep -v '^version: ' facts.older) >&2
  echo "since: $version"
}

# older_venv PACKAGE==VERSION… installs them with pip in the folder older.
older_venv() {
  [ -x older/bin/python ] || { "${PYTHON:-python3}" -m venv older && older/bin/python -m pip install --quiet --disable-pip-version-check "$@"; } >&2
}

# older_packages PACKAGE@VERSION… installs them with npm in the folder older, and copies the program there.
older_packages() {
  mkdir -p older
  [ -d older/node_modules ] || npm install --loglevel error --no-audit --no-fund --no-package-lock --prefix older "$@" >&2
  cp ids.* older/
}
