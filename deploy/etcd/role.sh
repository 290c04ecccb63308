#!/bin/sh
# Makes the etcd user and role that workers and `seqd admin` need: to read and
# write below one prefix. Turns etcd's authentication on if asked to.
#
#   SEQD_ETCD_PASSWORD=… ./role.sh                              # user seqd, prefix /seqd
#   SEQD_USER=ids SEQD_PREFIX=/ids SEQD_ETCD_PASSWORD=… ./role.sh
#   ROOT_PASSWORD=… AUTH=enable SEQD_ETCD_PASSWORD=… ./role.sh  # the first time
#
# etcdctl's own settings are taken from the environment: ETCDCTL_ENDPOINTS,
# ETCDCTL_USER=root, ETCDCTL_PASSWORD, ETCDCTL_CACERT … Running it again changes
# the password and nothing else.
set -eu

user=${SEQD_USER:-seqd}
role=${SEQD_ROLE:-$user}
prefix=${SEQD_PREFIX:-/seqd}
while [ "${prefix%/}" != "$prefix" ]; do prefix=${prefix%/}; done # a slash at its end does not count for seqd either
case $prefix in
/?*) ;;
*)
	echo "SEQD_PREFIX must be like /seqd" >&2
	exit 1
	;;
esac
: "${SEQD_ETCD_PASSWORD:?set it to the password that the workers will use}"
case $SEQD_ETCD_PASSWORD in
*[[:space:]]*)
	echo "SEQD_ETCD_PASSWORD holds a space: etcdctl would take what is before it" >&2
	exit 1
	;;
esac

has() { # has user|role NAME
	etcdctl "$1" list | grep -qxF -- "$2"
}

has role "$role" || etcdctl role add "$role"
# The slash keeps /seqdX out. etcd knows no right to write without deleting:
# "write" covers put, delete and transactions of both.
etcdctl role grant-permission "$role" --prefix=true readwrite "$prefix/"

if has user "$user"; then
	printf '%s\n' "$SEQD_ETCD_PASSWORD" | etcdctl user passwd "$user" --interactive=false
else
	printf '%s\n' "$SEQD_ETCD_PASSWORD" | etcdctl user add "$user" --interactive=false
fi
etcdctl user grant-role "$user" "$role"

if [ "${AUTH:-}" = enable ]; then
	has user root || printf '%s\n' "${ROOT_PASSWORD:?set it to the password for root, who may do everything}" |
		etcdctl user add root --interactive=false
	etcdctl user grant-role root root
	etcdctl auth enable
fi
