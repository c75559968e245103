#!/bin/bash
# A client that writes one value after another where the sentinels say, and notes in /run/acknowledged when each was acknowledged, and by whom.
set -uo pipefail
. /usr/local/bin/ask.sh
place=
for ((n = 1; ; n++)); do
  until [[ -n $place && $(say "$place" 6380 limits shards SET "routing:shard:$n" "$n") == OK ]]; do
    sleep 0.05
    place=$(leads limits)
  done
  echo "$EPOCHREALTIME $n $place" >>/run/acknowledged
done
