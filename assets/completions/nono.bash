# bash completion of nono

_nono_sessions() {
	nono --silent ps $1 2>/dev/null | awk 'NR > 1 { print $2 }'
}

_nono_requests() {
	nono --silent requests 2>/dev/null | awk '/^[0-9a-f]/ { print $1 }'
}

_nono() {
	local cur prev command="" i options=""
	local commands="run shell wrap why tui attach ps inspect stop detach prune capture send wait
		requests approve deny request logs events audit completion help"
	local grants="--allow --read --write --allow-file --read-file --write-file --allow-cwd
		--workdir --profile --block-net --allow-net --no-protect-workspace --silent --help"
	local start="--namespaces --dry-run --verbose"
	local supervised="--capability-elevation --no-capability-elevation --audit-level --no-audit
		--name --size --prefix"

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [[ -z $command ]]; then
		COMPREPLY=($(compgen -W "$commands --silent --help --version" -- "$cur"))
		return
	fi
	case $prev in
	-a | --allow | -r | --read | -w | --write | --workdir)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	--allow-file | --read-file | --write-file | --shell | --path)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	-p | --profile)
		COMPREPLY=($(compgen -W "default claude-code codex opencode gemini" -f -- "$cur"))
		return
		;;
	--namespaces)
		COMPREPLY=($(compgen -W "auto require off" -- "$cur"))
		return
		;;
	--audit-level)
		COMPREPLY=($(compgen -W "all changes decisions" -- "$cur"))
		return
		;;
	--scope)
		if [[ $command == why ]]; then
			COMPREPLY=($(compgen -W "signal abstract-unix-socket" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "once session always" -- "$cur"))
		fi
		return
		;;
	--op)
		COMPREPLY=($(compgen -W "read write readwrite" -- "$cur"))
		return
		;;
	--session)
		COMPREPLY=($(compgen -W "$(_nono_sessions)" -- "$cur"))
		return
		;;
	--until)
		COMPREPLY=($(compgen -W "exited idle blocked output=" -- "$cur"))
		return
		;;
	esac
	case $command in
	run) options="$grants $start $supervised --detached" ;;
	shell) options="$grants $start $supervised --shell" ;;
	wrap) options="$grants $start" ;;
	why) options="$grants --path --op --host --port --scope --command --caller --self --json" ;;
	tui) options="--prefix --read-only --headless --seconds" ;;
	attach | resume) options="--read-only --prefix --headless --seconds $(_nono_sessions)" ;;
	ps) options="--all --json" ;;
	inspect) options="--json $(_nono_sessions --all)" ;;
	stop) options="--force --timeout $(_nono_sessions)" ;;
	detach | pause) options="$(_nono_sessions)" ;;
	prune) options="--dry-run --older-than --keep" ;;
	capture) options="--ansi --scrollback --json $(_nono_sessions)" ;;
	send) options="--keys --enter --paste $(_nono_sessions)" ;;
	wait) options="--until --timeout $(_nono_sessions)" ;;
	requests) options="--json $(_nono_sessions)" ;;
	approve | deny) options="--scope --session $(_nono_requests)" ;;
	request) options="--read --write --reason --timeout --json" ;;
	logs) options="--follow --tail --json $(_nono_sessions --all)" ;;
	events) options="--follow --all" ;;
	audit) options="list show verify --json --today --since --until --command --path --recent" ;;
	completion) options="bash zsh fish" ;;
	help) options="$commands" ;;
	esac
	case $command in
	run | wrap)
		if [[ $cur != -* ]]; then
			COMPREPLY=($(compgen -c -- "$cur"))
			return
		fi
		;;
	esac
	COMPREPLY=($(compgen -W "$options" -- "$cur"))
}

complete -o default -F _nono nono
