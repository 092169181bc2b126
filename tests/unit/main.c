// SPDX-License-Identifier: MIT
// The main function of each room's tests: calls the one of the test by whose name the program is run.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *test = slash ? slash + 1 : argv[0];
	char name[200];
	int (*test_main)(int, char **);

	snprintf(name, sizeof(name), "%s_main", test);
	*(void **)&test_main = dlsym(RTLD_DEFAULT, name);
	if (test_main)
		return test_main(argc, argv);
	fprintf(stderr, "no test '%s' in this program\n", test);
	return 2;
}
