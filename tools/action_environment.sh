# Sourced by the steps of action.yml. What the job's environment says may come from the repository that
# is judged (a step that loads its .env file, or runs its code). Of it `clean` passes on the names below
# and the folders of PATH outside of the workspace; python3 runs in isolated mode, by its absolute path.
# What is installed is known by its SHA-256, so that neither a proxy nor an index decides.

workspace="$(cd -P "$GITHUB_WORKSPACE" && pwd -P)"
IFS=: read -ra folders <<< "$PATH"
PATH=
for folder in "${folders[@]}"; do
  case "$folder" in /*) ;; *) continue ;; esac
  folder="$(cd -P "$folder" 2> /dev/null && pwd -P)" || continue
  case "$folder/" in "$workspace"/*) ;; *) PATH+="${PATH:+:}$folder" ;; esac
done

clean=(/usr/bin/env -i)
while IFS= read -r name; do
  case "$name" in
    PATH | HOME | TMPDIR | LANG | LC_* | TERM | NO_COLOR) ;;
    CI | GITHUB_ACTIONS | ONNXGUARD_CACHE | ONNXGUARD_CACHE_KEY | XDG_CACHE_HOME) ;;
    *_proxy | *_PROXY | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE) ;;
    SYSTEMROOT | WINDIR | COMSPEC | PATHEXT | TEMP | TMP | USERPROFILE | *APPDATA) ;; # Windows
    *) continue ;;
  esac
  clean+=("$name=${!name}")
done < <(compgen -e)

environment="$RUNNER_TEMP/onnxguard"
inside_python() {
  local program
  for program in "$environment"/{bin/python,Scripts/python.exe}; do
    [ ! -x "$program" ] || echo "$program"
  done
}

# Fills `found` with the lines of an input that hold anything, without the space around them.
lines() {
  local line
  found=()
  while read -r line; do
    read -r line <<< "${line%$'\r'}"
    [ -z "$line" ] || found+=("$line")
  done <<< "$1"
}
