set -uo pipefail
cd /usr/local/lib/unde/postgres_shard
install -d /var/lib/postgresql/16/main && echo precious > /var/lib/postgresql/16/main/PG_VERSION
echo '{"version": "16", "programs": "/usr/lib/postgresql/17/bin", "name": "x", "members": [], "initial_role": "primary", "may_initialize": true}' | python3 -B cluster.py && exit 3
cat /var/lib/postgresql/16/main/PG_VERSION
rm -r /var/lib/postgresql/16
echo '{"version": "16", "programs": "/usr/lib/postgresql/17/bin", "name": "x", "members": [], "initial_role": "primary", "may_initialize": false}' | python3 -B cluster.py && exit 4
echo '{"master_key_file": "/var/lib/unde/key/master.key", "master_key": "'"$(printf %064d 0)"'", "master_key_former": "", "replicator_password": "x"}' | python3 -B keys.py && exit 5
test ! -e /var/lib/unde/key/master.key || exit 6
rmdir /var/lib/unde/key
echo '{"master_key_file": "/run/unde/master.key", "master_key": "'"$(printf %064d 0)"'", "master_key_former": "", "replicator_password": "x"}' | python3 -B keys.py && exit 7
# One whose connection was lost goes on here: the next run waits for it, and judges then.
flock . sleep 3 &
sleep 0.5
begun=$(date +%s%N)
echo '{"version": "17", "programs": "/usr/lib/postgresql/17/bin", "name": "x", "members": [], "initial_role": "primary", "may_initialize": true}' | python3 -B cluster.py > /dev/null || exit 8
[ $(( ($(date +%s%N) - begun) / 1000000 )) -gt 1500 ] || exit 9
exit 0
