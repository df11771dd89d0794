/*
 * Ways to a closed file. ATTACK_SECRET: the file (its content holds SECRET_TEXT), WORK: a writable
 * folder. The caller checks afterwards from outside that the file is unchanged and in its place.
 */
#include <libgen.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "attack.h"

static const char *secret(void)
{
	return need("ATTACK_SECRET");
}

static const char *in_work(const char *name)
{
	static char path[4][4096];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s.%d", need("WORK"), name, getpid());
	return path[turn];
}

static const char *parent_of(const char *path)
{
	static char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	return dirname(copy);
}

static enum outcome plain_open(void)
{
	return verdict(path_leaks(secret()), "open");
}

static enum outcome old_open(void)
{
	return verdict(fd_leaks((int)syscall(SYS_open, secret(), O_RDONLY)), "open(2)");
}

static enum outcome readwrite_open(void)
{
	return verdict(fd_leaks(open(secret(), O_RDWR)), "open for both");
}

static enum outcome openat2_open(void)
{
	struct open_how how = {.flags = O_RDONLY};

	return verdict(fd_leaks((int)syscall(SYS_openat2, AT_FDCWD, secret(), &how, sizeof(how))),
		       "openat2");
}

static enum outcome o_path_reopen(void)
{
	char link[64];
	int fd = open(secret(), O_PATH | O_CLOEXEC);

	if (fd < 0)
		return REFUSED;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return verdict(path_leaks(link), "O_PATH and /proc/self/fd");
}

static enum outcome dirfd_open(void)
{
	int dir = open(parent_of(secret()), O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name = strrchr(secret(), '/') + 1;

	if (dir < 0)
		return REFUSED;
	return verdict(fd_leaks(openat(dir, name, O_RDONLY)), "relative to its folder");
}

static enum outcome chdir_open(void)
{
	if (chdir(parent_of(secret())) < 0)
		return REFUSED;
	return verdict(path_leaks(strrchr(secret(), '/') + 1), "from its own folder");
}

static enum outcome by_handle(void)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, mount = open("/", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, secret(), &u.h, &mount_id, 0) < 0)
		return REFUSED;
	return verdict(fd_leaks(open_by_handle_at(mount < 0 ? AT_FDCWD : mount, &u.h, O_RDONLY)),
		       "open_by_handle_at");
}

static enum outcome spellings(void)
{
	static const char *const prefix[] = {
	    "/proc/self/root",
	    "/proc/thread-self/root",
	    "/proc/self/task/../root",
	    "/proc/self/cwd/../../../../../../..",
	    "/dev/fd/../root",
	    "//",
	    "/./",
	    "/usr/../",
	    "/proc/self/root/proc/self/root",
	    "/proc/../",
	    "/dev/../",
	};
	char path[8192];

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", prefix[i], secret());
		if (path_leaks(path))
			return won(path);
	}
	snprintf(path, sizeof(path), "/proc/%d/root%s", getppid(), secret());
	return verdict(path_leaks(path), path);
}

static enum outcome by_symlink(void)
{
	const char *link = in_work("link");
	bool leaked;

	if (symlink(secret(), link) < 0)
		return not_tried("symlink");
	leaked = path_leaks(link);
	unlink(link);
	return verdict(leaked, "through a symbolic link");
}

static enum outcome by_folder_symlink(void)
{
	const char *link = in_work("dirlink");
	char path[8192];
	bool leaked;

	if (symlink(parent_of(secret()), link) < 0)
		return not_tried("symlink");
	snprintf(path, sizeof(path), "%s/%s", link, strrchr(secret(), '/') + 1);
	leaked = path_leaks(path);
	unlink(link);
	return verdict(leaked, "through a link to its folder");
}

static enum outcome by_hard_link(void)
{
	const char *name = in_work("hard");
	int fd;

	if (link(secret(), name) == 0)
		return won("link");
	if (linkat(AT_FDCWD, secret(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
		return won("linkat");
	fd = open(secret(), O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		char proc[64];

		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, proc, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
			return won("linkat of /proc/self/fd");
		if (linkat(fd, "", AT_FDCWD, name, AT_EMPTY_PATH) == 0)
			return won("linkat of a descriptor");
		close(fd);
	}
	return REFUSED;
}

static enum outcome by_rename(void)
{
	const char *name = in_work("moved");

	if (rename(secret(), name) == 0)
		return won("rename");
	if (syscall(SYS_renameat2, AT_FDCWD, secret(), AT_FDCWD, name, 0) == 0)
		return won("renameat2");
	return REFUSED;
}

static enum outcome by_folder_rename(void)
{
	char parent[4096], moved[8192];

	snprintf(parent, sizeof(parent), "%s", parent_of(secret()));
	snprintf(moved, sizeof(moved), "%s.moved", parent);
	if (rename(parent, moved) == 0) {
		rename(moved, parent);
		return won("its folder was moved");
	}
	if (rename(parent, in_work("folder")) == 0)
		return won("its folder was moved into the workspace");
	return REFUSED;
}

static enum outcome by_exchange(void)
{
	const char *mine = in_work("mine");
	char parent[4096];

	snprintf(parent, sizeof(parent), "%s", parent_of(secret()));
	if (mkdir(mine, 0700) < 0)
		return not_tried("mkdir");
	if (syscall(SYS_renameat2, AT_FDCWD, parent, AT_FDCWD, mine, RENAME_EXCHANGE) == 0)
		return won("its folder was exchanged");
	rmdir(mine);
	return REFUSED;
}

static enum outcome replace_file(void)
{
	const char *mine = in_work("new");
	int fd = open(mine, O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return not_tried("a file of my own");
	close(fd);
	if (rename(mine, secret()) == 0)
		return won("the file was replaced");
	unlink(mine);
	return REFUSED;
}

static enum outcome remove_file(void)
{
	if (unlink(secret()) == 0)
		return won("unlink");
	if (unlinkat(AT_FDCWD, secret(), 0) == 0)
		return won("unlinkat");
	return REFUSED;
}

static enum outcome damage(void)
{
	struct timespec times[2] = {{1, 0}, {1, 0}};

	if (truncate(secret(), 0) == 0)
		return won("truncate");
	if (open(secret(), O_WRONLY | O_TRUNC) >= 0)
		return won("O_TRUNC");
	if (open(secret(), O_WRONLY | O_APPEND) >= 0)
		return won("O_APPEND");
	if (creat(secret(), 0600) >= 0)
		return won("creat");
	if (chmod(secret(), 0644) == 0)
		return won("chmod");
	if (syscall(452 /* fchmodat2 */, AT_FDCWD, secret(), 0644, 0) == 0)
		return won("fchmodat2");
	if (chown(secret(), getuid(), getgid()) == 0)
		return won("chown");
	if (utimensat(AT_FDCWD, secret(), times, 0) == 0)
		return won("utimensat");
	if (setxattr(secret(), "user.x", "1", 1, 0) == 0)
		return won("setxattr");
	return REFUSED;
}

static enum outcome folder_mode(void)
{
	if (chmod(parent_of(secret()), 0755) == 0)
		return won("chmod of its folder");
	return REFUSED;
}

static enum outcome by_mount(void)
{
	const char *at = in_work("mount");
	bool leaked = false;

	if (mkdir(at, 0700) < 0)
		return not_tried("mkdir");
	unshare(CLONE_NEWUSER | CLONE_NEWNS);
	if (mount(parent_of(secret()), at, NULL, MS_BIND, NULL) == 0) {
		char path[8192];

		snprintf(path, sizeof(path), "%s/%s", at, strrchr(secret(), '/') + 1);
		leaked = path_leaks(path);
	}
	rmdir(at);
	return verdict(leaked, "a bind mount");
}

static enum outcome uncover(void)
{
	umount2(parent_of(secret()), MNT_DETACH);
	umount2(secret(), MNT_DETACH);
	return verdict(path_leaks(secret()), "umount of what hides it");
}

static enum outcome by_chroot(void)
{
	if (chroot("/") < 0)
		return REFUSED;
	return won("chroot is permitted");
}

static enum outcome new_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER) == 0)
		return won("a user namespace of my own");
	return REFUSED;
}

static enum outcome by_io_uring(void)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &p);

	return verdict(fd >= 0, "io_uring_setup");
}

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

/* A foreign call may kill the process: that is a refusal. */
static enum outcome in_child(enum outcome (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return not_tried("fork");
	if (pid == 0)
		_exit(f());
	if (waitpid(pid, &status, 0) < 0)
		return not_tried("wait");
	return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : REFUSED;
}

static enum outcome i386_child(void)
{
	/* The 32-bit call takes 32-bit addresses. */
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long fd;

	if (low == MAP_FAILED)
		return not_tried("mmap");
	snprintf(low, 4096, "%s", secret());
	fd = int80(5 /* open */, (long)(uintptr_t)low, O_RDONLY, 0);
	if (fd >= 0 && fd_leaks((int)fd))
		return won("open through int 0x80");
	if (int80(425 /* io_uring_setup */, 4, 0, 0) == -EFAULT)
		return won("io_uring_setup through int 0x80");
	return REFUSED;
}

static enum outcome by_i386(void)
{
	return in_child(i386_child);
}

static enum outcome x32_child(void)
{
	long fd = syscall(0x40000000 | SYS_open, secret(), O_RDONLY);

	return verdict(fd >= 0 && fd_leaks((int)fd), "open through x32");
}

static enum outcome by_x32(void)
{
	return in_child(x32_child);
}
#endif

/* Two threads: one opens, the other flips the path between a file of mine and the secret. */
struct race {
	char path[4096];
	volatile int stop;
	char mine[4096];
};

static void *flip(void *arg)
{
	struct race *r = arg;

	while (!r->stop) {
		memcpy(r->path, secret(), strlen(secret()) + 1);
		memcpy(r->path, r->mine, strlen(r->mine) + 1);
	}
	return NULL;
}

static enum outcome race_with(int flags)
{
	static struct race r;
	pthread_t t;
	bool leaked = false;
	int fd;

	/* Of the same length, so that no half-written mixture ends too early. */
	snprintf(r.mine, sizeof(r.mine), "%s", in_work("race"));
	fd = open(r.mine, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return not_tried("a file of my own");
	close(fd);
	memcpy(r.path, r.mine, sizeof(r.path));
	if (pthread_create(&t, NULL, flip, &r) != 0)
		return not_tried("a thread");
	for (int i = 0; i < 20000 && !leaked; i++) {
		fd = open(r.path, flags, 0600);
		if (fd >= 0)
			leaked = fd_leaks(fd);
	}
	r.stop = 1;
	pthread_join(t, NULL);
	unlink(r.mine);
	return verdict(leaked, "a swapped path");
}

static enum outcome race_read(void)
{
	return race_with(O_RDONLY);
}

static enum outcome race_write(void)
{
	return race_with(O_RDWR);
}

static enum outcome race_symlink(void)
{
	const char *a = in_work("a"), *link = in_work("swap"), *tmp = in_work("tmp");
	pid_t pid;
	bool leaked = false;
	int fd = open(a, O_RDWR | O_CREAT, 0600);

	if (fd < 0)
		return not_tried("a file of my own");
	close(fd);
	pid = fork();
	if (pid == 0) {
		for (;;) {
			if (symlink(a, tmp) == 0 && rename(tmp, link) < 0)
				unlink(tmp);
			if (symlink(secret(), tmp) == 0 && rename(tmp, link) < 0)
				unlink(tmp);
		}
	}
	for (int i = 0; i < 5000 && !leaked; i++)
		leaked = fd_leaks(open(link, i & 1 ? O_RDONLY : O_RDWR));
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	unlink(a);
	unlink(link);
	unlink(tmp);
	return verdict(leaked, "a swapped link");
}

static enum outcome exec_loader(void)
{
	int p[2], status;
	char text[4096];
	ssize_t n;
	pid_t pid;

	if (pipe(p) < 0)
		return not_tried("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		execl("/bin/cat", "cat", secret(), NULL);
		_exit(126);
	}
	close(p[1]);
	n = read(p[0], text, sizeof(text) - 1);
	waitpid(pid, &status, 0);
	text[n > 0 ? n : 0] = '\0';
	return verdict(strstr(text, SECRET_TEXT), "cat");
}

static const struct attack table[] = {
    {"open", plain_open},
    {"open2", old_open},
    {"open-rdwr", readwrite_open},
    {"openat2", openat2_open},
    {"o-path", o_path_reopen},
    {"dirfd", dirfd_open},
    {"chdir", chdir_open},
    {"handle", by_handle},
    {"spellings", spellings},
    {"symlink", by_symlink},
    {"folder-symlink", by_folder_symlink},
    {"hard-link", by_hard_link},
    {"rename", by_rename},
    {"folder-rename", by_folder_rename},
    {"exchange", by_exchange},
    {"replace", replace_file},
    {"remove", remove_file},
    {"damage", damage},
    {"folder-mode", folder_mode},
    {"mount", by_mount},
    {"uncover", uncover},
    {"chroot", by_chroot},
    {"userns", new_user_namespace},
    {"io-uring", by_io_uring},
#ifdef __x86_64__
    {"i386", by_i386},
    {"x32", by_x32},
#endif
    {"race-read", race_read},
    {"race-write", race_write},
    {"race-symlink", race_symlink},
    {"exec", exec_loader},
};

ATTACK_MAIN(table)
