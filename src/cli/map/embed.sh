#!/bin/sh
# Prints C: the files given as strings, page.html as map_files_page_html.
set -eu
echo '// Made by src/cli/map/embed.sh from src/cli/map. Do not edit.'
echo '#include "cli/map_files.h"'
for file; do
	echo "const char map_files_$(basename "$file" | tr . _)[] = {"
	od -An -v -tu1 "$file" | sed 's/^ *//; s/  */,/g; s/$/,/'
	echo '0};'
done
