# Open a session that reads from a pipe (arguments: a word, how to come in), or, without arguments, ask the open one again.
set -euo pipefail
pipe=/run/session
if [ $# -gt 0 ]; then
    rm -f $pipe $pipe.out && mkfifo $pipe
    setsid bash -c 'exec 3<>'"$pipe"'; exec psql -XqAt -d "$1" <&3 >'"$pipe"'.out 2>&1' held "$2" >/dev/null 2>&1 &
fi
word=${1:-after}
echo "SELECT '$word';" >$pipe
timeout 10 bash -c "until grep -qx '$word' $pipe.out; do sleep 0.1; done" || { cat $pipe.out; exit 1; }
tail -1 $pipe.out
