#!/usr/bin/env bash
# Runs tests many times beside busy loops, as a newcomer's machine may be busy,
# and says what failed and how often.
#
#   integration/steady.sh [-n TIMES] [-l LOOPS] [PACKAGES AND FLAGS OF go test]
#
# Without more it runs work, all modules, ten times beside one loop more than there are
# processors. A package fifty times, beside what else the machine does:
#
#   integration/steady.sh -n 50 -l 0 ./worker
set -euo pipefail

times=10
loops=$(($(getconf _NPROCESSORS_ONLN) + 1))
while getopts n:l: option; do
	case $option in
	n) times=$OPTARG ;;
	l) loops=$OPTARG ;;
	*)
		echo "try: $0 -n TIMES -l LOOPS PACKAGES" >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- work
logs=$(mktemp -d)

go test "$@" -count=1 -run '^$' >/dev/null # what is built now need not be built beside the loops
for ((i = 0; i < loops; i++)); do
	# A loop ends with this script, however that ends.
	(while kill -0 $$ 2>/dev/null; do :; done) &
done
failed=0
for ((i = 1; i <= times; i++)); do
	begin=$SECONDS verdict=ok
	go test "$@" -count=1 >"$logs/$i" 2>&1 || verdict="FAIL, see $logs/$i"
	echo "run $i of $times, $((SECONDS - begin)) s: $verdict"
	if [ "$verdict" = ok ]; then
		rm "$logs/$i"
	else
		failed=$((failed + 1))
		grep -E '^ *--- FAIL|^panic:|^FAIL.*/' "$logs/$i" || true
	fi
done
echo "$failed of $times runs failed beside $loops busy loops"
[ "$failed" = 0 ] && rmdir "$logs"
