/* nono_fork, nono_enter, nono_unshare: as root, as a user, and where namespaces are forbidden. */
#include "sandbox/nono.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define RUN(fn) assert_int_equal(in_child(fn, NULL, *state != NULL), 0)

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool reads(const char *path, const char *text)
{
	char b[128] = {0};
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, b, sizeof(b) - 1) < 0)
		b[0] = '\0';
	if (fd >= 0)
		close(fd);
	return strcmp(b, text) == 0;
}

static void enter(const struct nono_spec *spec, struct nono_layers *layers)
{
	struct nono_error err = {0};
	if (nono_enter(spec, layers, &err) < 0) {
		fprintf(stderr, "nono_enter: %s\n", err.msg);
		_exit(1);
	}
}

/* Runs inside() as the init of new namespaces; its status. */
static int as_init(const struct nono_spec *spec, void (*inside)(struct nono_layers *layers))
{
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	pid_t pid = nono_fork(spec, &layers, &err);

	if (pid < 0)
		fprintf(stderr, "nono_fork: %s\n", err.msg);
	CHECK(pid >= 0);
	if (pid == 0) {
		enter(spec, &layers);
		inside(&layers);
		_exit(0);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- who and where ---- */

static uid_t outer_uid;

static void inside_identity(struct nono_layers *layers)
{
	CHECK(layers->pid_ns && layers->mount_ns && layers->ipc_ns && !layers->net_ns);
	CHECK(layers->user_ns == (outer_uid != 0));
	CHECK(getuid() == outer_uid && geteuid() == outer_uid && getpid() == 1);

	/* A /proc of its own: one process in it. */
	char self[32] = {0};
	CHECK(readlink("/proc/self", self, sizeof(self) - 1) == 1 && self[0] == '1');
	unsigned processes = 0;
	DIR *d = opendir("/proc");
	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		processes += e->d_name[0] >= '0' && e->d_name[0] <= '9';
	CHECK(processes == 1);
	REFUSED(kill(2, 0), ESRCH);

	REFUSED(open("/proc/sys/kernel/core_pattern", O_WRONLY), outer_uid == 0 ? EROFS : EACCES);
	if (layers->user_ns)
		REFUSED(unshare(CLONE_NEWUSER), ENOSPC);
	CHECK(open("/proc/sys/kernel/osrelease", O_RDONLY) >= 0);
}

static void identity(void *arg)
{
	(void)arg;
	outer_uid = getuid();
	struct nono_spec spec = {.namespaces = NONO_REQUIRE};
	CHECK(as_init(&spec, inside_identity) == 0);
}

/* ---- terminals ---- */

static void inside_terminals(struct nono_layers *layers)
{
	CHECK(layers->devpts);
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	CHECK(strcmp(ptsname(master), "/dev/pts/0") == 0);
	CHECK(setsid() >= 0);
	int tty = open(ptsname(master), O_RDWR);
	CHECK(tty >= 0 && isatty(tty) && strcmp(ttyname(tty), "/dev/pts/0") == 0);
	CHECK(open("/dev/tty", O_RDWR) >= 0);
	CHECK(write(tty, "x", 1) == 1);
	struct stat st;
	CHECK(fstat(tty, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_uid == getuid());
	REFUSED(access("/dev/pts/1", F_OK), ENOENT);

	/* Without capabilities as well. */
	CHECK(nono_drop_capabilities(NULL) == 0);
	CHECK(posix_openpt(O_RDWR | O_NOCTTY) >= 0);
}

static void terminals(void *arg)
{
	(void)arg;
	struct nono_spec spec = {.namespaces = NONO_REQUIRE};
	CHECK(as_init(&spec, inside_terminals) == 0);
}

/* ---- mounts ---- */

static char work[] = "/tmp/nono-ns-XXXXXX";

static void inside_mounts(struct nono_layers *layers)
{
	struct stat st;

	CHECK(chdir(work) == 0);
	for (int i = 0; i < 2; i++) { /* with capabilities, and without */
		char d[16], f[16];
		snprintf(d, sizeof(d), "secret%d", i);
		snprintf(f, sizeof(f), "key%d", i);
		char inner[32];
		snprintf(inner, sizeof(inner), "%s/in", d);
		REFUSED(open(inner, O_RDONLY), ENOENT);
		REFUSED(mkdirat(AT_FDCWD, inner, 0700), EROFS);
		CHECK(stat(f, &st) == 0 && st.st_size == 0 && (st.st_mode & 0777) == 0);
		REFUSED(open(f, O_WRONLY), EROFS);
	}
	CHECK(reads("readonly/in", "kept"));
	REFUSED(open("readonly/in", O_WRONLY), EROFS);
	REFUSED(open("readonly/new", O_WRONLY | O_CREAT, 0600), EROFS);
	CHECK(reads("target", "source text"));
	CHECK(reads("plain", "plain"));
	write_text("plain", "changed");

	/* Neither the program nor root in it takes a cover away. */
	CHECK(nono_drop_capabilities(NULL) == 0);
	REFUSED(open("key0", O_RDONLY), EACCES);
	REFUSED(umount2("secret0", MNT_DETACH), EPERM);
	REFUSED(umount2("readonly", MNT_DETACH), EPERM);
	REFUSED(mount(NULL, "readonly", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
	REFUSED(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
	REFUSED(rename("secret0", "moved"), EBUSY);
	(void)layers;
}

static void mounts(void *arg)
{
	(void)arg;
	CHECK(chdir(work) == 0);
	char p[7][64];
	static const char *const names[] = {"secret0",	"key0",	  "secret1", "key1",
					    "readonly", "target", "source"};
	for (int i = 0; i < 7; i++)
		snprintf(p[i], sizeof(p[i]), "%s/%s", work, names[i]);
	CHECK(mkdir("secret0", 0755) == 0 && mkdir("secret1", 0755) == 0 &&
	      mkdir("readonly", 0755) == 0);
	write_text("secret0/in", "s");
	write_text("secret1/in", "s");
	write_text("key0", "s");
	write_text("key1", "s");
	write_text("readonly/in", "kept");
	write_text("target", "target text");
	write_text("source", "source text");
	write_text("plain", "plain");

	const struct nono_mount m[] = {
	    {NONO_MOUNT_HIDE, p[0], NULL},	 {NONO_MOUNT_HIDE, p[1], NULL},
	    {NONO_MOUNT_HIDE, p[2], NULL},	 {NONO_MOUNT_HIDE, p[3], NULL},
	    {NONO_MOUNT_READ_ONLY, p[4], NULL},	 {NONO_MOUNT_BIND, p[5], p[6]},
	    {NONO_MOUNT_HIDE, "/no/such", NULL},
	};
	struct nono_spec spec = {
	    .namespaces = NONO_REQUIRE,
	    .mounts = m,
	    .n_mounts = sizeof(m) / sizeof(*m),
	};
	CHECK(as_init(&spec, inside_mounts) == 0);
	/* Outside nothing of it shows. */
	CHECK(reads("secret0/in", "s") && reads("key0", "s") && reads("target", "target text") &&
	      reads("plain", "changed"));
	CHECK(system("rm -rf secret0 secret1 key0 key1 readonly target source plain") == 0);
}

static void mount_over_link(void *arg)
{
	(void)arg;
	CHECK(chdir(work) == 0 && symlink("/etc", "link") == 0);
	char p[64];
	snprintf(p, sizeof(p), "%s/link", work);
	const struct nono_mount m[] = {{NONO_MOUNT_HIDE, p, NULL}};
	struct nono_spec spec = {.namespaces = NONO_REQUIRE, .mounts = m, .n_mounts = 1};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	pid_t pid = nono_fork(&spec, &layers, &err);
	if (pid == 0)
		_exit(nono_enter(&spec, &layers, &err) == -1 && err.code == ELOOP ? 0 : 1);
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(unlink("link") == 0);
}

/* ---- a private /tmp ---- */

static void inside_tmp(struct nono_layers *layers)
{
	char path[96];
	struct stat a, b;

	CHECK(layers->private_tmp);
	write_text("/tmp/inside", "private");
	CHECK(reads("/var/tmp/inside", "private"));
	snprintf(path, sizeof(path), "%s/workspace/file", work);
	CHECK(reads(path, "kept"));
	write_text(path, "kept, changed");
	snprintf(path, sizeof(path), "%s/socket.file", work);
	CHECK(reads(path, "file"));
	snprintf(path, sizeof(path), "%s/private", work);
	CHECK(stat(path, &a) == 0 && stat("/tmp", &b) == 0 && a.st_ino == b.st_ino);
	snprintf(path, sizeof(path), "%s/other", work);
	REFUSED(access(path, F_OK), ENOENT);
}

static void private_tmp(void *arg)
{
	(void)arg;
	CHECK(chdir(work) == 0);
	CHECK(mkdir("workspace", 0755) == 0 && mkdir("private", 0700) == 0);
	write_text("workspace/file", "kept");
	write_text("socket.file", "file");
	write_text("other", "hidden");
	char p[5][64];
	snprintf(p[0], sizeof(p[0]), "%s/workspace", work);
	snprintf(p[1], sizeof(p[1]), "%s/socket.file", work);
	snprintf(p[2], sizeof(p[2]), "%s/private", work);
	snprintf(p[3], sizeof(p[3]), "%s/no-such", work);
	snprintf(p[4], sizeof(p[4]), "%s/workspace/file", work); /* inside one that is kept */
	const char *const keep[] = {p[0], p[1], p[2], p[3], p[4], "/etc/passwd", NULL};
	struct nono_spec spec = {
	    .namespaces = NONO_REQUIRE, .private_tmp = p[2], .keep_in_tmp = keep};
	CHECK(as_init(&spec, inside_tmp) == 0);
	CHECK(reads("private/inside", "private") && reads("workspace/file", "kept, changed"));
	REFUSED(access("/tmp/inside", F_OK), ENOENT);
	CHECK(system("rm -rf workspace private socket.file other") == 0);
}

/* ---- network ---- */

static void inside_network(struct nono_layers *layers)
{
	CHECK(layers->net_ns);
	struct nono_path all = {"/", NONO_READ | NONO_WRITE | NONO_EXEC};
	struct nono_spec spec = {.paths = &all, .n_paths = 1, .net = NONO_NET_OFF};
	int listener;
	CHECK(nono_confine(&spec, layers, &listener, NULL) == 0);

	struct if_nameindex *names = if_nameindex();
	CHECK(names && names[0].if_index && strcmp(names[0].if_name, "lo") == 0);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t len = sizeof(a);
	CHECK(bind(server, (struct sockaddr *)&a, len) == 0 && listen(server, 1) == 0);
	CHECK(getsockname(server, (struct sockaddr *)&a, &len) == 0);
	CHECK(connect(client, (struct sockaddr *)&a, len) == 0);

	a.sin_addr.s_addr = inet_addr("192.0.2.1");
	int out = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	REFUSED(connect(out, (struct sockaddr *)&a, len), ENETUNREACH);
	REFUSED(sendto(udp, "x", 1, 0, (struct sockaddr *)&a, len), ENETUNREACH);
}

static void network(void *arg)
{
	(void)arg;
	struct nono_spec spec = {.namespaces = NONO_REQUIRE, .net = NONO_NET_OFF};
	CHECK(as_init(&spec, inside_network) == 0);
}

/* ---- the whole sequence ---- */

static void inside_whole(struct nono_layers *layers)
{
	CHECK(nono_drop_capabilities(NULL) == 0);
	pid_t sleeper = fork();
	if (sleeper == 0) {
		const struct nono_path paths[] = {{"/", NONO_READ | NONO_EXEC}};
		struct nono_spec spec = {.paths = paths, .n_paths = 1};
		int listener;
		CHECK(nono_confine(&spec, layers, &listener, NULL) == 0);
		CHECK(nono_close_descriptors(-1) == 0);
		REFUSED(kill(1, SIGKILL), EPERM); /* not its init */
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(9);
	}
	int status = 0;
	CHECK(kill(sleeper, SIGKILL) == 0); /* the init needs no capability for this */
	CHECK(waitpid(sleeper, &status, 0) == sleeper && WTERMSIG(status) == SIGKILL);
}

static void whole(void *arg)
{
	(void)arg;
	struct nono_spec spec = {.namespaces = NONO_REQUIRE};
	CHECK(as_init(&spec, inside_whole) == 0);
}

/* ---- where namespaces are forbidden ---- */

static void keep_capability(int cap)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	data[0].effective = data[0].permitted = 1U << cap;
	CHECK(syscall(SYS_capset, &header, data) == 0);
}

static void become_container(bool mask_proc, bool forbid)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_text("/proc/self/gid_map", map);
	if (mask_proc) {
		/* Locked for whoever makes a user namespace of his own in here. */
		CHECK(mount("none", "/proc/fs", "tmpfs", MS_RDONLY, NULL) == 0);
		CHECK(mount("/dev/null", "/proc/keys", NULL, MS_BIND, NULL) == 0);
	}
	if (forbid)
		write_text("/proc/sys/user/max_user_namespaces", "0");
	keep_capability(CAP_SETFCAP);
}

static void forbidden(void *arg)
{
	(void)arg;
	become_container(false, true);
	struct nono_spec spec = {.net = NONO_NET_OFF};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	pid_t pid = nono_fork(&spec, &layers, &err);
	CHECK(pid >= 0);
	CHECK(!layers.user_ns && !layers.mount_ns && !layers.pid_ns && !layers.net_ns &&
	      !layers.ipc_ns && layers.namespaces_why);
	if (pid == 0) {
		CHECK(nono_enter(&spec, &layers, &err) == 0);
		struct nono_path all = {"/", NONO_READ};
		spec.paths = &all;
		spec.n_paths = 1;
		int listener;
		CHECK(nono_confine(&spec, &layers, &listener, &err) == 0);
		REFUSED(socket(AF_INET, SOCK_DGRAM, 0), EACCES);
		REFUSED(open("/tmp/nono-test-new", O_CREAT | O_WRONLY, 0600), EACCES);
		_exit(0);
	}
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);

	struct nono_layers again = {0};
	CHECK(nono_unshare(&spec, &again, &err) == 0 && !again.mount_ns && again.namespaces_why);

	spec.namespaces = NONO_REQUIRE;
	CHECK(nono_fork(&spec, &layers, &err) == -1 && err.code == ENOSPC);
	CHECK(nono_unshare(&spec, &layers, &err) == -1 && err.code == ENOSPC);
}

static void masked_proc(void *arg)
{
	(void)arg;
	become_container(true, false);
	struct nono_spec spec = {.namespaces = NONO_AUTO};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	pid_t pid = nono_fork(&spec, &layers, &err);
	CHECK(pid >= 0 && layers.pid_ns);
	if (pid == 0)
		_exit(nono_enter(&spec, &layers, &err) == -1 && layers.proc_refused ? 0 : 1);
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);

	spec.no_pid_namespace = true;
	pid = nono_fork(&spec, &layers, &err);
	CHECK(pid >= 0 && !layers.pid_ns && layers.mount_ns);
	if (pid == 0) {
		enter(&spec, &layers);
		char self[32] = {0};
		CHECK(readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid());
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void weak_root(void *arg)
{
	(void)arg;
	CHECK(nono_drop_capabilities(NULL) == 0);
	struct nono_spec spec = {.namespaces = NONO_AUTO};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	pid_t pid = nono_fork(&spec, &layers, &err);
	CHECK(pid >= 0 && !layers.mount_ns == (getuid() == 0));
	if (pid == 0)
		_exit(nono_enter(&spec, &layers, NULL) == 0 ? 0 : 1);
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	spec.namespaces = NONO_REQUIRE;
	if (getuid() == 0)
		CHECK(nono_fork(&spec, &layers, &err) == -1 && err.code == EPERM);
}

static void skipped(void *arg)
{
	(void)arg;
	struct nono_spec spec = {.namespaces = NONO_SKIP};
	struct nono_layers layers = {0};
	pid_t pid = nono_fork(&spec, &layers, NULL);
	CHECK(pid >= 0 && !layers.mount_ns && layers.namespaces_why);
	if (pid == 0)
		_exit(nono_enter(&spec, &layers, NULL) == 0 && getpid() != 1 ? 0 : 1);
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* ---- the caller itself ---- */

static void unshared(void *arg)
{
	(void)arg;
	uid_t uid = getuid();
	pid_t self = getpid();
	CHECK(chdir(work) == 0);
	write_text("secret", "s");
	char p[64];
	snprintf(p, sizeof(p), "%s/secret", work);
	const struct nono_mount m[] = {{NONO_MOUNT_HIDE, p, NULL}};
	struct nono_spec spec = {
	    .namespaces = NONO_REQUIRE, .mounts = m, .n_mounts = 1, .net = NONO_NET_OFF};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	if (nono_unshare(&spec, &layers, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK(layers.mount_ns && layers.net_ns && !layers.pid_ns && !layers.devpts);
	CHECK(getuid() == uid && getpid() == self && !reads("secret", "s"));
	int listener;
	struct nono_path all = {"/", NONO_READ | NONO_WRITE};
	spec.paths = &all;
	spec.n_paths = 1;
	CHECK(nono_confine(&spec, &layers, &listener, &err) == 0);
	REFUSED(umount2(p, MNT_DETACH), EPERM);
	REFUSED(open(p, O_RDONLY), EACCES);
	REFUSED(unlink("secret"), EBUSY);
}

static void test_unshare(void **state)
{
	RUN(unshared);
	char p[64];
	snprintf(p, sizeof(p), "%s/secret", work);
	assert_int_equal(unlink(p), 0);
}

#define TEST(fn)                            \
	static void test_##fn(void **state) \
	{                                   \
		RUN(fn);                    \
	}
TEST(identity)
TEST(terminals)
TEST(mounts)
TEST(mount_over_link)
TEST(private_tmp)
TEST(network)
TEST(whole)
TEST(forbidden)
TEST(masked_proc)
TEST(skipped)
TEST(weak_root)

static int make_work(void **state)
{
	(void)state;
	make_dir_for_all(work);
	return 0;
}

static int remove_work(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", work);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest always[] = {AS_BOTH(test_skipped)};
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_identity),	   AS_BOTH(test_terminals),   AS_BOTH(test_mounts),
	    AS_BOTH(test_mount_over_link), AS_BOTH(test_private_tmp), AS_BOTH(test_network),
	    AS_BOTH(test_whole),	   AS_BOTH(test_forbidden),   AS_BOTH(test_masked_proc),
	    AS_BOTH(test_unshare),	   AS_BOTH(test_weak_root),
	};
	int failed = cmocka_run_group_tests_name("no namespaces", always, NULL, NULL);
	if (user_namespaces_forbidden())
		return failed;
	return failed + cmocka_run_group_tests_name("namespaces", tests, make_work, remove_work);
}
