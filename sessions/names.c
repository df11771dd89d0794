/* Session names. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sessions/names.h"
#include "sessions/registry.h"
#include "sessions/runtime.h"
#include "sessions/tree.h"

static const char adjectives[16][8] = {"amber", "brisk", "calm",  "clear", "deft", "eager",
				       "fair",	"keen",	 "lucid", "mild",  "neat", "plain",
				       "quick", "rapid", "sunny", "tidy"};
static const char nouns[16][8] = {"badge", "brook", "cedar", "crane", "delta", "ember",
				  "field", "gate",  "heron", "iris",  "lark",  "maple",
				  "otter", "pine",  "reef",  "stone"};

#define HOLDER_MAX 96

struct holder {
	char id[SESSION_ID_LEN + 1];
	pid_t pid;
	uint64_t start;
};

bool session_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= SESSION_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	return strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@:") == n;
}

static int holder_read(int dir, const char *name, struct holder *h)
{
	char text[HOLDER_MAX];
	unsigned long long start;
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -1;
	text[n] = '\0';
	*h = (struct holder){0};
	if (sscanf(text, "%16[0-9a-f].%d.%llu", h->id, &h->pid, &start) != 3)
		return 0; /* not one of ours: a dead holder */
	h->start = start;
	return 0;
}

static bool holder_alive(const struct holder *h)
{
	struct proc_stat st;

	/* One that was killed may still wait for its parent. */
	return h->pid > 0 && h->start && proc_stat_read(h->pid, &st) == 0 &&
	       st.start_time == h->start && st.state != 'Z' && st.state != 'X';
}

bool name_holder(const char *name, char id[SESSION_ID_LEN + 1])
{
	_cleanup_free_ char *sessions = registry_dir();
	_cleanup_free_ char *dir = xasprintf("%s/names", sessions);
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct holder h;

	if (fd < 0 || !session_name_ok(name) || holder_read(fd, name, &h) < 0 || !holder_alive(&h))
		return false;
	str_copy(id, SESSION_ID_LEN + 1, h.id);
	return true;
}

static int names_dir(struct err *err)
{
	_cleanup_free_ char *sessions = registry_dir();
	_cleanup_free_ char *dir = xasprintf("%s/names", sessions);
	int fd;

	if (dir_private(sessions, err) < 0 || dir_private(dir, err) < 0)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, errno, "can't open %s", dir);
	return fd;
}

/* 1 taken, 0 in use, -1 failed. */
static int try_name(int dir, const char *name, const char *mine, struct err *err)
{
	struct holder h;
	int taken = 0;

	if (symlinkat(mine, dir, name) == 0)
		return 1;
	if (errno != EEXIST)
		return err_errno(err, errno, "can't reserve the session name %s", name);
	if (holder_read(dir, name, &h) == 0 && holder_alive(&h))
		return 0;
	/* Two starters may both see the dead holder: only one at a time replaces it. */
	if (flock(dir, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock the session names");
	if (holder_read(dir, name, &h) < 0 || !holder_alive(&h)) {
		unlinkat(dir, name, 0);
		taken = symlinkat(mine, dir, name) == 0;
	}
	flock(dir, LOCK_UN);
	return taken;
}

int name_take(const char *wanted, const char *id, pid_t pid, char out[SESSION_NAME_MAX],
	      struct err *err)
{
	_cleanup_close_ int dir = -1;
	char mine[HOLDER_MAX], random[9];
	unsigned long start;
	int r;

	if (wanted && !session_name_ok(wanted))
		return err_set(
		    err, "'%s' can't be a session name: use letters, digits and ._-+@:, at most %d",
		    wanted, SESSION_NAME_MAX - 1);
	dir = names_dir(err);
	if (dir < 0)
		return -1;
	snprintf(mine, sizeof(mine), "%s.%d.%llu", id, pid,
		 (unsigned long long)proc_start_time(pid));
	if (wanted) {
		r = try_name(dir, wanted, mine, err);
		if (r == 0)
			return err_set(
			    err, "a session named '%s' is running already: choose another --name",
			    wanted);
		str_copy(out, SESSION_NAME_MAX, wanted);
		return r < 0 ? -1 : 0;
	}
	random_hex(random, 4);
	start = strtoul(random, NULL, 16);
	for (unsigned i = 0; i < 65536; i++) {
		unsigned at = (unsigned)(start + i) & 255;
		/* All 256 in use: the next rounds carry a number. */
		if (i < 256)
			snprintf(out, SESSION_NAME_MAX, "%s-%s", adjectives[at >> 4],
				 nouns[at & 15]);
		else
			snprintf(out, SESSION_NAME_MAX, "%s-%s-%u", adjectives[at >> 4],
				 nouns[at & 15], i / 256 + 1);
		r = try_name(dir, out, mine, err);
		if (r)
			return r < 0 ? -1 : 0;
	}
	return err_set(err, "no free session name is left: use --name");
}

void name_retire(const char *name, const char *id)
{
	_cleanup_close_ int dir = names_dir(NULL);
	char to[SESSION_ID_LEN + 2];
	struct holder h;

	snprintf(to, sizeof(to), "-%s", id);
	if (dir >= 0 && holder_read(dir, name, &h) == 0 && str_eq(h.id, id))
		renameat(dir, name, dir, to);
}

void name_release(const char *name, const char *id)
{
	_cleanup_close_ int dir = names_dir(NULL);
	char retired[SESSION_ID_LEN + 2];
	struct holder h;

	if (!name) {
		snprintf(retired, sizeof(retired), "-%s", id);
		name = retired;
	}
	if (dir >= 0 && holder_read(dir, name, &h) == 0 && str_eq(h.id, id))
		unlinkat(dir, name, 0);
}

void names_sweep(void (*fn)(void *data, const char *id), void *data)
{
	_cleanup_close_ int dir = names_dir(NULL);
	struct dirent *de;
	DIR *d;
	int copy;

	if (dir < 0)
		return;
	copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((de = readdir(d))) {
		struct holder h;
		if (de->d_name[0] == '.' || holder_read(dir, de->d_name, &h) < 0 ||
		    holder_alive(&h))
			continue;
		flock(dir, LOCK_EX);
		if (holder_read(dir, de->d_name, &h) == 0 && !holder_alive(&h)) {
			if (runtime_id_valid(h.id))
				fn(data, h.id);
			unlinkat(dir, de->d_name, 0);
		}
		flock(dir, LOCK_UN);
	}
	closedir(d);
}
