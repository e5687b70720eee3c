import { COMPLETE } from './verbs.ts';

/**
 * What the shells load. Each asks `tilescope __complete WORD…` for what the last word may become, so that verbs, options,
 * registers and pids are those of the program that is installed.
 */

const BASH = `# bash completion of tilescope

_tilescope() {
	local line=\${COMP_LINE:0:COMP_POINT} current before candidate path
	local -a words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	current=\${words[\${#words[@]}-1]}
	# Readline replaces what follows the last of these characters alone.
	before=\${current%"\${current##*[:=]}"}
	COMPREPLY=()
	while IFS=$'\\t' read -r candidate _; do
		if [[ $candidate == :files ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r path; do
				COMPREPLY+=("\${path#"$before"}")
			done < <(compgen -f -- "$current")
		else
			COMPREPLY+=("\${candidate#"$before"}")
		fi
	done < <("\${words[0]}" ${COMPLETE} "\${words[@]:1}" 2>/dev/null)
	# A path or a list goes on.
	[[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[:.=,[] ]] && compopt -o nospace 2>/dev/null
	return 0
}
complete -F _tilescope tilescope
`;

const ZSH = `#compdef tilescope
# zsh completion of tilescope

_tilescope() {
	local line value
	local -a lines described
	lines=("\${(@f)$("\${(Q)words[1]}" ${COMPLETE} "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	for line in $lines; do
		value=\${line%%$'\\t'*}
		if [[ $value == :files ]]; then
			_files
		elif [[ -n $value ]]; then
			described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
		fi
	done
	(( $#described )) && _describe -t words word described
}
if [[ $funcstack[1] == _tilescope ]]; then
	_tilescope "$@"
else
	compdef _tilescope tilescope
fi
`;

const FISH = `# fish completion of tilescope

function __tilescope_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] ${COMPLETE} $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c tilescope -f -a '(__tilescope_complete)'
`;

const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['bash', BASH],
  ['zsh', ZSH],
  ['fish', FISH],
]);

export const SHELLS: readonly string[] = [...SCRIPTS.keys()];

/** null: another shell. */
export const completionScript = (shell: string): string | null => SCRIPTS.get(shell) ?? null;
