/* Every refusal of the agent's filter, and that what programs need still works. */
#include "sandbox/nono.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsverity.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>

static const struct nono_path everywhere[] = {{"/", NONO_READ | NONO_WRITE | NONO_EXEC}};

static void confine(enum nono_net net, struct nono_layers *layers)
{
	struct nono_spec spec = {.paths = everywhere, .n_paths = 1, .net = net};
	struct nono_error err = {0};
	int listener = 7;

	if (nono_confine(&spec, layers, &listener, &err) < 0) {
		fprintf(stderr, "confine: %s\n", err.msg);
		_exit(1);
	}
	CHECK(listener == -1);
	CHECK(layers->seccomp && layers->no_new_privs && layers->caps_dropped && !layers->notify);
}

static void confine_plain(void)
{
	struct nono_layers layers = {0};
	confine(NONO_NET_OPEN, &layers);
}

#define RUN(fn) assert_int_equal(in_child(fn, NULL, *state != NULL), 0)

static void absent(void *arg)
{
	(void)arg;
	confine_plain();
	char zero[256] = {0};
	REFUSED(syscall(425, 8, zero), ENOSYS); /* io_uring_setup */
	REFUSED(syscall(426, 0, 0, 0, 0, 0), ENOSYS);
	REFUSED(syscall(427, 0, 0, 0, 0), ENOSYS);
	REFUSED(syscall(435, zero, 64), ENOSYS); /* clone3 */
	REFUSED(syscall(437, AT_FDCWD, "/", zero, 24), ENOSYS);
	for (int nr = 463; nr <= 469; nr++)
		REFUSED(syscall(nr, AT_FDCWD, "/", 0, "user.x", zero, 16), ENOSYS);
	for (int nr = 470; nr < 600; nr++) /* of kernels to come */
		REFUSED(syscall(nr, 0, 0, 0, 0, 0, 0), ENOSYS);
}

static void foreign_abi(void *arg)
{
	(void)arg;
	confine_plain();
#ifdef __x86_64__
	REFUSED(syscall(0x40000000 | SYS_getpid), ENOSYS);
	REFUSED(syscall(0x40000000 | SYS_openat, AT_FDCWD, "/", 0), ENOSYS);
	REFUSED(syscall(0x40000000 | 512), ENOSYS);
	long r = 20; /* getpid of i386 */
	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	CHECK(r == -ENOSYS);
	r = 425;
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(8), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	CHECK(r == -ENOSYS);
#endif
}

static void refused(void *arg)
{
	(void)arg;
	confine_plain();
	char b[64] = {0};
	struct timespec ts = {0};
	REFUSED(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM);
	REFUSED(syscall(SYS_umount2, "/proc", 0), EPERM);
	REFUSED(syscall(SYS_pivot_root, "/", "/"), EPERM);
	REFUSED(syscall(SYS_chroot, "/"), EPERM);
	REFUSED(syscall(429, 0, "", 0, "", 0), EPERM);
	REFUSED(syscall(428, AT_FDCWD, "/", 1), EPERM); /* open_tree */
	REFUSED(syscall(430, "tmpfs", 0), EPERM);
	REFUSED(syscall(442, AT_FDCWD, "/", 0, b, 32), EPERM);
	REFUSED(syscall(SYS_setns, 0, 0), EPERM);
	REFUSED(syscall(438, 0, 0, 0), EPERM); /* pidfd_getfd */
	REFUSED(syscall(SYS_keyctl, 0, -3, 0), EPERM);
	REFUSED(syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM);
	REFUSED(syscall(SYS_request_key, "user", "x", NULL, -3), EPERM);
	REFUSED(syscall(SYS_bpf, 0, b, sizeof(b)), EPERM);
	REFUSED(syscall(SYS_perf_event_open, b, 0, -1, -1, 0), EPERM);
	REFUSED(syscall(SYS_userfaultfd, 1), EPERM);
	REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM);
	REFUSED(syscall(SYS_init_module, b, 0, ""), EPERM);
	REFUSED(syscall(SYS_finit_module, 0, "", 0), EPERM);
	REFUSED(syscall(SYS_delete_module, "x", 0), EPERM);
	REFUSED(syscall(SYS_open_by_handle_at, AT_FDCWD, b, 0), EPERM);
	REFUSED(syscall(SYS_fanotify_init, 0, 0), EPERM);
	REFUSED(syscall(SYS_acct, NULL), EPERM);
	REFUSED(syscall(SYS_swapon, "/x", 0), EPERM);
	REFUSED(syscall(SYS_reboot, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts), EPERM);
	REFUSED(syscall(SYS_settimeofday, NULL, NULL), EPERM);
	REFUSED(syscall(SYS_syslog, 3, b, sizeof(b)), EPERM);
	REFUSED(syscall(SYS_quotactl, 0, "", 0, 0), EPERM);
	REFUSED(syscall(SYS_sethostname, "x", 1), EPERM);
}

static void namespaces(void *arg)
{
	(void)arg;
	static const unsigned flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
					 CLONE_NEWIPC,	CLONE_NEWUTS, CLONE_NEWCGROUP};
	confine_plain();
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		REFUSED(syscall(SYS_unshare, flags[i]), EPERM);
		REFUSED(syscall(SYS_unshare, 0xff00000000000000UL | flags[i] | CLONE_FILES), EPERM);
		REFUSED(syscall(SYS_clone, (unsigned long)flags[i] | SIGCHLD, 0, 0, 0, 0), EPERM);
	}
	REFUSED(syscall(SYS_unshare, 0x80), EPERM);
	CHECK(unshare(CLONE_FILES) == 0);

	pid_t pid = fork(); /* processes and threads as ever */
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(3);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
}

static void *thread(void *arg)
{
	return arg;
}

static void threads(void *arg)
{
	(void)arg;
	confine_plain();
	pthread_t t;
	void *r = NULL;
	CHECK(pthread_create(&t, NULL, thread, "x") == 0 && pthread_join(t, &r) == 0 && r);
}

static void personalities(void *arg)
{
	(void)arg;
	confine_plain();
	CHECK(personality(0xffffffff) >= 0);
	CHECK(personality(PER_LINUX) >= 0);
	REFUSED(personality(READ_IMPLIES_EXEC), EPERM);
	REFUSED(personality(ADDR_NO_RANDOMIZE), EPERM);
	REFUSED(personality(PER_LINUX32), EPERM);
}

static void terminals(void *arg)
{
	(void)arg;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	confine_plain();
	char c = 'x';
	static const unsigned long bad[] = {TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS};
	for (size_t i = 0; i < 4; i++) {
		REFUSED(syscall(SYS_ioctl, master, bad[i], &c), EPERM);
		REFUSED(syscall(SYS_ioctl, master, bad[i] | 0x100000000UL, &c), EPERM);
		REFUSED(syscall(SYS_ioctl, master, bad[i] | 0xffffffff00000000UL, &c), EPERM);
	}
	static const unsigned long of_files[] = {FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR,
						 FS_IOC_ENABLE_VERITY, BTRFS_IOC_SNAP_CREATE_V2,
						 FS_IOC_REMOVE_ENCRYPTION_KEY};
	for (size_t i = 0; i < sizeof(of_files) / sizeof(*of_files); i++) {
		REFUSED(syscall(SYS_ioctl, master, of_files[i], NULL), EOPNOTSUPP);
		REFUSED(syscall(SYS_ioctl, master, of_files[i] | 0x100000000UL, NULL), EOPNOTSUPP);
	}
	/* Opened inside the domain: asking for the size and the modes works. */
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	struct winsize w = {.ws_row = 10, .ws_col = 20};
	struct termios t;
	CHECK(tty >= 0);
	CHECK(ioctl(tty, TIOCSWINSZ, &w) == 0 && ioctl(tty, TIOCGWINSZ, &w) == 0);
	CHECK(tcgetattr(tty, &t) == 0 && tcsetattr(tty, TCSANOW, &t) == 0);
	int second = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK(second >= 0 && unlockpt(second) == 0 && ptsname(second));
	/* No terminal to control: ENOTTY from the kernel, not EACCES from Landlock. */
	int null = open("/dev/null", O_RDWR);
	REFUSED(ioctl(null, TCGETS, &t), ENOTTY);
}

static void unix_sockets(void)
{
	int pair[2];
	CHECK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	CHECK(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0) >= 0);
	REFUSED(socket(AF_UNIX, SOCK_DGRAM, 0), EACCES);
	REFUSED(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), EACCES);
	REFUSED(socket(AF_UNIX, SOCK_RAW, 0), EACCES);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	REFUSED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), EACCES);
	REFUSED(socketpair(AF_UNIX, SOCK_RAW, 0, pair), EACCES);
	REFUSED(socketpair(AF_INET, SOCK_STREAM, 0, pair), EAFNOSUPPORT);
	CHECK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0);
	for (int protocol = 1; protocol < 24; protocol++)
		REFUSED(socket(AF_NETLINK, SOCK_RAW, protocol), EACCES);
	for (int family = 3; family < 60; family++)
		if (family != AF_INET6 && family != AF_NETLINK)
			REFUSED(socket(family, SOCK_STREAM, 0), EAFNOSUPPORT);
	REFUSED(socket(40, SOCK_STREAM, 0), EAFNOSUPPORT);    /* vsock */
	REFUSED(socket(17, SOCK_RAW, 3), EAFNOSUPPORT);	      /* packet */
	REFUSED(socket(38, SOCK_SEQPACKET, 0), EAFNOSUPPORT); /* alg */
}

static void sockets_open(void *arg)
{
	(void)arg;
	confine_plain();
	unix_sockets();
	static const int families[] = {AF_INET, AF_INET6};
	for (int i = 0; i < 2; i++) {
		int f = families[i];
		CHECK(socket(f, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
		CHECK(socket(f, SOCK_STREAM, IPPROTO_TCP) >= 0);
		CHECK(socket(f, SOCK_DGRAM | SOCK_NONBLOCK, 0) >= 0);
		CHECK(socket(f, SOCK_DGRAM, IPPROTO_UDP) >= 0);
		REFUSED(socket(f, SOCK_STREAM, 262), EPROTONOSUPPORT); /* MPTCP */
		REFUSED(socket(f, SOCK_STREAM, IPPROTO_SCTP), EPROTONOSUPPORT);
		REFUSED(socket(f, SOCK_SEQPACKET, IPPROTO_SCTP), EACCES);
		REFUSED(socket(f, SOCK_DGRAM, IPPROTO_ICMP), EACCES);
		REFUSED(socket(f, SOCK_RAW, IPPROTO_ICMP), EACCES);
		REFUSED(socket(f, SOCK_RAW, IPPROTO_RAW), EACCES);
		REFUSED(
		    syscall(SYS_socket, 0xffffffff00000000UL | (unsigned)f, SOCK_RAW, IPPROTO_RAW),
		    EACCES);
	}
}

static void sockets_off(void *arg)
{
	(void)arg;
	/* sockets from before, as descriptors 0-2 might be */
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t len = sizeof(a);
	CHECK(bind(listener, (struct sockaddr *)&a, len) == 0 && listen(listener, 1) == 0 &&
	      getsockname(listener, (struct sockaddr *)&a, &len) == 0);

	struct nono_layers layers = {0};
	confine(NONO_NET_OFF, &layers);
	unix_sockets();
	static const int families[] = {AF_INET, AF_INET6};
	for (int i = 0; i < 2; i++) {
		REFUSED(socket(families[i], SOCK_STREAM, 0), EACCES);
		REFUSED(socket(families[i], SOCK_DGRAM, 0), EACCES);
		REFUSED(socket(families[i], SOCK_STREAM, 262), EACCES);
		REFUSED(socket(families[i], SOCK_RAW, 1), EACCES);
	}
	struct iovec v = {"x", 1};
	struct msghdr m = {.msg_name = &a, .msg_namelen = len, .msg_iov = &v, .msg_iovlen = 1};
	struct mmsghdr mm = {.msg_hdr = m};
	REFUSED(sendto(tcp, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, len), EOPNOTSUPP);
	REFUSED(sendmsg(tcp, &m, MSG_FASTOPEN | MSG_NOSIGNAL), EOPNOTSUPP);
	REFUSED(sendmmsg(tcp, &mm, 1, MSG_FASTOPEN), EOPNOTSUPP);
	if (layers.landlock_abi >= 4) {
		REFUSED(connect(tcp, (struct sockaddr *)&a, len), EACCES);
		a.sin_port = 0;
		REFUSED(bind(tcp, (struct sockaddr *)&a, len), EACCES);
	}
}

/* The network shared, two ports granted, nobody who supervises. */
static void sockets_ports(void *arg)
{
	(void)arg;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	struct sockaddr_in b = a;
	socklen_t len = sizeof(a);
	CHECK(bind(listener, (struct sockaddr *)&a, len) == 0 && listen(listener, 1) == 0 &&
	      getsockname(listener, (struct sockaddr *)&a, &len) == 0);

	const struct nono_port ports[] = {{ntohs(a.sin_port), ntohs(a.sin_port), false}};
	struct nono_spec spec = {.paths = everywhere,
				 .n_paths = 1,
				 .net = NONO_NET_PORTS,
				 .share_network = true,
				 .ports = ports,
				 .n_ports = 1};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int none;
	if (nono_landlock_abi() < 4) {
		CHECK(nono_confine(&spec, &layers, &none, &err) < 0 && strstr(err.msg, "ABI 4"));
		return;
	}
	CHECK(nono_confine(&spec, &layers, &none, &err) == 0);
	static const int families[] = {AF_INET, AF_INET6};
	for (int i = 0; i < 2; i++) {
		REFUSED(socket(families[i], SOCK_DGRAM, 0), EACCES);
		REFUSED(socket(families[i], SOCK_DGRAM, 17), EACCES);
		REFUSED(socket(families[i], SOCK_STREAM, 262), EPROTONOSUPPORT);
		REFUSED(socket(families[i], SOCK_STREAM, 132), EPROTONOSUPPORT);
		REFUSED(socket(families[i], SOCK_RAW, 1), EACCES);
	}
	REFUSED(socket(40, SOCK_STREAM, 0), EAFNOSUPPORT);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(tcp >= 0);
	REFUSED(sendto(tcp, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, len), EOPNOTSUPP);
	REFUSED(bind(tcp, (struct sockaddr *)&b, len), EACCES);
	b.sin_port = htons(1);
	REFUSED(connect(tcp, (struct sockaddr *)&b, len), EACCES);
	CHECK(connect(tcp, (struct sockaddr *)&a, len) == 0);
}

static void sockets_own_network(void *arg)
{
	(void)arg;
	struct nono_layers layers = {.net_ns = true};
	confine(NONO_NET_OFF, &layers);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
	REFUSED(socket(AF_INET, SOCK_STREAM, 262), EPROTONOSUPPORT);
	REFUSED(socket(40, SOCK_STREAM, 0), EAFNOSUPPORT);
}

static void modes(void *arg)
{
	(void)arg;
	char dir[] = "/tmp/nono-test-XXXXXX";
	CHECK(mkdtemp(dir) && chdir(dir) == 0);
	int fd = open("f", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0);
	/* The parent can't tidy up after a failed check: be gone first. */
	confine_plain();
	static const int bits[] = {S_ISUID, S_ISGID, S_ISUID | S_ISGID};
	for (int i = 0; i < 3; i++) {
		mode_t m = (mode_t)(0755 | bits[i]);
		REFUSED(syscall(SYS_fchmod, fd, m), EPERM);
		REFUSED(syscall(SYS_fchmodat, AT_FDCWD, "f", m), EPERM);
		REFUSED(syscall(452, AT_FDCWD, "f", m, 0), EPERM);
		REFUSED(syscall(SYS_openat, AT_FDCWD, "g", O_CREAT | O_WRONLY, m), EPERM);
		REFUSED(syscall(SYS_openat, AT_FDCWD, ".", O_TMPFILE | O_WRONLY, m), EPERM);
		REFUSED(syscall(SYS_mknodat, AT_FDCWD, "g", S_IFREG | m, 0), EPERM);
#ifdef SYS_open
		REFUSED(syscall(SYS_chmod, "f", m), EPERM);
		REFUSED(syscall(SYS_open, "g", O_CREAT | O_WRONLY, m), EPERM);
		REFUSED(syscall(SYS_creat, "g", m), EPERM);
		REFUSED(syscall(SYS_mknod, "g", S_IFREG | m, 0), EPERM);
#endif
	}
	REFUSED(mknod("d", S_IFCHR | 0600, makedev(1, 3)), EPERM);
	REFUSED(mknod("d", S_IFCHR | 0600, 0), EPERM);
	REFUSED(mknod("d", S_IFBLK | 0600, makedev(7, 0)), EPERM);
	REFUSED(mknodat(AT_FDCWD, "d", S_IFBLK | 0600, makedev(7, 0)), EPERM);
	/* What is left of them works. */
	CHECK(fchmod(fd, 0600) == 0 && chmod("f", 01755) == 0);
	CHECK(syscall(SYS_openat, AT_FDCWD, "f", O_RDONLY, 06000) >=
	      0); /* no mode without O_CREAT */
	CHECK(mkfifo("p", 0600) == 0 && mknod("r", S_IFREG | 0600, 0) == 0);
	CHECK(mkdir("sub", 0755) == 0 && rename("f", "sub/f") == 0 && link("sub/f", "l") == 0);
	CHECK(unlink("p") == 0 && unlink("r") == 0 && unlink("l") == 0 && unlink("sub/f") == 0 &&
	      rmdir("sub") == 0 && chdir("/") == 0 && rmdir(dir) == 0);
}

static void outer_processes(void *arg)
{
	(void)arg;
	pid_t other = getppid();
	struct nono_layers layers = {0};
	confine(NONO_NET_OPEN, &layers);
	struct rlimit l;
	struct sched_param p = {0};
	cpu_set_t set;
	CPU_ZERO(&set);
	CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0 && setrlimit(RLIMIT_NOFILE, &l) == 0);
	REFUSED(prlimit(other, RLIMIT_NOFILE, &l, NULL), EPERM);
	REFUSED(setpriority(PRIO_PROCESS, (id_t)other, 5), EPERM);
	REFUSED(setpriority(PRIO_USER, 0, 5), EPERM);
	REFUSED(setpriority(PRIO_PGRP, 0, 5), EPERM);
	REFUSED(sched_setscheduler(other, SCHED_BATCH, &p), EPERM);
	REFUSED(sched_setaffinity(other, sizeof(set), &set), EPERM);
	REFUSED(syscall(SYS_ioprio_set, 1, other, 0), EPERM);
	REFUSED(syscall(SYS_ioprio_set, 3, 0, 0), EPERM);
	CHECK(setpriority(PRIO_PROCESS, 0, 19) == 0);
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 &&
	      sched_setaffinity(0, sizeof(set), &set) == 0);
	if (layers.landlock_abi >= 6) {
		REFUSED(kill(other, 0), EPERM);
		REFUSED(kill(other, SIGWINCH), EPERM);
	}
}

static void ipc(void *arg)
{
	(void)arg;
	confine_plain();
	REFUSED(shmget(IPC_PRIVATE, 4096, 0600), ENOSYS);
	REFUSED(msgget(IPC_PRIVATE, 0600), ENOSYS);
	REFUSED(syscall(SYS_semget, IPC_PRIVATE, 1, 0600), ENOSYS);
	REFUSED(mq_open("/nono-test", O_CREAT | O_RDWR, 0600, NULL), ENOSYS);
}

static void ipc_of_its_own(void *arg)
{
	(void)arg;
	struct nono_layers layers = {.ipc_ns = true, .pid_ns = true};
	confine(NONO_NET_OPEN, &layers);
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	CHECK(id >= 0 && shmctl(id, IPC_RMID, NULL) == 0);
	struct rlimit l;
	CHECK(prlimit(getpid(), RLIMIT_CORE, NULL, &l) == 0 &&
	      prlimit(getpid(), RLIMIT_CORE, &l, NULL) == 0);
}

static void ordinary_things(void *arg)
{
	(void)arg;
	confine_plain();
	CHECK(syscall(SYS_memfd_create, "x", 0) >= 0);
	CHECK(syscall(434, getpid(), 0) >= 0); /* pidfd_open */
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	CHECK(m != MAP_FAILED);
	CHECK(system("echo hello | cat >/dev/null") == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	/* Sandboxes inside: a filter of their own. */
	CHECK(nono_landlock_abi() > 0);
	struct nono_spec spec = {.paths = everywhere, .n_paths = 1};
	struct nono_layers layers = {0};
	int listener;
	CHECK(nono_confine(&spec, &layers, &listener, NULL) == 0);
	REFUSED(syscall(438, 0, 0, 0), EPERM); /* pidfd_getfd */
}

static void *sleeper(void *arg)
{
	pause();
	return arg;
}

static void no_threads(void *arg)
{
	(void)arg;
	pthread_t t;
	CHECK(pthread_create(&t, NULL, sleeper, NULL) == 0);
	struct nono_spec spec = {.paths = everywhere, .n_paths = 1};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener;
	CHECK(nono_confine(&spec, &layers, &listener, &err) == -1 && err.code == EINVAL);
	CHECK(nono_confine_helper(&err) == -1 && nono_confine_supervisor(&err) == -1);
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void timed(void *arg)
{
	uint64_t start = now();
	confine_plain();
	uint64_t took = now() - start;
	CHECK(write(*(int *)arg, &took, sizeof(took)) == sizeof(took));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void test_cost(void **state)
{
	enum { RUNS = 21 };
	uint64_t t[RUNS];
	int p[2];
	assert_int_equal(pipe(p), 0);
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(in_child(timed, &p[1], *state != NULL), 0);
		assert_int_equal(read(p[0], &t[i], sizeof(t[i])), sizeof(t[i]));
	}
	qsort(t, RUNS, sizeof(*t), compare);
	print_message("nono_confine: median %.1f us, best %.1f us\n", (double)t[RUNS / 2] / 1e3,
		      (double)t[0] / 1e3);
	close(p[0]);
	close(p[1]);
}

#define TEST(fn)                            \
	static void test_##fn(void **state) \
	{                                   \
		RUN(fn);                    \
	}
TEST(absent)
TEST(foreign_abi)
TEST(refused)
TEST(namespaces)
TEST(threads)
TEST(personalities)
TEST(terminals)
TEST(sockets_open)
TEST(sockets_off)
TEST(sockets_ports)
TEST(sockets_own_network)
TEST(modes)
TEST(outer_processes)
TEST(ipc)
TEST(ipc_of_its_own)
TEST(ordinary_things)
TEST(no_threads)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_absent),
	    AS_BOTH(test_foreign_abi),
	    AS_BOTH(test_refused),
	    AS_BOTH(test_namespaces),
	    AS_BOTH(test_threads),
	    AS_BOTH(test_personalities),
	    AS_BOTH(test_terminals),
	    AS_BOTH(test_sockets_open),
	    AS_BOTH(test_sockets_off),
	    AS_BOTH(test_sockets_ports),
	    AS_BOTH(test_sockets_own_network),
	    AS_BOTH(test_modes),
	    AS_BOTH(test_outer_processes),
	    AS_BOTH(test_ipc),
	    AS_BOTH(test_ipc_of_its_own),
	    AS_BOTH(test_ordinary_things),
	    AS_BOTH(test_no_threads),
	    AS_BOTH(test_cost),
	};
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
