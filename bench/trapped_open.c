/*
 * What a stopped open costs: the same opens bare, and with the gate behind them. Medians of many
 * rounds in nanoseconds, close included in both.
 *
 *   ninja bench_trapped_open && bench/bench_trapped_open
 */
#include "tests/lib/engine.h"

#define ROUNDS 41
#define OPENS  2000

static double medians[8];

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct way {
	const char *name;
	int dirfd_of_scene; /* relative to a descriptor */
	const char *path;
	int flags;
};

static const struct way ways[] = {
    {"read, absolute", 0, "ro/file", O_RDONLY},
    {"read, relative to a descriptor", 1, "ro/file", O_RDONLY},
    {"read, system file", -1, "/usr/include/stdio.h", O_RDONLY},
    {"read, through a link", 0, "ws/absolute/file", O_RDONLY},
    {"missing", 0, "ro/none", O_RDONLY},
    {"write, kernel's rules", 0, "free/file", O_WRONLY},
    {"write, by the broker", 0, "ws/sub/file", O_WRONLY},
    {"refused", 0, "ws/hidden", O_RDONLY},
};

static double measure(const struct way *w)
{
	static double t[ROUNDS];
	char path[512];
	int dir = open(scene, O_PATH | O_DIRECTORY);

	str_copy(path, sizeof(path), w->dirfd_of_scene ? w->path : at(w->path));
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t start = clock_mono_ns();
		for (int i = 0; i < OPENS; i++)
			close(openat(w->dirfd_of_scene == 1 ? dir : AT_FDCWD, path, w->flags));
		t[r] = (double)(clock_mono_ns() - start) / OPENS;
	}
	close(dir);
	qsort(t, ROUNDS, sizeof(*t), compare);
	return t[ROUNDS / 2];
}

static void trapped(void *arg)
{
	(void)arg;
	printf("%-34s %8s %8s %8s\n", "", "bare", "trapped", "added");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		double ns = measure(&ways[i]);
		printf("%-34s %8.0f %8.0f %8.0f\n", ways[i].name, medians[i], ns, ns - medians[i]);
	}
	fflush(stdout);
}

static void broker(void *arg)
{
	struct engine en = {.no_log = arg != NULL};

	scene_up();
	put("free/file", "plain");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		medians[i] = measure(&ways[i]);
	engine_run(&en, trapped, NULL);
	scene_down();
	_exit(0);
}

int main(void)
{
	puts("with the log:");
	in_child(broker, NULL, false);
	puts("without:");
	in_child(broker, (void *)1, false);
	return 0;
}
