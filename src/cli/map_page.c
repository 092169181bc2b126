// SPDX-License-Identifier: MIT
#include "cli/map_page.h"

#include "cli/map_files.h"
#include "util/hex.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LEAFLET_MAX 2000000 /* bytes of a file */
#define NONCE_BYTES 16

// The values of the words of the template.
struct filling {
	const struct map_page *page;
	char nonce[2 * NONCE_BYTES + 1];
	char *css, *js; /* of Leaflet, allocated */
};

// ---- tiles

// Returns the part of the URL after http:// or https://, or NULL.
static const char *after_scheme(const char *url)
{
	if (!strncmp(url, "https://", 8))
		return url + 8;
	return strncmp(url, "http://", 7) ? NULL : url + 7;
}

// Moves *text past a {word} that Leaflet replaces. Returns its letter, or 0.
static char placeholder(const char **text)
{
	static const char *const words[] = {"{s}", "{z}", "{x}", "{y}", "{-y}", "{r}"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const size_t len = strlen(words[i]);
		if (!strncmp(*text, words[i], len)) {
			*text += len;
			return words[i][len - 2];
		}
	}
	return 0;
}

bool map_page_is_tiles(const char *url)
{
	const char *at = after_scheme(url);
	bool z = false, x = false, y = false;

	if (!at)
		return false;
	at += strncmp(at, "{s}.", 4) ? 0 : 4;
	const size_t host =
		strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	at += host;
	if (*at == ':')
		at += 1 + strspn(at + 1, "0123456789");
	if (host == 0 || *at != '/')
		return false;
	while (*at) {
		const char letter = *at == '{' ? placeholder(&at) : 0;
		z = z || letter == 'z';
		x = x || letter == 'x';
		y = y || letter == 'y';
		if (letter)
			continue;
		if (!text_is_alnum(*at) && !strchr("-._~:/?=&%+,;@!$()*", *at))
			return false;
		at++;
	}
	return z && x && y;
}

// Writes the source of the tiles for the policy: "https://*.example.org:8080".
static void put_origin(const char *url, FILE *out)
{
	const char *host = after_scheme(url);
	if (!host)
		return; // map_page_is_tiles returns false
	fwrite(url, 1, (size_t)(host - url), out);
	if (!strncmp(host, "{s}", 3)) {
		fputc('*', out);
		host += 3;
	}
	fwrite(host, 1, strcspn(host, "/"), out);
}

// ---- filling

static void put_nonce(const struct filling *filling, FILE *out)
{
	fputs(filling->nonce, out);
}

// Only the page's own scripts and styles run, and nothing is loaded but tiles.
static void put_policy(const struct filling *filling, FILE *out)
{
	fprintf(out,
		"default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; base-uri 'none'; "
		"form-action 'none'; img-src data:",
		filling->nonce, filling->nonce);
	if (filling->page->tiles) {
		fputc(' ', out);
		put_origin(filling->page->tiles, out);
	}
}

static void put_tiles(const struct filling *filling, FILE *out)
{
	if (filling->page->tiles)
		fprintf(out, "\"%s\"", filling->page->tiles);
	else
		fputs("null", out);
}

static void put_leaflet_css(const struct filling *filling, FILE *out)
{
	fputs(filling->css, out);
}

static void put_leaflet_js(const struct filling *filling, FILE *out)
{
	fputs(filling->js, out);
}

static void put_map_css(const struct filling *filling, FILE *out)
{
	(void)filling;
	fputs(map_files_map_css, out);
}

static void put_map_js(const struct filling *filling, FILE *out)
{
	(void)filling;
	fputs(map_files_map_js, out);
}

static const struct word {
	const char *name;
	void (*put)(const struct filling *filling, FILE *out); /* NULL: the data */
} words[] = {
	{"@policy@", put_policy},
	{"@nonce@", put_nonce},
	{"@tiles@", put_tiles},
	{"@leaflet_css@", put_leaflet_css},
	{"@leaflet_js@", put_leaflet_js},
	{"@map_css@", put_map_css},
	{"@map_js@", put_map_js},
	{"@data@", NULL},
};

// Returns the word of the template at `text`, or NULL.
static const struct word *word_at(const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(text, words[i].name, strlen(words[i].name)))
			return &words[i];
	return NULL;
}

static bool fill(const struct filling *filling, FILE *out)
{
	for (const char *at = map_files_page_html; *at;) {
		const size_t plain = strcspn(at, "@");
		fwrite(at, 1, plain, out);
		at += plain;
		const struct word *word = *at ? word_at(at) : NULL;
		if (!word)
			continue; // at the end: the template has no other @
		if (word->put)
			word->put(filling, out);
		else if (!filling->page->write_data(filling->page->context, out))
			return false;
		at += strlen(word->name);
	}
	return true;
}

// ---- Leaflet

// Returns the text of the file, to be freed; NULL on error, with errno.
static char *read_file(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(LEAFLET_MAX + 1) : NULL;
	if (text) {
		const size_t len = fread(text, 1, LEAFLET_MAX + 1, file);
		if (ferror(file) || len > LEAFLET_MAX) {
			errno = ferror(file) ? errno : EFBIG;
			free(text);
			text = NULL;
		} else {
			text[len] = '\0';
		}
	}
	const int error = errno;
	if (file)
		fclose(file);
	errno = error;
	return text;
}

static bool read_leaflet(struct filling *filling, const char *folder)
{
	filling->js = read_file(folder, "leaflet.js"); // leaflet.min.js has no copyright notice
	filling->css = filling->js ? read_file(folder, "leaflet.css") : NULL;
	if (filling->css)
		return true;
	fprintf(stderr,
		"avld map: cannot read Leaflet in %s: %s; install the package libjs-leaflet, or "
		"give "
		"the folder of leaflet.js and leaflet.css with --leaflet\n",
		folder, strerror(errno));
	return false;
}

bool map_page_write(const struct map_page *page, FILE *out)
{
	struct filling filling = {.page = page};
	uint8_t random[NONCE_BYTES];
	bool sound = false;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		perror("avld map: getrandom");
	else if (read_leaflet(&filling, page->leaflet)) {
		*hex_write(filling.nonce, random, sizeof(random)) = '\0';
		sound = fill(&filling, out);
	}
	free(filling.css);
	free(filling.js);
	return sound;
}
