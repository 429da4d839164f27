# The names of the nearest project: the lines `$1 NAME` of target/local/names. Nothing in them is expanded.
_seeknal_names() {
  setopt localoptions extendedglob noksharrays
  local folder=$PWD i
  local -a all found
  i=${words[(I)--project-path*]}
  if ((i)); then
    case ${words[i]} in
      --project-path=*) folder=${(Q)${words[i]#*=}/#\~/$HOME} ;;
      --project-path) folder=${(Q)${words[i + 1]}/#\~/$HOME} ;;
    esac
  fi
  [[ $folder == /* ]] || folder=$PWD/$folder
  while [[ ! -f $folder/target/local/names ]]; do
    [[ $folder == */* ]] || return 1
    folder=${folder%/*}
  done
  compset -P '*,'
  [[ $1 == node ]] && compset -P '+'
  all=("${(@f)$(<$folder/target/local/names)}")
  found=(${(M)${${(M)all:#$1 *}#$1 }:#[A-Za-z0-9_.:@/+-]##})
  if [[ $1 == node && -z ${(M)found:#$PREFIX*} ]]; then
    found=(${found#*.})
  fi
  compadd -a found
}
_seeknal_node() { _seeknal_names node }
_seeknal_kind() { _seeknal_names kind }
_seeknal_tag() { _seeknal_names tag }
_seeknal_entity() { _seeknal_names entity }
_seeknal_environment() { _seeknal_names environment }
_seeknal_generation() { _seeknal_names generation }
