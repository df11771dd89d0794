/*
 * Runs a fuzz target without libFuzzer: every seed file as it is, then a bounded number of
 * mutations of each (fixed random numbers, so that a failure can be repeated).
 */
#include <dirent.h>

#include "common/common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTATIONS 400
#define INPUT_MAX (1u << 20)

static uint64_t rng_state = 88172645463325252ull;

static uint32_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 16);
}

static size_t mutate(uint8_t *p, size_t n)
{
	unsigned changes = 1 + rng() % 8;

	while (changes-- && n) {
		size_t at = rng() % n;
		switch (rng() % 5) {
		case 0:
			p[at] = (uint8_t)rng();
			break;
		case 1:
			p[at] ^= (uint8_t)(1u << (rng() % 8));
			break;
		case 2: /* cut the end */
			n = at;
			break;
		case 3: { /* copy a piece over another place */
			size_t from = rng() % n, len = rng() % (n - (at > from ? at : from));
			memmove(p + at, p + from, len);
			break;
		}
		default:
			memset(p + at, rng() % 2 ? 0xff : 0, n - at < 4 ? n - at : 4);
		}
	}
	return n;
}

static int run_file(const char *path)
{
	struct err err;
	size_t n;
	_cleanup_free_ char *seed = file_read(path, INPUT_MAX, &n, &err);

	if (!seed) {
		fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)seed, n);
	for (int i = 0; i < MUTATIONS; i++) {
		/* An exact-size copy, so that the sanitizer sees a read past the end. */
		uint8_t *copy = malloc(n ? n : 1);
		if (!copy)
			return -1;
		memcpy(copy, seed, n);
		size_t m = mutate(copy, n);
		uint8_t *exact = realloc(copy, m ? m : 1);
		LLVMFuzzerTestOneInput(exact, m);
		free(exact);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *de;
		if (!d) {
			if (run_file(argv[i]) < 0)
				return 1;
			files++;
			continue;
		}
		while ((de = readdir(d))) {
			char path[4096];
			if (de->d_name[0] == '.')
				continue;
			if (path_join(path, sizeof(path), argv[i], de->d_name) < 0 ||
			    run_file(path) < 0)
				return 1;
			files++;
		}
		closedir(d);
	}
	if (!files) {
		fprintf(stderr, "no seeds: a fuzz test without input proves nothing\n");
		return 1;
	}
	printf("%d seeds, %d mutations each\n", files, MUTATIONS);
	return 0;
}
