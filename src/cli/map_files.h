// SPDX-License-Identifier: MIT
// The template of the page of avld map, its style and its program, compiled in from src/cli/map (the build makes
// map_files.c of it).
#ifndef AVLD_CLI_MAP_FILES_H
#define AVLD_CLI_MAP_FILES_H

extern const char map_files_page_html[]; /* map_page.c replaces its words @name@ */
extern const char map_files_map_css[];
extern const char map_files_map_js[];

#endif
