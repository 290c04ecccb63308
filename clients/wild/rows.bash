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
