# What the writer was told is done, against what is there.
systemctl stop writer
there=$(runuser -u postgres -- psql -XqAt -F' ' -d unde -c "SELECT seq, content FROM unde.messages WHERE client = 'writer' ORDER BY seq")
wanted=$(awk '$1 == "insert" { text[$2] = "while it changes " $2 } $1 == "edit" { text[$2] = text[$2] ", edited" } $1 == "delete" { delete text[$2] }
  END { for (n in text) print n, text[n] }' /root/acknowledged | sort -n)
echo "$(wc -l </root/acknowledged) statements, $(wc -l </root/writer-complaints) complaints"
# The last statement may have been done and not acknowledged.
missing=$(comm -23 <(sort <<<"$wanted") <(sort <<<"$there"))
extra=$(comm -13 <(sort <<<"$wanted") <(sort <<<"$there"))
if (($(wc -l </root/acknowledged) < 50)) || [[ -s /root/writer-complaints || $(grep -c . <<<"$missing$extra") -gt 2 ]]; then
  head -5 /root/writer-complaints
  echo "missing: $missing; not wanted: $extra"
  exit 1
fi
echo 'all of it is there'
