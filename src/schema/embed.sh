#!/bin/sh
# Prints C: the SQL files of tables and functions as tables of strings. Arguments: sql/tables/NNN_name.sql and
# sql/functions/*.sql, in the order in which they run.
set -eu
echo '// Made by src/schema/embed.sh from src/schema/sql. Do not edit.'
echo '#include "schema/migrations.h"'

# step FILE: its version (0 for functions), name and text.
step() {
	case $1 in
	*/tables/*) name=$(basename "$1" .sql) version=$(basename "$1" | sed 's/^0*//; s/_.*//') ;;
	*) name=functions/$(basename "$1" .sql) version=0 ;;
	esac
	printf '\t{%s, "%s", (const char[]){\n' "$version" "$name"
	od -An -v -tu1 "$1" | sed 's/^ *//; s/  */,/g; s/$/,/'
	echo '0}},'
}

# steps NAME PATTERN FILE...: the table NAME of the files that match.
steps() {
	table=$1 pattern=$2
	shift 2
	echo "const struct migration migrations_${table}[] = {"
	for file; do
		case $file in
		$pattern) step "$file" ;;
		esac
	done
	echo '};'
	echo "const size_t migrations_${table}_count = sizeof(migrations_$table) / sizeof(migrations_${table}[0]);"
}

steps tables '*/tables/*' "$@"
steps functions '*/functions/*' "$@"
hash=$(for file; do case $file in */functions/*) cat "$file" ;; esac; done | sha256sum | cut -c 1-16)
echo "const char migrations_functions_hash[] = \"$hash\";"
