/*
 * What a stopped open costs: the same opens bare, behind a listener that lets everything continue
 * unseen (what the kernel takes for the stop alone, under the same rules), and with the gate.
 * Medians of many rounds in nanoseconds, close included.
 *
 *   ninja bench_trapped_open && bench/bench_trapped_open
 */
#include "tests/lib/engine.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
#endif

#define ROUNDS 401 /* short ones, so that most are not disturbed by other programs */
#define OPENS  100

#define WAYS 10
static double bare[WAYS];
static double *stopped; /* shared: told by the confined program */

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

static const struct way ways[WAYS] = {
    {"read, absolute", 0, "ro/file", O_RDONLY},
    {"read, relative to a descriptor", 1, "ro/file", O_RDONLY},
    {"read, system file", -1, "/usr/include/stdio.h", O_RDONLY},
    {"read, in a spelled-out workspace", 0, "ws/sub/file", O_RDONLY},
    {"read, beside a closed path", 0, "ws/file", O_RDONLY},
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

static void measure_stopped(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < WAYS; i++)
		stopped[i] = measure(&ways[i]);
}

/* ---- a gate that does nothing ------------------------------------------------------------------
 */

static void let_all_continue(int listener)
{
	const uint64_t sync_wake_up = 1;
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct seccomp_notif n;

	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync_wake_up);
	for (;;) {
		memset(&n, 0, sizeof(n));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) {
			struct seccomp_notif_resp r = {.id = n.id,
						       .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
			(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
		} else if (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP)) {
			return;
		}
	}
}

static void empty_gate(void)
{
	static struct engine en;
	int pair[2], listener = -1;
	char b;

	engine_rules(&en);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	if (fork() == 0) {
		close(pair[0]);
		engine_program(&en, pair[1], measure_stopped, NULL);
	}
	close(pair[1]);
	CHECK(fd_recv(pair[0], &b, 1, &listener) == 1 && listener >= 0);
	CHECK(write(pair[0], "g", 1) == 1);
	let_all_continue(listener);
	close(listener);
	close(pair[0]);
	wait(NULL);
}

/* ---- all ----------------------------------------------------------------------------------------
 */

static void broker(void *arg)
{
	const bool log = arg == NULL;
	struct engine en = {.no_log = !log};
	double empty[WAYS];

	scene_up();
	put("free/file", "plain");
	for (size_t i = 0; i < WAYS; i++)
		bare[i] = measure(&ways[i]);
	empty_gate();
	memcpy(empty, stopped, sizeof(empty));
	engine_run(&en, measure_stopped, NULL);
	printf("%-34s %8s %8s %8s %8s %8s\n", log ? "with the log" : "without it", "bare", "empty",
	       "gate", "added", "ours");
	for (size_t i = 0; i < WAYS; i++)
		printf("%-34s %8.0f %8.0f %8.0f %8.0f %8.0f\n", ways[i].name, bare[i], empty[i],
		       stopped[i], stopped[i] - bare[i], stopped[i] - empty[i]);
	fflush(stdout);
	scene_down();
	_exit(0);
}

int main(void)
{
	stopped = mmap(NULL, sizeof(*stopped) * WAYS, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(stopped != MAP_FAILED);
	in_child(broker, NULL, false);
	in_child(broker, (void *)1, false);
	return 0;
}
