# fish completion of nono: the program itself says what may follow
function __nono_complete
	set -l cur (commandline -ct)
	set -l words (commandline -opc)
	for line in (nono __complete -- $words[2..-1] "$cur" 2>/dev/null)
		switch $line
			case :dirs
				__fish_complete_directories "$cur" ''
			case :files :program
				__fish_complete_path "$cur"
			case :commands
				__fish_complete_command
			case '*'
				echo $line
		end
	end
end

complete -c nono -f -a '(__nono_complete)'
