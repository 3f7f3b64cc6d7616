#!/usr/bin/env bash
# What a deploy does, as barely as a shell can: checkout, start, probe, weigh, drain, stop. No record, no way back.
# bare.sh MIRROR REVISION FOLDER NAME FIRST_PORT OLD_NAME ADMIN_PORT PROBES INTERVAL INSTANCES PYTHON
set -eu
mirror=$1 revision=$2 folder=$3 name=$4 port=$5 old=$6 admin=$7 probes=$8 interval=$9 instances=${10} python=${11}
ask() { exec 3<>"/dev/tcp/127.0.0.1/$admin"; printf '%s\n' "$1" >&3; cat <&3; exec 3<&- 3>&-; }

mkdir -p "$folder/$name"
git -C "$mirror" archive "$revision" | tar -x -C "$folder/$name"
cd "$folder/$name"

for n in $(seq "$instances"); do
  PORT=$((port + n)) setsid "$python" app.py >"out.$n" 2>&1 &
  echo $! >"pid.$n"; echo $((port + n)) >"port.$n"
done
probe() {  # one instance: so many passes in a row
  passed=0
  while [ "$passed" -lt "$probes" ]; do
    if curl -fs -o /dev/null "http://127.0.0.1:$((port + $1))/healthz"; then
      passed=$((passed + 1)); [ "$passed" -ge "$probes" ] || sleep "$interval"
    else
      passed=0; sleep 0.02
    fi
  done
}
waits=()
for n in $(seq "$instances"); do probe "$n" & waits+=($!); done
for one in "${waits[@]}"; do wait "$one"; done

for n in $(seq "$instances"); do
  ask "add server app/$name-$n 127.0.0.1:$((port + n)) weight 100" >/dev/null
  ask "enable server app/$name-$n" >/dev/null
done
[ -n "$old" ] || exit 0
for n in $(seq "$instances"); do ask "set server app/$old-$n state drain" >/dev/null; done
for n in $(seq "$instances"); do
  while [ "$(ask "show stat" | awk -F, -v s="$old-$n" '$2 == s {print $5}')" != 0 ]; do sleep 0.05; done
  ask "set server app/$old-$n state maint" >/dev/null
  ask "del server app/$old-$n" >/dev/null
  kill "$(cat "$folder/$old/pid.$n")"
  while (exec 4<>"/dev/tcp/127.0.0.1/$(cat "$folder/$old/port.$n")") 2>/dev/null; do sleep 0.02; done
done
