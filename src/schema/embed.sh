#!/bin/sh
# Prints C: the table of migrations, one for each NNN_name.sql given, in order.
set -eu
echo '// Made by src/schema/embed.sh from src/schema/sql. Do not edit.'
echo '#include "schema/migrations.h"'
for file; do
	name=$(basename "$file" .sql)
	echo "static const char sql_${name}[] = {"
	od -An -v -tu1 "$file" | sed 's/^ *//; s/  */,/g; s/$/,/'
	echo '0};'
done
echo 'const struct migration migrations[] = {'
for file; do
	name=$(basename "$file" .sql)
	version=$(echo "$name" | sed 's/_.*//; s/^0*//')
	echo "	{$version, \"$name\", sql_${name}},"
done
echo '};'
echo 'const size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);'
