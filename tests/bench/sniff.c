// SPDX-License-Identifier: MIT
// Measures what it costs to find the protocol of a connection among all, from its first bytes.
//
//   sniff FOLDER ROUNDS    prints for each file of the folder, named after a protocol, and each round:
//                          PROTOCOL MEAN WORST MEAN-IN-BYTES WORST-IN-BYTES
//
// The files have openings, each after its length (u32, little-endian). Nanoseconds of CPU time of an opening that arrives
// whole, the mean and the worst of the file, and the same of one that arrives byte by byte: the sum of all sniffs until the
// protocol is found.
#include "feed/registry.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OPENINGS_MOST 4096
#define OPENING_MOST  65536
#define REPEATS       400 /* in each attempt, of an opening that arrives whole */
#define REPEATS_BYTES 10

struct opening {
	uint8_t *data;
	size_t len;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "sniff: %s\n", what);
	exit(1);
}

static size_t read_openings(const char *path, struct opening openings[OPENINGS_MOST])
{
	uint8_t head[4];
	size_t count = 0;
	FILE *file = fopen(path, "rb");
	if (!file)
		die("cannot open a file");
	for (; count < OPENINGS_MOST && fread(head, 1, sizeof head, file) == sizeof head; count++) {
		const size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
		uint8_t *data = len > 0 && len <= OPENING_MOST ? malloc(len) : NULL;
		if (!data || fread(data, 1, len, file) != len)
			die("a file is cut");
		openings[count] = (struct opening){data, len};
	}
	fclose(file);
	return count;
}

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static enum sniff sniff(const uint8_t *data, size_t len)
{
	const struct decoder *found;
	return registry_sniff(DECODERS_ALL, NULL, data, len, false, &found);
}

static void sniff_bytes(const struct opening *opening)
{
	for (size_t len = 1; len <= opening->len; len++)
		if (sniff(opening->data, len) != SNIFF_MORE)
			return;
}

// Returns the nanoseconds of one sniff, or of all sniffs of an opening that arrives byte by byte. The least of five.
static double cost_ns(const struct opening *opening, bool in_bytes)
{
	const unsigned repeats = in_bytes ? REPEATS_BYTES : REPEATS;
	double least = 1e18;
	for (unsigned attempt = 0; attempt < 5; attempt++) {
		const double begin = now_ns();
		for (unsigned i = 0; i < repeats; i++) {
			if (in_bytes)
				sniff_bytes(opening);
			else
				sniff(opening->data, opening->len);
		}
		const double each = (now_ns() - begin) / repeats;
		least = each < least ? each : least;
	}
	return least;
}

static void measure(const char *name, const struct opening *openings, size_t count)
{
	printf("%s", name);
	for (unsigned in_bytes = 0; in_bytes < 2; in_bytes++) {
		double sum = 0, worst = 0;
		for (size_t i = 0; i < count; i++) {
			const double cost = cost_ns(&openings[i], in_bytes);
			sum += cost;
			worst = cost > worst ? cost : worst;
		}
		printf(" %.1f %.1f", sum / (double)count, worst);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct opening openings[OPENINGS_MOST];
	char path[512];
	struct dirent *entry;
	if (argc != 3)
		die("usage: sniff FOLDER ROUNDS");
	DIR *folder = opendir(argv[1]);
	if (!folder)
		die("cannot open the folder");
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
		const size_t count = read_openings(path, openings);
		for (unsigned long round = strtoul(argv[2], NULL, 10); round > 0 && count > 0;
			round--)
			measure(entry->d_name, openings, count);
		for (size_t i = 0; i < count; i++)
			free(openings[i].data);
	}
	closedir(folder);
	return 0;
}
