#!/bin/bash
# look.sh CERTIFICATE KEY DAYS DROP_IN DIRECTORY MARK NAME…: say what the host lacks to be the entry, one line for each. Changes nothing.
set -euo pipefail
certificate=$1 key=$2 days=$3 drop_in=$4 directory=$5 mark=$6

status() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true; }
for package in nginx logrotate openssl; do
  [ "$(status "$package")" = installed ] || echo "package $package"
done

if [ ! -s "$certificate" ] || [ ! -s "$key" ]; then
  echo "certificate is missing, or its key is"
elif command -v openssl >/dev/null; then
  if public=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null); then
    [ "$public" = "$(openssl pkey -in "$key" -pubout 2>/dev/null || true)" ] || echo "certificate is not of the key $key"
    openssl x509 -in "$certificate" -noout -checkend $((days * 86400)) >/dev/null || echo "certificate has fewer than $days days left"
    for name in "${@:7}"; do
      openssl x509 -in "$certificate" -noout -checkhost "$name" | grep 'does match' >/dev/null || echo "certificate is not for $name"
    done
  else
    echo "certificate is none that openssl can read"
  fi
fi

running=no
if systemctl is-active --quiet nginx; then running=yes; fi
if [ "$running" = no ] || ! systemctl is-enabled --quiet nginx; then echo stopped; fi
if [ "$running" = yes ] && [ ! -e "$drop_in/unde.conf" ]; then echo foreign; fi
# A run that was interrupted may have written a file and not told nginx; whoever brings certificates may have forgotten to.
if [ "$running" = yes ]; then
  started=$(systemctl show --timestamp=unix --property ActiveEnterTimestamp --value nginx | tr -cd 0-9)
  if [ -e "$drop_in/unde.conf" ] && (($(stat --format %Z "$drop_in/unde.conf") > started)); then echo restart; fi
  for file in "$directory/nginx.conf" "$certificate" "$key"; do
    if [ "$file" -nt "$mark" ]; then echo "stale $file"; fi
  done
fi
