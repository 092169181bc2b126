# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completes the command line of avld in bash: verbs, options, settings after -o, protocols, files. It asks the avld of the
# command line for them, so that it fits every version.

# Prints the options of a help on standard input, one a line: "--export DIR", "-p NAME".
_avld_options() {
	sed -nE 's/^  ((-.), |    )(--[a-z-]+)( ([^ ]+))?(  .*)?$/\3 \5\n\2 \5/p' | grep '^-'
}

_avld_protocols() {
	"$1" protocols 2>/dev/null | grep -E '^[a-z0-9_]+$'
}

# Prints the settings of a help on standard input: "journal.dir=".
_avld_settings() {
	sed -nE 's/^  ([a-z]+\.[a-z_]+)  *.*/\1=/p'
}

# _avld_words CURRENT WORD...: the words that begin with CURRENT.
_avld_words() {
	local current=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

# _avld_files CURRENT: files and folders. _avld_folders CURRENT: folders.
_avld_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}
_avld_folders() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

# bash splits a word at =, so that the value of "-o journal.dir=/x" and of "--export=/x" is a word of its own.
_avld() {
	local avld=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) help assigned=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_avld_words "$current" "$("$avld" --help 2>/dev/null | sed -n 's/^  avld \([a-z]*\) .*/\1/p')" --help --version
		return
	fi
	if [ "$current" = = ]; then
		current=
		assigned=1
	elif [ "${COMP_WORDS[at]}" = = ]; then
		at=$((at - 1))
		assigned=1
	fi
	if [[ $assigned && ${COMP_WORDS[at]} = *.* && ${COMP_WORDS[at - 1]} =~ ^(-o|--option)$ ]]; then
		_avld_value "$avld" "${COMP_WORDS[at]}" "$current"
	else
		help=$("$avld" "${COMP_WORDS[1]}" --help 2>/dev/null) &&
			_avld_word "$avld" "$help" "${COMP_WORDS[at]}" "$current"
	fi
}

# _avld_value AVLD SETTING CURRENT: the value of a setting after -o.
_avld_value() {
	case $2 in
	server.protocols) _avld_words "$3" all "$(_avld_protocols "$1")" ;;
	journal.dir) _avld_folders "$3" ;;
	esac
}

# _avld_word AVLD HELP PREVIOUS CURRENT: the value of the option PREVIOUS if it takes one, else an option or the argument.
_avld_word() {
	local options kind
	options=$(_avld_options <<<"$2")
	kind=$(sed -n "s/^${3//[^a-z-]/} //p" <<<"$options")
	case $3:$kind in
	--protocol:?* | -p:?*) _avld_words "$4" "$(_avld_protocols "$1")" ;;
	--format:FORMAT) _avld_words "$4" csv geojson ;;
	-*:FILE) _avld_files "$4" ;;
	-o:FILE*) # of avld map: a file or a setting
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$4"; compgen -W "$(_avld_settings <<<"$2")" -- "$4")
		;;
	-*:DIR) _avld_folders "$4" ;;
	-*:SECTION.KEY=VALUE)
		compopt -o nospace 2>/dev/null
		_avld_words "$4" "$(_avld_settings <<<"$2")"
		;;
	-*:?*) ;;
	*)
		case $4:$2 in
		-*) _avld_words "$4" "$(cut -d ' ' -f 1 <<<"$options")" ;;
		*:"usage: avld journal DIR"*) _avld_folders "$4" ;;
		*:"usage: avld decode [FILE]"*) _avld_files "$4" ;;
		esac
		;;
	esac
}

complete -F _avld avld
