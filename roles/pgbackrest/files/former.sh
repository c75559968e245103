# Says the directory that the repository is moved away from while it holds backups of the stanza $2, by the configuration $1; nothing where it is not.
# The arguments after them: the directories that the new configuration still knows.
set -eu
config=$1 stanza=$2
shift 2
[ -e "$config" ] || exit 0
value() { sed -n "s/^$1=//p" "$config"; }
[ "$(value repo1-type)" = posix ] || exit 0
path=$(value repo1-path)
[ -e "$path/backup/$stanza/backup.info" ] || exit 0
for known in "$@"; do
    [ "$known" != "$path" ] || exit 0
done
echo "$path"
