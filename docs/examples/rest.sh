#!/bin/sh
# A VM's life over REST, with curl: define, start, watch, command, move, delete. Needs V3_URL and V3_TOKEN.
set -eu

call() { # METHOD PATH [JSON]
  curl -sS --fail-with-body -X "$1" "$V3_URL/v1$2" -H "Authorization: Bearer $V3_TOKEN" \
    -H 'Content-Type: application/json' ${3:+-d "$3"}
}
operate() { # what takes long answers with an operation
  id=$(call "$@" | sed 's/.*"id":"\([^"]*\)","verb".*/\1/')
  while :; do
    operation=$(call GET "/operations/$id:wait?timeoutSeconds=20")
    case $operation in *'"done":true'*) break ;; esac
  done
  case $operation in *'"error":null'*) ;; *) printf '%s\n' "$operation" >&2; return 1 ;; esac
}

call POST /vms '{"name": "sh1", "host": "alpha", "nics": [{"network": "lan"}]}' >/dev/null
operate POST /vms/sh1:start
until call GET /vms/sh1 | grep -q '"state":"RUNNING"'; do sleep 1; done # or read /v1/vms?watch=true, a line a change

result=$(call POST /vms/sh1:exec '{"command": ["uname", "-s"]}')
printf '%s\n' "$result"

operate POST /vms/sh1:migrate '{"host": "beta"}'
echo "now on $(call GET /vms/sh1 | sed 's/.*"host":"\([^"]*\)".*/\1/')"

operate POST /vms/sh1:stop
operate DELETE /vms/sh1
