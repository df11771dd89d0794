/* Runtime directory, token, control socket, private temporary directory. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "sessions/limits.h"
#include "sessions/runtime.h"

#define TOOL_TMP ".tools"

char *session_runtime_dir(const char *id)
{
	_cleanup_free_ char *base = dir_runtime();

	return xasprintf("%s/%s", base, id);
}

char *runtime_tmp_path(const char *id)
{
	return xasprintf("/tmp/nono-%u-%s", getuid(), id);
}

void runtime_new_id(char id[SESSION_ID_LEN + 1])
{
	random_hex(id, SESSION_ID_LEN / 2);
}

bool runtime_id_valid(const char *id)
{
	return strlen(id) == SESSION_ID_LEN && strspn(id, "0123456789abcdef") == SESSION_ID_LEN;
}

/* A unix address by way of the directory's descriptor, so that it always fits. */
static int address_at(const char *dir, const char *name, struct sockaddr_un *sa)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", fd, name);
	return fd;
}

int socket_connect_at(const char *dir, const char *name)
{
	struct sockaddr_un sa;
	_cleanup_close_ int dfd = address_at(dir, name, &sa);
	_cleanup_close_ int fd = -1;

	if (dfd < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	return STEAL_FD(fd);
}

static int make_socket(struct runtime *r, struct err *err)
{
	struct sockaddr_un sa;
	_cleanup_close_ int dfd = address_at(r->dir, "control.sock", &sa);

	if (dfd < 0)
		return err_errno(err, errno, "can't open %s", r->dir);
	r->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->listen_fd < 0)
		return err_errno(err, errno, "can't make the control socket");
	/* The directory is 0700: nobody else gets as far as the socket's own mode. */
	if (bind(r->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    fchmodat(dfd, "control.sock", 0600, 0) < 0 || listen(r->listen_fd, 64) < 0)
		return err_errno(err, errno, "can't make %s/control.sock", r->dir);
	return 0;
}

static int make_token(struct runtime *r, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/token", r->dir);
	_cleanup_close_ int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	random_hex(r->token, TOKEN_LEN / 2);
	if (fd < 0 || write_full(fd, r->token, TOKEN_LEN) < 0)
		return err_errno(err, errno, "can't write %s", path);
	return 0;
}

/* The file, and an empty one in the temporary directory that it may be bound over. */
static int make_cap_file(struct runtime *r, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	_cleanup_free_ char *under = xasprintf("%s/" POLICY_CAP_NAME, r->tmp);
	_cleanup_close_ int fd = open(under, flags, 0400);

	r->cap_fd = fd < 0 ? -1 : open(r->cap_file, flags, 0400);
	return r->cap_fd < 0 ? err_errno(err, errno, "can't make %s", r->cap_file) : 0;
}

int runtime_make_ca(const struct runtime *r, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	_cleanup_free_ char *under = xasprintf("%s/" POLICY_CA_NAME, r->tmp);
	_cleanup_close_ int a = open(under, flags, 0400), b = open(r->ca_file, flags, 0600);

	return a < 0 || b < 0 ? err_errno(err, errno, "can't make %s", r->ca_file) : 0;
}

int runtime_create(const char *id, struct runtime *out, struct err *err)
{
	_cleanup_free_ char *base = dir_runtime();
	struct runtime r = {.listen_fd = -1, .cap_fd = -1, .tmp_fd = -1};

	if (dir_private(base, err) < 0)
		return -1;
	r.dir = session_runtime_dir(id);
	r.tmp = runtime_tmp_path(id);
	r.request_socket = xasprintf("%s/request.sock", r.dir);
	r.tool_socket = xasprintf("%s/tools.sock", r.dir);
	r.shim_dir = xasprintf("%s/shims", r.dir);
	r.tool_tmp = xasprintf("%s" TOOL_TMP, r.tmp);
	r.cap_file = xasprintf("%s/cap.json", r.dir);
	r.ca_file = xasprintf("%s/ca.pem", r.dir);
	/* mkdir: what is there already is not ours, whoever made it. */
	if (mkdir(r.dir, 0700) < 0) {
		err_errno(err, errno, "can't make %s", r.dir);
		runtime_free(&r);
		return -1;
	}
	if (mkdir(r.tmp, 0700) < 0) {
		err_errno(err, errno, "can't make %s", r.tmp);
		runtime_remove(r.dir, NULL);
		runtime_free(&r);
		return -1;
	}
	r.tmp_fd = open(r.tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r.tmp_fd < 0 || flock(r.tmp_fd, LOCK_SH | LOCK_NB) < 0) {
		err_errno(err, errno, "can't lock %s", r.tmp);
		runtime_remove(r.dir, r.tmp);
		runtime_free(&r);
		return -1;
	}
	if (make_token(&r, err) < 0 || make_socket(&r, err) < 0 || make_cap_file(&r, err) < 0) {
		runtime_remove(r.dir, r.tmp);
		runtime_free(&r);
		return -1;
	}
	*out = r;
	return 0;
}

#define SWEEP_AFTER_S 60 /* a younger one may not be locked yet */

static bool is_orphan(int at, const char *name)
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == getuid() &&
	       st.st_mtime < time(NULL) - SWEEP_AFTER_S && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void runtime_sweep_tmp(void)
{
	_cleanup_free_ char *own = xasprintf("nono-%u-", getuid());
	DIR *d = opendir("/tmp");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		const char *id = str_starts(de->d_name, own) ? de->d_name + strlen(own) : "";
		_cleanup_free_ char *path = NULL;

		if (!runtime_id_valid(id) || !is_orphan(dirfd(d), de->d_name))
			continue;
		path = runtime_tmp_path(id);
		runtime_remove(NULL, path);
	}
	if (d)
		closedir(d);
}

/* Of programs without a session: pid, start time. */
#define WRAP_FILE  "wrap-%d-%llu.json"
#define PROXY_FILE "proxy-%d-%llu.pem"

static bool left_over(const char *name, const char *format)
{
	unsigned long long started;
	char same[64];
	int pid;

	if (sscanf(name, format, &pid, &started) != 2 || proc_start_time(pid) == started)
		return false;
	snprintf(same, sizeof(same), format, pid, started);
	return str_eq(same, name);
}

static void sweep_files(const char *base)
{
	DIR *d = opendir(base);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		if (left_over(de->d_name, WRAP_FILE) || left_over(de->d_name, PROXY_FILE))
			unlinkat(dirfd(d), de->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* Named after the caller. */
static int own_file(const char *format, mode_t mode, char **out, struct err *err)
{
	_cleanup_free_ char *base = dir_runtime();
	_cleanup_free_ char *path = NULL;
	char name[64];
	int fd;

	if (dir_private(base, err) < 0)
		return -1;
	sweep_files(base);
	snprintf(name, sizeof(name), format, getpid(),
		 (unsigned long long)proc_start_time(getpid()));
	path = xasprintf("%s/%s", base, name);
	unlink(path); /* of an earlier exec of this very process */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, errno, "can't make %s", path);
	*out = STEAL_PTR(path);
	return fd;
}

int runtime_wrap_cap_file(char **path, struct err *err)
{
	return own_file(WRAP_FILE, 0400, path, err);
}

int runtime_proxy_ca_file(char **path, struct err *err)
{
	return own_file(PROXY_FILE, 0600, path, err);
}

void runtime_free(struct runtime *r)
{
	if (r->listen_fd >= 0)
		close(r->listen_fd);
	if (r->cap_fd >= 0)
		close(r->cap_fd);
	if (r->tmp_fd >= 0)
		close(r->tmp_fd);
	free(r->dir);
	free(r->tmp);
	free(r->request_socket);
	free(r->tool_socket);
	free(r->shim_dir);
	free(r->tool_tmp);
	free(r->cap_file);
	free(r->ca_file);
	*r = (struct runtime){.listen_fd = -1, .cap_fd = -1, .tmp_fd = -1};
}

void runtime_remove(const char *dir, const char *tmp)
{
	if (dir) {
		limits_remove(dir, path_base(dir));
		remove_tree(dir);
	}
	if (tmp) {
		_cleanup_free_ char *of_tools = xasprintf("%s" TOOL_TMP, tmp);
		remove_tree(tmp);
		remove_tree(of_tools);
	}
}

/* ---- removing ------------------------------------------------------------ */

struct remover {
	int top;
	unsigned moved; /* directories lifted to the top so far */
	bool failed;
};

/* Opens a directory for reading although its mode may forbid even its owner. */
static DIR *open_any_mode(int at, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(at, name, flags);
	DIR *d;

	if (fd < 0 && errno == EACCES) {
		char link[64];
		_cleanup_close_ int path =
		    openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (path < 0)
			return NULL;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
		if (chmod(link, 0700) < 0)
			return NULL;
		fd = openat(at, name, flags);
	}
	if (fd < 0)
		return NULL;
	fchmod(fd, 0700); /* or its entries can't be removed */
	d = fdopendir(fd);
	if (!d)
		close(fd);
	return d;
}

/* Lifts a nested directory up beside its parent: the depth never grows, nor do the descriptors. */
static void lift(struct remover *r, int from, const char *name)
{
	char to[32];

	for (int i = 0; i < 64; i++) {
		snprintf(to, sizeof(to), ".%u", r->moved++);
		if (renameat2(from, name, r->top, to, RENAME_NOREPLACE) == 0)
			return;
		if (errno == EACCES) { /* moving a directory writes its ".." */
			DIR *d = open_any_mode(from, name);
			if (!d)
				break;
			closedir(d);
		} else if (errno != EEXIST) {
			break;
		}
	}
	r->failed = true;
}

static void empty_subdir(struct remover *r, const char *name)
{
	DIR *d = open_any_mode(r->top, name);
	struct dirent *de;

	if (!d) {
		r->failed = true;
		return;
	}
	while ((de = readdir(d))) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (unlinkat(dirfd(d), de->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR) < 0)
			lift(r, dirfd(d), de->d_name);
	}
	closedir(d);
	if (unlinkat(r->top, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r->failed = true;
}

int remove_tree(const char *path)
{
	struct remover r = {0};
	struct dirent *de;
	DIR *d;
	bool more = true;

	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	if (rmdir(path) == 0)
		return 0;
	d = open_any_mode(AT_FDCWD, path);
	if (!d)
		return -1;
	r.top = dirfd(d);
	while (more && !r.failed) {
		more = false;
		rewinddir(d);
		while ((de = readdir(d))) {
			if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
				continue;
			more = true;
			if (unlinkat(r.top, de->d_name, 0) < 0 && errno != ENOENT)
				empty_subdir(&r, de->d_name);
		}
	}
	closedir(d);
	return rmdir(path);
}
