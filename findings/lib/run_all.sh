#!/usr/bin/env bash
# Run the findings named, or all; print a line for each, and all of its output where it is not as claimed.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
[ $# -gt 0 ] || set -- *.sh
for file; do
  name=$(basename "$file" .sh)
  start=$SECONDS
  code=0
  bash "$name.sh" >"$log" 2>&1 </dev/null || code=$?
  case $code in
    0) result=pass ;;
    3) result="not run" ;;
    *) result=changed ;;
  esac
  printf '%-32s %-8s %4d s\n' "$name" "$result" $((SECONDS - start))
  if [ $code -ne 0 ]; then
    status=1
    sed 's/^/    /' "$log"
  fi
done
exit $status
