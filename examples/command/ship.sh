#!/bin/sh
# Puts the files of a revision where a web server reads them: the smallest deploy there is, for all five steps.
# SITE comes from `env` in catalog-info.yaml; STEP, REVISION and the others are told by Fullcycle (docs/command.md).
set -eu
: "${SITE:?}" "${STEP:?}"

running() { readlink "$SITE/current" 2>/dev/null || true; }

case $STEP in
deploy) # may be run again at any time, so it says what shall be, not what to do
  mkdir -p "$SITE/$REVISION"
  cp -R public/. "$SITE/$REVISION/"
  ln -sfn "$REVISION" "$SITE/next"
  mv -T "$SITE/next" "$SITE/current" # in one step: nobody is served half of it
  echo "$REVISION is served, before it was ${PREVIOUS_REVISION:-nothing}"
  ;;
verify)
  test "$(running)" = "$REVISION"
  ;;
stop) # with an empty REVISION nothing shall be left
  test -n "$REVISION" || rm -f "$SITE/current"
  for folder in "$SITE"/*/; do
    name=$(basename "$folder")
    case $name in current | "$REVISION" | "*") continue ;; esac
    rm -rf "${SITE:?}/$name"
    echo "$name is removed"
  done
  ;;
*)
  echo "there is no step $STEP here" >&2
  exit 2
  ;;
esac
