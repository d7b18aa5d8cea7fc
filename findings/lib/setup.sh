# Sourced by each script: prints its claim, and makes a folder that is removed at the end.
# Status of a script: 0 as claimed, 3 could not be run, anything else: the behaviour has changed.
sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$0"
echo
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# packages NAME==VERSION...: these and no others, so that nothing comes in with a version of the day.
packages() {
  "${PYTHON:-python3.11}" -m venv venv || exit 3
  venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: "$@" || exit 3
}

# What the script has on its standard input, in Python; `from check import check` works there.
python() {
  GRPC_VERBOSITY=NONE PYTHONPATH=$lib PYTHONDONTWRITEBYTECODE=1 venv/bin/python "$@" -
}
