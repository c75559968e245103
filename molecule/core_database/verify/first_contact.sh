set -euo pipefail
cd /usr/local/lib/unde/core_database
order='{"programs": "/usr/lib/postgresql/17/bin", "version": "17", "adopt": true, "may_initialize": false}'
conf=/etc/postgresql/17/main/postgresql.conf
cp $conf /root/postgresql.conf
trap 'cat /root/postgresql.conf >'$conf EXIT
sed -i '/^include_dir/d' $conf
if python3 -B cluster.py <<<"$order"; then exit 3; fi
if [ -e /var/lib/unde/core_database/system_identifier ]; then exit 4; fi
# Another version's directory is empty, and a server runs.
if python3 -B cluster.py <<<"$(sed 's/"17"/"16"/' <<<"$order")"; then exit 5; fi
