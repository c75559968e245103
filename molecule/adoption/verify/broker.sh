set -euxo pipefail
[ "$(redis-cli LLEN celery)" = 40 ]
[ "$(redis-cli LLEN mails)" = 7 ]
[ "$(redis-cli CONFIG GET maxmemory | tail -1)" = 41943040 ]
# The application asked all the time, in one session of the database.
[ "$(systemctl is-active application)" = active ]
before=$(wc -l </run/application.log)
(( before > 30 ))
sleep 0.6
(( $(wc -l </run/application.log) > before ))
[ "$(grep -E '^[0-9]+$' /run/application.log | sort -u | wc -l)" = 1 ]
