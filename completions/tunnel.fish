# fish completion of tunnel. It asks the program: `tunnel complete`.
# Install: tunnel completion fish > ~/.config/fish/completions/tunnel.fish

# Leaves what can be typed in __tunnel_candidates; fails where fish is to offer files itself.
function __tunnel_ask
    set -g __tunnel_candidates
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -e words[1]
    string match -q '*/*' -- $program; and test -x $program; or set program tunnel
    command -q $program; or return 0
    command -q timeout; and set -p program timeout -k 1 2
    # What was typed may be a token: of each word the program gets as much as its longest option has, and no token.
    set -l answer (command $program complete -- (string sub -l 31 -- $words) (string sub -l 31 -- "$cur") </dev/null 2>/dev/null)
    or return 0
    set -l directive "$answer[1]"
    set -e answer[1]
    switch $directive
        case :words
            # Values match as fish likes; of options it would take --ca for --desc, letters in between left out.
            string match -qr '^-[^=]*$' -- "$cur"; and set answer (string match -r -- '^'(string escape --style=regex -- "$cur")'.*' $answer)
            set __tunnel_candidates $answer
        case :files
            return 1
        case :directories
            set -l head (string match -r -- '^-[^=]*=' "$cur")
            set __tunnel_candidates "$head"(__fish_complete_directories (string replace -- "$head" '' "$cur"))
        case ':command *'
            for at in (seq (string replace ':command ' '' -- $directive))
                set -e words[1]
            end
            set __tunnel_candidates (complete -C (string join -- ' ' (string escape -- $words) "$cur"))
    end
    return 0
end

complete -c tunnel -f -n __tunnel_ask -a '$__tunnel_candidates'
