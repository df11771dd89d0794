/*
 * Ways to a closed file. ATTACK_SECRET: the file (its content holds SECRET_TEXT), WORK: a writable
 * folder. The caller checks afterwards from outside that the file is unchanged and in its place.
 */
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "attack.h"

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

/* By way of descriptors: of the root, of the current folder, of a folder of mine. */
static enum outcome descriptor_spellings(void)
{
	static const char *const link[] = {"/proc/self/fd/%d", "/proc/thread-self/fd/%d",
					   "/dev/fd/%d", "/proc/self/task/../fd/%d"};
	int fds[] = {open("/", O_PATH | O_CLOEXEC), open(".", O_PATH | O_CLOEXEC),
		     open(need("WORK"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	char up[512] = "", start[64], path[8192];

	for (int i = 0; i < 40; i++)
		strcat(up, "../");
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] < 0)
			continue;
		snprintf(path, sizeof(path), "%s%s", up, secret() + 1);
		if (fd_leaks(openat(fds[i], path, O_RDONLY)))
			return won("relative to a descriptor");
		for (size_t k = 0; k < sizeof(link) / sizeof(link[0]); k++) {
			snprintf(start, sizeof(start), link[k], fds[i]);
			snprintf(path, sizeof(path), "%s/%s%s", start, up, secret() + 1);
			if (path_leaks(path))
				return won(path);
		}
	}
	return REFUSED;
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
    {"descriptor-spellings", descriptor_spellings},
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
    {"exec", exec_loader},
};

ATTACK_MAIN(table)
