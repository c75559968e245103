# Begin on db: a worker that waits for a task. Begin on broker: an application that asks the database five times a second, in one session.
set -euo pipefail
case $1 in
  db) systemd-run --quiet --unit=worker --property=StandardOutput=file:/run/worker.log redis-cli -h 198.18.84.12 BRPOP urgent 0 ;;
  broker)
    echo 'SELECT pg_backend_pid() \watch 0.2' >/run/application.sql
    systemd-run --quiet --unit=application --property=StandardOutput=file:/run/application.log \
      psql -XqAt -v ON_ERROR_STOP=1 --file=/run/application.sql 'host=198.18.84.11 user=shop dbname=shop'
    ;;
esac
