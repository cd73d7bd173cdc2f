# bash completion of tunnel, for bash 3.2 or newer; needs no other package. It asks the program: `tunnel complete`.
# Install: tunnel completion bash > ~/.local/share/bash-completion/completions/tunnel
# or for one shell: source <(tunnel completion bash)

_tunnel() {
  local cur= word= joined= head= path= program=${COMP_WORDS[0]} answer i last
  local -a words=() asked=() run=(command)
  COMPREPLY=()
  # Readline cuts words at = and : too; here they are whole again.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]} last=$((${#words[@]} - 1))
    if ((last >= 0)) && [[ $word == [=:]* || $joined ]]; then
      words[last]+=$word
    else
      words+=("$word")
    fi
    joined=
    [[ $word == [=:]* ]] && joined=1
  done
  last=$((${#words[@]} - 1))
  ((last >= 0)) || return 0
  cur=${words[last]}
  # What was typed may be a token: of each word the program gets as much as its longest option has, and no token.
  for word in "${words[@]}"; do asked+=("${word:0:31}"); done

  [[ $program == "~/"* ]] && program=$HOME/${program:2}
  [[ $program == */* && -x $program ]] || program=tunnel
  type -P "$program" >/dev/null || return 0
  type -P timeout >/dev/null && run+=(timeout -k 1 2)
  answer=$({ "${run[@]}" "$program" complete -- "${asked[@]}"; } </dev/null 2>/dev/null) || return 0

  [[ $cur == -*=* ]] && head=${cur%"${cur#*=}"}
  path=${cur#"$head"}
  case ${answer%%$'\n'*} in
    :words)
      while IFS=$'\t' read -r word _; do
        [[ $word == "$cur"* && $word != :words ]] && COMPREPLY+=("$word")
      done <<<"$answer"
      ;;
    :files) _tunnel_generate -f ;;
    :directories) _tunnel_generate -d ;;
    ":command $last") _tunnel_generate -c ;;
    ":command "*) _tunnel_generate -f ;;
  esac
  # Readline replaces only what stands behind the last of its separators.
  for ((i = ${#cur}; i > 0; i--)); do
    [[ ${cur:i-1:1} == [:=] && $COMP_WORDBREAKS == *"${cur:i-1:1}"* ]] && break
  done
  head=${cur:0:i}
  for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
}

# Offers files, directories or commands by their names.
_tunnel_generate() {
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$head$word"); done < <(compgen "$1" -- "$path")
}

complete -F _tunnel tunnel
