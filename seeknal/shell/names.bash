# The names of the nearest project that begin like $2: the lines `$1 NAME` of target/local/names. Nothing in them is expanded.
_seeknal_names() {
  local folder=$PWD before=$2 head= line word i
  local -a all found=() bare=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == --project-path ]]; then
      [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
      folder=${COMP_WORDS[i + 1]/#\~/$HOME}
    fi
  done
  [[ $folder == /* ]] || folder=$PWD/$folder
  while [[ ! -f $folder/target/local/names ]]; do
    [[ $folder == */* ]] || return 0
    folder=${folder%/*}
  done
  [[ $before == *,* ]] && head=${before%,*},
  before=${before##*,}
  [[ $1 == node && $before == +* ]] && head+=+ before=${before#+}
  mapfile -t all < "$folder/target/local/names"
  for line in "${all[@]}"; do
    [[ $line == "$1 "* ]] || continue
    word=${line#"$1 "}
    if [[ $word == "$before"* && $word != *[!A-Za-z0-9_.:@/+-]* ]]; then
      found+=("$word")
    elif [[ $1 == node && ${word#*.} == "$before"* && $word != *[!A-Za-z0-9_.:@/+-]* ]]; then
      bare+=("${word#*.}")
    fi
  done
  ((${#found[@]})) || found=("${bare[@]}")
  ((${#found[@]})) && printf '%s\n' "${found[@]/#/"$head"}"
}
_seeknal_node() { _seeknal_names node "$1"; }
_seeknal_kind() { _seeknal_names kind "$1"; }
_seeknal_tag() { _seeknal_names tag "$1"; }
_seeknal_entity() { _seeknal_names entity "$1"; }
_seeknal_environment() { _seeknal_names environment "$1"; }
_seeknal_generation() { _seeknal_names generation "$1"; }
