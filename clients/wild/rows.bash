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

# own_client installs our client for JavaScript from this clone, as its page says.
own_client() {
  npm install --silent --no-audit --no-fund --no-package-lock --no-save --install-links "$WILD_REPO/clients/js" >&2
}

# shows runs a row's program. A client that waits for ever ends it.
shows() {
  timeout 60 "$@"
}
