// SPDX-License-Identifier: MIT
// The page of avld map: fills the template with Leaflet, which is read from a folder, and with the data.
#ifndef AVLD_CLI_MAP_PAGE_H
#define AVLD_CLI_MAP_PAGE_H

#include <stdbool.h>
#include <stdio.h>

struct map_page {
	const char *leaflet; /* folder with leaflet.js and leaflet.css */
	const char *tiles;   /* for which map_page_is_tiles is true, or NULL */
	bool (*write_data)(void *context, FILE *out); /* writes JSON; prints its errors */
	void *context;
};

// Returns true for the URL of a tile server as Leaflet takes it, which has no character that is special in HTML, JSON or
// the page's Content-Security-Policy: http(s)://HOST[:PORT]/..., HOST may begin with {s}., the rest has {z}, {x} and {y} or
// {-y}, and may have {r}.
bool map_page_is_tiles(const char *url);

// Prints the reason to stderr and returns false if Leaflet cannot be read, before anything is written, or if write_data
// fails. Errors of `out` are left to the caller.
bool map_page_write(const struct map_page *page, FILE *out) __attribute__((warn_unused_result));

#endif
