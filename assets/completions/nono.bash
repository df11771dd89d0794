# bash completion of nono: the program itself says what may follow
_nono() {
	local cur=${COMP_WORDS[COMP_CWORD]} line word
	local IFS=$'\n'

	[[ $cur == "=" ]] && cur=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:dirs)
			compopt -o filenames 2>/dev/null
			COMPREPLY+=($(compgen -d -- "$cur"))
			;;
		:files)
			compopt -o filenames 2>/dev/null
			COMPREPLY+=($(compgen -f -- "$cur"))
			;;
		:commands) COMPREPLY+=($(compgen -c -- "$cur")) ;;
		:*) ;;
		*)
			word=${line%%$'\t'*}
			[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
			;;
		esac
	done < <(nono __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -o default -F _nono nono
