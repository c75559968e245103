# What must not move on a host that is to be left alone: configuration, the process, data, packages. The certificate it has adopted.
set -euo pipefail
cd /
find /etc /usr/local -path /etc/unde -prune -o -type f -exec sha256sum {} + | sort | sha256sum
systemctl show --property MainPID,ActiveEnterTimestampMonotonic postgresql@17-main.service
runuser -u postgres -- pg_dump --restrict-key=test unde | sha256sum
dpkg-query --show | sha256sum
