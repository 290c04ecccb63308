# What the run scripts of rows have in common. They run in a copy of their folder.

# venv [PYTHON] installs requirements.txt; its interpreter is then venv/bin/python.
venv() {
  [ -x venv/bin/python ] || "${1:-python3}" -m venv venv
  venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt >&2
}

# packages installs package.json.
packages() {
  npm install --silent --no-audit --no-fund --no-package-lock >&2
}

# jars puts what pom.xml depends on into lib.
jars() {
  mvn -B -q -ntp dependency:copy-dependencies -DoutputDirectory=lib >&2
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
  npm install --silent --no-audit --no-fund --no-package-lock --no-save --install-links "$WILD_REPO/clients/js" >&2
}

# shows runs a row's program. A client that waits for ever ends it.
shows() {
  timeout 60 "$@"
}
