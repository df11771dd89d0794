/*
 * The notify thread allocates nothing for a stopped call, neither for one that goes on nor for one
 * that the broker carries out. Every allocation of the program's own code is counted (ld --wrap,
 * see CMakeLists.txt).
 */
#include "tests/lib/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>

#define TURNS 10 /* their events fit in the ring: a full one the emitter empties itself */

/* Shared with the confined program, which asks before and after. */
static unsigned long *counted;

static void count(void)
{
	char name[16];

	if (counted && pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
	    strcmp(name, "nono: notify") == 0)
		__atomic_add_fetch(counted, 1, __ATOMIC_SEQ_CST);
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
DIR *__real_fdopendir(int fd);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
DIR *__wrap_fdopendir(int fd);

void *__wrap_malloc(size_t n)
{
	count();
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count();
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	count();
	return __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	count();
	return __real_strdup(s);
}

DIR *__wrap_fdopendir(int fd)
{
	count();
	return __real_fdopendir(fd);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static void open_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

static void reading(void)
{
	int dir = open(at("ro"), O_PATH | O_DIRECTORY);

	open_close(at("ro/file"), O_RDONLY);
	open_close("/usr/include/stdio.h", O_RDONLY);
	open_close(at("ro/dir/"), O_RDONLY | O_DIRECTORY);
	close(openat(dir, "file", O_RDONLY));
	close(dir);
}

static void missing(void)
{
	open_close(at("ro/none"), O_RDONLY);
	open_close(at("ro/none/deep/file"), O_RDONLY);
	open_close(at("ws/none"), O_RDONLY);
}

static void walking(void)
{
	open_close(at("ws/absolute/file"), O_RDONLY);
	open_close(at("ws/sub/same"), O_RDONLY);
	open_close("/proc/self/status", O_RDONLY);
	open_close(at("ws/dangling"), O_RDONLY);
}

static void refused(void)
{
	open_close(at("ws/hidden"), O_RDONLY);
	open_close(at("closed/key"), O_RDONLY);
	open_close(at("free/hard"), O_RDONLY); /* a closed file's other name */
}

static void writing(void)
{
	open_close(at("free/file"), O_WRONLY | O_CREAT);
	open_close(at("ws/sub/file"), O_RDWR);
	open_close(at("ws/sub/new"), O_WRONLY | O_CREAT | O_EXCL);
	CHECK(rename(at("ws/sub/new"), at("ws/sub/other")) == 0);
	CHECK(chmod(at("ws/sub/other"), 0640) == 0);
	CHECK(unlink(at("ws/sub/other")) == 0);
	CHECK(mkdir(at("ws/sub/made"), 0700) == 0);
	CHECK(rmdir(at("ws/sub/made")) == 0);
}

static void executing(void)
{
	static char *const plain[] = {(char *)"x", (char *)"--token", (char *)"secret", NULL};
	static char *const none[] = {NULL};

	REFUSED(execv(at("ro/file"), plain), EACCES);
	REFUSED(execv(at("ro/file"), none), EACCES);
	REFUSED(execv(at("ro/none"), plain), ENOENT);
}

static const struct {
	const char *name;
	void (*fn)(void);
} ways[] = {
    {"reading", reading}, {"missing", missing}, {"walking", walking},
    {"refused", refused}, {"writing", writing}, {"executing", executing},
};

static unsigned long now(void)
{
	return __atomic_load_n(counted, __ATOMIC_SEQ_CST);
}

static void program(void *arg)
{
	int status = 0;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		unsigned long before;

		ways[i].fn(); /* what is looked at once (links into closed folders) */
		before = now();
		for (int n = 0; n < TURNS; n++)
			ways[i].fn();
		if (now() != before) {
			fprintf(stderr, "%s: %lu allocations in %d turns\n", ways[i].name,
				now() - before, TURNS);
			status = 1;
		}
	}
	/* Listing the closed folders, once, shows that counting works. */
	CHECK(now() > 0);
	_exit(status);
}

static void broker(void *arg)
{
	struct engine en = {0};
	int status;

	(void)arg;
	scene_up();
	put("free/file", "plain");
	status = engine_run(&en, program, NULL);
	scene_down();
	_exit(status);
}

static void test_no_allocations(void **state)
{
	assert_int_equal(in_child(broker, NULL, *state != NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {AS_BOTH(test_no_allocations)};

	counted =
	    mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counted == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
