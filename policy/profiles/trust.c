/* Walks the path as the kernel would, and looks at each part of it. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "policy/profiles/trust.h"

#define LINKS_MAX 40

struct walk {
	const char *path;	    /* as it was asked for */
	char at[POLICY_PATH_MAX];   /* what was looked at, no link in it */
	char rest[POLICY_PATH_MAX]; /* what is left, from its first slash on */
	const char *home;	    /* what lies above it is not looked at; NULL = all is */
	unsigned links;
	struct err *err;
};

static int refuse(struct walk *w, const char *why, const char *command)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_add_word(&b, w->at);
	return err_set(w->err, "%s is not used: %s %s. Run: %s %s", w->path, w->at, why, command,
		       b.data);
}

static int check(struct walk *w, const struct stat *st)
{
	bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
	char why[160], command[64];

	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(why, sizeof(why), "belongs to another user (%u), who could change it",
			 (unsigned)st->st_uid);
		snprintf(command, sizeof(command), "chown %u", (unsigned)geteuid());
		return refuse(w, why, command);
	}
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
		return refuse(w,
			      st->st_mode & S_IWOTH ? "can be written by everyone"
						    : "can be written by its group",
			      "chmod go-w");
	return 0;
}

/* The target takes the link's place in front of what is left. */
static int follow(struct walk *w)
{
	char target[POLICY_PATH_MAX], whole[POLICY_PATH_MAX];
	ssize_t n = readlink(w->at, target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return err_errno(w->err, errno, "can't read the link %s", w->at);
	if (++w->links > LINKS_MAX)
		return err_errno(w->err, ELOOP, "can't read the profile %s", w->path);
	target[n] = '\0';
	len = snprintf(whole, sizeof(whole), "%s%s%s", n && target[0] == '/' ? "" : "/", target,
		       w->rest);
	if (len < 0 || (size_t)len >= sizeof(whole))
		return err_errno(w->err, ENAMETOOLONG, "can't read the profile %s", w->path);
	str_copy(w->rest, sizeof(w->rest), whole);
	if (target[0] == '/')
		w->at[0] = '\0';
	else
		*strrchr(w->at, '/') = '\0';
	return 0;
}

static void up(struct walk *w)
{
	char *slash = strrchr(w->at, '/');

	if (slash)
		*slash = '\0';
}

/* One component. 1: there is more, 0: it was the last one. */
static int step(struct walk *w)
{
	char name[NAME_MAX + 1];
	const char *s = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(s, "/"), len = strlen(w->at);
	struct stat st;

	if (!n)
		return 0;
	if (n >= sizeof(name) || len + n + 2 > sizeof(w->at))
		return err_errno(w->err, ENAMETOOLONG, "can't read the profile %s", w->path);
	memcpy(name, s, n);
	name[n] = '\0';
	memmove(w->rest, s + n, strlen(s + n) + 1);
	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		up(w);
		return 1;
	}
	w->at[len] = '/';
	memcpy(w->at + len + 1, name, n + 1);
	if (lstat(w->at, &st) < 0)
		return err_errno(w->err, errno, "can't read the profile %s", w->path);
	/* Above the home it is the system's business. */
	if (!(w->home && path_under(w->at, w->home) && strcmp(w->at, w->home) != 0) &&
	    check(w, &st) < 0)
		return -1;
	return S_ISLNK(st.st_mode) && follow(w) < 0 ? -1 : 1;
}

char *trust_read(const char *path, bool from_home, char **real, size_t *n, struct err *err)
{
	struct walk w = {.path = path, .err = err};
	_cleanup_free_ char *home = from_home ? dir_home() : NULL;
	_cleanup_free_ char *real_home = home ? realpath(home, NULL) : NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t got;
	int more;

	if (!str_copy(w.rest, sizeof(w.rest), path)) {
		err_errno(err, ENAMETOOLONG, "can't read the profile %s", path);
		return NULL;
	}
	w.home = real_home;
	do
		more = step(&w);
	while (more > 0);
	if (more < 0)
		return NULL;
	fd = open(w.at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, errno, "can't read the profile %s", path);
		return NULL;
	}
	if (check(&w, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)DOC_TEXT_MAX) {
		err_set(err, "the profile %s is %s", path,
			S_ISREG(st.st_mode) ? "too large" : "not a regular file");
		return NULL;
	}
	text = xcalloc((size_t)st.st_size + 1, 1);
	got = read_full(fd, text, (size_t)st.st_size);
	if (got < 0) {
		err_errno(err, errno, "can't read the profile %s", path);
		return NULL;
	}
	*n = (size_t)got;
	*real = xstrdup(w.at);
	return STEAL_PTR(text);
}

/* The folder that holds ".git", at or above dir; never the home or what holds it. */
static bool in_repository(const char *path, const char *dir)
{
	_cleanup_free_ char *given = dir_home(), *home = realpath(given, NULL);
	_cleanup_free_ char *top = xstrdup(dir);

	while (strlen(top) > 1 && !(home && path_under(top, home))) {
		_cleanup_free_ char *git = xasprintf("%s/.git", top);
		struct stat st;
		char *slash = strrchr(top, '/');

		if (lstat(git, &st) == 0)
			return path_under(top, path);
		*slash = '\0';
	}
	return false;
}

bool trust_is_brought(const char *path, const struct profile_request *rq)
{
	_cleanup_free_ char *given = dir_config(), *config = realpath(given, NULL);

	if (!rq->workdir || (config && path_under(config, path)))
		return false;
	if (path_under(rq->workdir, path) || in_repository(path, rq->workdir))
		return true;
	for (const char *const *w = rq->writable; w && *w; w++)
		if (path_under(*w, path))
			return true;
	return false;
}
