/*
 * Ways out by sockets. ATTACK_SOCKET / ATTACK_DGRAM: listening unix sockets outside;
 * ATTACK_ABSTRACT: name of an abstract one; ATTACK_PORT: TCP and UDP port on 127.0.0.1 outside (the
 * network is off).
 */
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

static socklen_t unix_address(struct sockaddr_un *a, const char *path, bool abstract)
{
	size_t n = strlen(path);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (n > sizeof(a->sun_path) - 2)
		exit(NOT_TRIED);
	memcpy(a->sun_path + (abstract ? 1 : 0), path, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(need("ATTACK_PORT"))),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static enum outcome unix_connect(int type, const char *path, bool abstract, const char *what)
{
	struct sockaddr_un a;
	socklen_t n = unix_address(&a, path, abstract);
	int s = socket(AF_UNIX, type, 0);

	if (s < 0)
		return REFUSED;
	if (connect(s, (struct sockaddr *)&a, n) == 0 && send(s, "x", 1, MSG_NOSIGNAL) == 1)
		return won(what);
	return REFUSED;
}

static enum outcome unix_stream(void)
{
	return unix_connect(SOCK_STREAM, need("ATTACK_SOCKET"), false, "connect");
}

static enum outcome unix_dgram(void)
{
	return unix_connect(SOCK_DGRAM, need("ATTACK_DGRAM"), false, "datagram connect");
}

static enum outcome unix_abstract(void)
{
	return unix_connect(SOCK_STREAM, need("ATTACK_ABSTRACT"), true, "abstract connect");
}

static enum outcome unix_sendto(void)
{
	struct sockaddr_un a;
	socklen_t n = unix_address(&a, need("ATTACK_DGRAM"), false);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];

	if (s >= 0 && sendto(s, "x", 1, 0, (struct sockaddr *)&a, n) == 1)
		return won("sendto");
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 &&
	    sendto(pair[0], "x", 1, 0, (struct sockaddr *)&a, n) == 1)
		return won("sendto from a pair");
	if (socketpair(AF_UNIX, SOCK_RAW, 0, pair) == 0 &&
	    sendto(pair[0], "x", 1, 0, (struct sockaddr *)&a, n) == 1)
		return won("sendto from a raw pair");
	return REFUSED;
}

/* A message with an address of its own, from a socket that is connected to something else. */
static enum outcome unix_sendmsg(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	struct sockaddr_un a;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {.msg_name = &a, .msg_iov = &iov, .msg_iovlen = 1};
	struct mmsghdr mm;
	int pair[2];

	m.msg_namelen = unix_address(&a, need("ATTACK_DGRAM"), false);
	mm = (struct mmsghdr){.msg_hdr = m};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int s = socket(AF_UNIX, types[i], 0);

		if (s >= 0 && (sendmsg(s, &m, 0) == 1 || sendmmsg(s, &mm, 1, 0) == 1))
			return won("sendmsg");
		/* Of a pair a seqpacket socket takes the address and does not look at it: who gets
		 * it is what counts, and that the test sees outside. */
		if (socketpair(AF_UNIX, types[i], 0, pair) == 0) {
			sendmsg(pair[0], &m, 0);
			sendmmsg(pair[0], &mm, 1, 0);
		}
	}
	return REFUSED;
}

/* Another name for the socket of somebody else makes it nobody's. */
static enum outcome unix_renamed(void)
{
	const char *path = need("ATTACK_SOCKET");
	char mine[4096], bound[4096];
	struct sockaddr_un a;
	socklen_t n;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(mine, sizeof(mine), "%s.mine", path);
	snprintf(bound, sizeof(bound), "%s.bound", path);
	n = unix_address(&a, bound, false);
	if (s < 0 || bind(s, (struct sockaddr *)&a, n) < 0 || listen(s, 1) < 0)
		return not_tried("a socket of my own");
	if (link(path, mine) == 0 || symlink(path, mine) == 0) {
		enum outcome o = unix_connect(SOCK_STREAM, mine, false, "by another name");

		unlink(mine);
		if (o != REFUSED)
			return o;
	}
	/* The name of mine goes to the other one. */
	if (rename(path, bound) == 0 ||
	    syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, bound, 2 /* EXCHANGE */) == 0)
		return won("the socket was moved");
	if (unlink(bound) == 0 && symlink(path, bound) == 0) {
		enum outcome o = unix_connect(SOCK_STREAM, bound, false, "by the name of mine");

		unlink(bound);
		return o;
	}
	return REFUSED;
}

/* The address changes between two families while connect is on its way. */
static union {
	struct sockaddr_un un;
	struct sockaddr_in in;
	char raw[128];
} swapped;
static volatile int stop;

static void *swap_address(void *arg)
{
	struct sockaddr_un un;
	struct sockaddr_in in = loopback();

	unix_address(&un, need("ATTACK_SOCKET"), false);
	while (!stop) {
		memcpy(&swapped, &in, sizeof(in));
		memcpy(&swapped, &un, sizeof(un));
	}
	return arg;
}

static enum outcome unix_race(void)
{
	pthread_t t;
	enum outcome result = REFUSED;

	if (pthread_create(&t, NULL, swap_address, NULL) != 0)
		return not_tried("a thread");
	for (int i = 0; i < 5000 && result == REFUSED; i++) {
		int s = socket(AF_UNIX, SOCK_STREAM, 0);

		if (s < 0)
			break;
		if (connect(s, (struct sockaddr *)&swapped, sizeof(struct sockaddr_un)) == 0)
			result = won("a swapped address");
		close(s);
	}
	stop = 1;
	pthread_join(t, NULL);
	return result;
}

static enum outcome tcp(void)
{
	struct sockaddr_in a = loopback();
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
		return won("TCP connect");
	return REFUSED;
}

static enum outcome udp(void)
{
	struct sockaddr_in a = loopback();
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	/* Inside a network namespace the datagram goes to its own loopback: the test looks at the
	 * receiver outside. */
	if (s >= 0)
		sendto(s, "udp-leak", 8, 0, (struct sockaddr *)&a, sizeof(a));
	return REFUSED;
}

/* A socket that listens without a name gets a port of the kernel's choice. */
static enum outcome tcp_listen(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET}, got = {0};
	socklen_t n = sizeof(got);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || (listen(s, 1) < 0 && bind(s, (struct sockaddr *)&any, sizeof(any)) < 0))
		return REFUSED;
	if (getsockname(s, (struct sockaddr *)&got, &n) < 0)
		return not_tried("getsockname");
	/* In a network of its own nobody hears it. ATTACK_NETWORK: the network outside. */
	char mine[64] = "";
	return readlink("/proc/self/ns/net", mine, sizeof(mine) - 1) > 0 &&
		       strcmp(mine, need("ATTACK_NETWORK")) != 0
		   ? REFUSED
		   : won("listening for others");
}

static enum outcome fast_open(void)
{
	struct sockaddr_in a = loopback();
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {
	    .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1};
	struct mmsghdr mm = {.msg_hdr = m};
	int s;

	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s < 0)
		return REFUSED;
	if (sendto(s, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)) >= 0)
		return won("fast open by sendto");
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (sendmsg(s, &m, MSG_FASTOPEN) >= 0)
		return won("fast open by sendmsg");
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (sendmmsg(s, &mm, 1, MSG_FASTOPEN) >= 0)
		return won("fast open by sendmmsg");
	return REFUSED;
}

static enum outcome families(void)
{
	static const struct {
		int family, type, protocol;
		const char *name;
	} list[] = {
	    {AF_INET, SOCK_STREAM, 262, "MPTCP"},
	    {AF_INET6, SOCK_STREAM, 262, "MPTCP over IPv6"},
	    {AF_INET, SOCK_RAW, IPPROTO_ICMP, "a raw socket"},
	    {AF_INET, SOCK_STREAM, IPPROTO_SCTP, "SCTP"},
	    {AF_INET, SOCK_DGRAM, 136, "UDP-Lite"},
	    {AF_PACKET, SOCK_RAW, 0, "a packet socket"},
	    {AF_PACKET, SOCK_DGRAM, 0, "a packet socket"},
	    {40 /* AF_VSOCK */, SOCK_STREAM, 0, "a vsock"},
	    {38 /* AF_ALG */, SOCK_SEQPACKET, 0, "an ALG socket"},
	    {AF_NETLINK, SOCK_RAW, 4 /* sock_diag */, "sock_diag"},
	    {AF_NETLINK, SOCK_RAW, 9 /* audit */, "the audit socket"},
	    {AF_NETLINK, SOCK_RAW, 15 /* uevent */, "kernel events"},
	    {AF_NETLINK, SOCK_RAW, 16, "generic netlink"},
	    {15 /* AF_KEY */, SOCK_RAW, 2, "a key socket"},
	    {44 /* AF_XDP */, SOCK_RAW, 0, "an XDP socket"},
	    {AF_BLUETOOTH, SOCK_RAW, 1, "a bluetooth socket"},
	    {30 /* AF_TIPC */, SOCK_STREAM, 0, "TIPC"},
	    {21 /* AF_RDS */, SOCK_SEQPACKET, 0, "RDS"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (socket(list[i].family, list[i].type, list[i].protocol) >= 0)
			return won(list[i].name);
	return REFUSED;
}

/* ATTACK_SHM: id of a System V segment of the same user outside. */
static enum outcome system_v(void)
{
	char *p = shmat(atoi(need("ATTACK_SHM")), NULL, 0);

	return verdict(p != (char *)-1, "a shared memory segment of outside");
}

static const struct attack table[] = {
    {"unix-stream", unix_stream},
    {"unix-dgram", unix_dgram},
    {"unix-abstract", unix_abstract},
    {"unix-sendto", unix_sendto},
    {"unix-sendmsg", unix_sendmsg},
    {"unix-renamed", unix_renamed},
    {"unix-race", unix_race},
    {"tcp", tcp},
    {"udp", udp},
    {"tcp-listen", tcp_listen},
    {"fast-open", fast_open},
    {"families", families},
    {"system-v", system_v},
};

ATTACK_MAIN(table)
