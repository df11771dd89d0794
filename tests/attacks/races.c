/*
 * Another thread changes what a call means while the call is on its way: its path, its descriptor,
 * the current folder, what lies at the path. ATTACK_SECRET: a closed file, WORK: a writable folder.
 *
 * A race that never met both of its sides proves nothing: then the attack was not tried.
 */
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "attack.h"

#define TURNS	    3000
#define TURNS_READS 20000 /* the shortest way */
#define TURNS_MAX   400000

static bool make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

struct race {
	char path[4096]; /* mine and the secret's in turn */
	char mine[4096];
	volatile int stop;
	int dirs[2], dir; /* folders, and the descriptor that is one or the other */
	unsigned done, refused;
};

static struct race race;

/* What happened in one turn: done or refused, and whether the secret came out. */
static bool turn_is(bool done)
{
	if (done)
		race.done++;
	else
		race.refused++;
	return done;
}

/* Goes on until both sides were met, at least turns times. */
static enum outcome run_race(void *(*other)(void *), bool (*one_turn)(void), unsigned turns,
			     const char *what)
{
	pthread_t t;
	bool leaked = false;
	unsigned n = 0;

	race.stop = 0;
	race.done = race.refused = 0;
	if (pthread_create(&t, NULL, other, NULL) != 0)
		return not_tried("a thread");
	for (; !leaked && n < TURNS_MAX && (n < turns || !race.done || !race.refused); n++)
		leaked = one_turn();
	race.stop = 1;
	pthread_join(t, NULL);
	unlink(race.mine);
	if (leaked)
		return won(what);
	if (!race.done || !race.refused) {
		fprintf(stderr, "%u calls went through, %u were refused\n", race.done,
			race.refused);
		return NOT_TRIED;
	}
	return REFUSED;
}

/* ---- the path ----------------------------------------------------------------------------------
 */

static void *flip_path(void *arg)
{
	while (!race.stop) {
		memcpy(race.path, secret(), strlen(secret()) + 1);
		memcpy(race.path, race.mine, strlen(race.mine) + 1);
	}
	return arg;
}

static enum outcome path_race(bool (*one_turn)(void), unsigned turns)
{
	snprintf(race.mine, sizeof(race.mine), "%s", in_work("race"));
	if (!make_file(race.mine))
		return not_tried("a file of my own");
	memcpy(race.path, race.mine, sizeof(race.path));
	return run_race(flip_path, one_turn, turns, "a swapped path");
}

static bool read_turn(void)
{
	int fd = open(race.path, O_RDONLY);

	return turn_is(fd >= 0) && fd_leaks(fd);
}

static bool write_turn(void)
{
	int fd = open(race.path, O_RDWR);

	return turn_is(fd >= 0) && fd_leaks(fd);
}

static bool rename_turn(void)
{
	const char *to = in_work("moved");
	bool leaked;

	if (!turn_is(rename(race.path, to) == 0))
		return false;
	leaked = path_leaks(to);
	if (!leaked && rename(to, race.mine) < 0)
		make_file(race.mine);
	return leaked;
}

static bool link_turn(void)
{
	const char *to = in_work("linked");
	bool leaked;

	if (!turn_is(link(race.path, to) == 0))
		return false;
	leaked = path_leaks(to);
	unlink(to);
	return leaked;
}

/* Whether something was changed that is not mine is seen from outside. */
static bool change_turn(void)
{
	const struct timespec times[2] = {{1, 0}, {1, 0}};
	int r = -1;

	switch ((race.done + race.refused) % 5) {
	case 0:
		r = truncate(race.path, 0);
		break;
	case 1:
		r = chmod(race.path, 0644);
		break;
	case 2:
		r = utimensat(AT_FDCWD, race.path, times, 0);
		break;
	case 3:
		r = open(race.path, O_WRONLY | O_TRUNC);
		if (r >= 0)
			close(r);
		break;
	case 4:
		r = unlink(race.path);
		if (r == 0)
			make_file(race.mine);
		break;
	}
	turn_is(r >= 0);
	return false;
}

static bool replace_turn(void)
{
	const char *new = in_work("new");

	if (!make_file(new))
		exit(NOT_TRIED);
	turn_is(rename(new, race.path) == 0);
	return false;
}

static enum outcome race_read(void)
{
	return path_race(read_turn, TURNS_READS);
}

static enum outcome race_write(void)
{
	return path_race(write_turn, TURNS);
}

static enum outcome race_rename(void)
{
	return path_race(rename_turn, TURNS);
}

static enum outcome race_link(void)
{
	return path_race(link_turn, TURNS);
}

static enum outcome race_change(void)
{
	return path_race(change_turn, TURNS);
}

static enum outcome race_replace(void)
{
	enum outcome o = path_race(replace_turn, TURNS);

	unlink(in_work("new"));
	return o;
}

/* ---- the folder that a name is relative to ------------------------------------------------------
 */

static void *flip_descriptor(void *arg)
{
	while (!race.stop) {
		dup2(race.dirs[0], race.dir);
		dup2(race.dirs[1], race.dir);
	}
	return arg;
}

static void *flip_current(void *arg)
{
	while (!race.stop)
		if (fchdir(race.dirs[0]) < 0 || fchdir(race.dirs[1]) < 0)
			break;
	return arg;
}

static bool descriptor_turn(void)
{
	int fd = openat(race.dir, secret_name(), race.done & 1 ? O_RDONLY : O_RDWR);

	return turn_is(fd >= 0) && fd_leaks(fd);
}

static bool current_turn(void)
{
	int fd = open(secret_name(), race.done & 1 ? O_RDONLY : O_RDWR);

	return turn_is(fd >= 0) && fd_leaks(fd);
}

static enum outcome folder_race(void *(*other)(void *), bool (*one_turn)(void), const char *what)
{
	const char *dir = in_work("folder");
	enum outcome o;

	mkdir(dir, 0700);
	snprintf(race.mine, sizeof(race.mine), "%s/%s", dir, secret_name());
	if (!make_file(race.mine))
		return not_tried("a file of my own");
	race.dirs[0] = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	race.dirs[1] = open(parent_of(secret()), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (race.dirs[1] < 0) /* hidden: another one that is of no use */
		race.dirs[1] = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	race.dir = fcntl(race.dirs[0], F_DUPFD_CLOEXEC, 100);
	if (race.dirs[0] < 0 || race.dirs[1] < 0 || race.dir < 0)
		return not_tried("descriptors");
	o = run_race(other, one_turn, TURNS, what);
	rmdir(dir);
	return o;
}

static enum outcome race_descriptor(void)
{
	return folder_race(flip_descriptor, descriptor_turn, "a swapped descriptor");
}

static enum outcome race_current(void)
{
	return folder_race(flip_current, current_turn, "a swapped current folder");
}

/* ---- what lies at the path ----------------------------------------------------------------------
 */

static enum outcome race_symlink(void)
{
	const char *a = in_work("a"), *link = in_work("swap"), *tmp = in_work("tmp");
	pid_t pid;
	bool leaked = false;

	if (!make_file(a))
		return not_tried("a file of my own");
	pid = fork();
	if (pid == 0) {
		for (;;) {
			if (symlink(a, tmp) == 0 && rename(tmp, link) < 0)
				unlink(tmp);
			if (symlink(secret(), tmp) == 0 && rename(tmp, link) < 0)
				unlink(tmp);
		}
	}
	for (int i = 0; i < TURNS && !leaked; i++)
		leaked = fd_leaks(open(link, i & 1 ? O_RDONLY : O_RDWR));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(a);
	unlink(link);
	unlink(tmp);
	return verdict(leaked, "a swapped link");
}

/* A folder of mine and a link to the closed folder change places. */
static enum outcome race_folder(void)
{
	const char *dir = in_work("real"), *link = in_work("link");
	char mine[8192], path[8192];
	bool leaked = false;
	pid_t pid;

	mkdir(dir, 0700);
	snprintf(mine, sizeof(mine), "%s/%s", dir, secret_name());
	snprintf(path, sizeof(path), "%s/%s", link, secret_name());
	if (!make_file(mine) || symlink(parent_of(secret()), link) < 0)
		return not_tried("a folder and a link of my own");
	pid = fork();
	if (pid == 0)
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
	for (int i = 0; i < TURNS && !leaked; i++)
		leaked = fd_leaks(open(path, i & 1 ? O_RDONLY : O_RDWR)) ||
			 fd_leaks(open(mine, i & 1 ? O_RDWR : O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		unlink(i ? path : mine);
		unlink(i ? link : dir);
		rmdir(i ? link : dir);
	}
	return verdict(leaked, "a swapped folder");
}

static const struct attack table[] = {
    {"race-read", race_read},
    {"race-write", race_write},
    {"race-rename", race_rename},
    {"race-link", race_link},
    {"race-change", race_change},
    {"race-replace", race_replace},
    {"race-descriptor", race_descriptor},
    {"race-current", race_current},
    {"race-symlink", race_symlink},
    {"race-folder", race_folder},
};

ATTACK_MAIN(table)
