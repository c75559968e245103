set -euo pipefail
cp --preserve=all /run/unde/master.key /run/unde/right
trap 'mv -f /run/unde/right /run/unde/master.key' EXIT
printf %064d 7 > /run/unde/master.key
cd /; runuser -u postgres -- psql -XqAt -d unde -c "SELECT unde.get_user_knowledge('00000000-0000-4000-8000-000000000001', 'shoe size')" 2>&1 || true
runuser -u postgres -- psql -XqAt -d unde -c "SELECT unde_private.master_key_matches()"
rm /run/unde/master.key
runuser -u postgres -- psql -XqAt -d unde -c "SELECT unde.user_knowledge_opens()"
