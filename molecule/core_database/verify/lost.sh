set -euo pipefail
cd /usr/local/lib/unde/core_database
order='{"programs": "/usr/lib/postgresql/17/bin", "version": "17", "adopt": true, "may_initialize": false}'
record=/var/lib/unde/core_database/system_identifier
systemctl stop postgresql@17-main
mv /var/lib/postgresql/17/main /var/lib/postgresql/17/away
mv $record /root/record
trap 'rm -rf /var/lib/postgresql/17/main; mv /var/lib/postgresql/17/away /var/lib/postgresql/17/main; [ -e '$record' ] || mv /root/record '$record'; systemctl start postgresql@17-main' EXIT
if python3 -B cluster.py <<<"$order"; then exit 3; fi
mv /root/record $record
if python3 -B cluster.py <<<"$order"; then exit 4; fi
[ ! -e /var/lib/postgresql/17/main ]
