/*
 * Bytes and answers through a proxy, without TLS: what proxy_tunnel.py measures with.
 *
 *   bench_proxy_tunnel serve PORT
 *       to "F": bytes without end, from one thread for all who asked; to a GET: an answer in
 * chunks, three events, each with its time bench_proxy_tunnel flow   ADDRESS:PORT HOST:PORT STREAMS
 * SECONDS CONNECT-HEADERS|- prints megabytes a second, and the least stream's part of the mean; one
 * thread, which has the kernel throw the bytes away uncopied bench_proxy_tunnel ask    ADDRESS:PORT
 * HOST:PORT REQUESTS PATH HEADERS CONNECT-HEADERS|- requests on one kept connection; prints p50,
 * p99 of an answer's end in microseconds bench_proxy_tunnel events ADDRESS:PORT HOST:PORT REQUESTS
 * PATH HEADERS CONNECT-HEADERS|- the same for the first event of an answer, then for how late each
 * event came bench_proxy_tunnel hold   ADDRESS:PORT HOST:PORT TUNNELS CONNECT-HEADERS opens them,
 * prints a line, waits for the end of its input
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/common.h"

enum { PIECE = 256 << 10, EVENTS = 3, EVENT_US = 2000, HEAD = 65536 };

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the server ---- */

static int send_chunk(int fd, const char *text)
{
	char b[128];
	int n = snprintf(b, sizeof(b), "%zx\r\n%s\r\n", strlen(text), text);

	return write_full(fd, b, (size_t)n);
}

static int send_events(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	char text[64];

	if (write_full(fd, head, sizeof(head) - 1) < 0)
		return -1;
	for (int i = 0; i < EVENTS; i++) {
		if (i)
			usleep(EVENT_US);
		snprintf(text, sizeof(text), "t=%020llu\n", (unsigned long long)clock_mono_ns());
		if (send_chunk(fd, text) < 0)
			return -1;
	}
	return write_full(fd, "0\r\n\r\n", 5);
}

static int floods = -1; /* epoll */

/* A piece for each who can take one, by turns. */
static void *serve_floods(_unused_ void *data)
{
	static char zeros[PIECE];

	for (;;) {
		struct epoll_event e[64];
		int ready = epoll_wait(floods, e, 64, -1);

		for (int i = 0; i < ready; i++)
			if (send(e[i].data.fd, zeros, sizeof(zeros), MSG_NOSIGNAL) < 0 &&
			    errno != EAGAIN)
				close(e[i].data.fd);
	}
	return NULL;
}

static void *serve_one(void *data)
{
	int fd = (int)(intptr_t)data;
	struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
	char b[HEAD];

	while (recv(fd, b, sizeof(b), 0) > 0) {
		if (b[0] == 'F') {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			epoll_ctl(floods, EPOLL_CTL_ADD, fd, &e);
			return NULL;
		}
		if (send_events(fd) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static int serve(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	pthread_attr_t attr;
	pthread_t t;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 4096) < 0)
		fail("listening");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	floods = epoll_create1(EPOLL_CLOEXEC);
	pthread_create(&t, &attr, serve_floods, NULL);
	for (;;) {
		int fd = accept4(s, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (pthread_create(&t, &attr, serve_one, (void *)(intptr_t)fd))
			close(fd);
	}
}

/* ---- clients ---- */

/* Up to the empty line; what follows it stays in the socket. */
static int read_head(int fd)
{
	char b[4096];
	size_t n = 0;

	while (n < sizeof(b) && recv(fd, b + n, 1, 0) == 1) {
		n++;
		if (n >= 4 && !memcmp(b + n - 4, "\r\n\r\n", 4))
			return strncmp(b + 8, " 200", 4) ? -1 : 0;
	}
	return -1;
}

static int open_one(const char *to, const char *host, const char *connect_headers)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	const char *colon = strrchr(to, ':');
	char b[4096], address[64];

	if (!colon)
		fail("an address with a port is needed");
	snprintf(address, sizeof(address), "%.*s", (int)(colon - to), to);
	a.sin_port = htons((uint16_t)atoi(colon + 1));
	inet_pton(AF_INET, address, &a.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("connecting");
	if (strcmp(connect_headers, "-") != 0) {
		int n = snprintf(b, sizeof(b), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", host,
				 host, connect_headers);

		if (write_full(fd, b, (size_t)n) < 0 || read_head(fd) < 0)
			fail("the tunnel");
	}
	return fd;
}

struct flow_stream {
	int fd;
	uint64_t bytes;
};

static void print_flow(const struct flow_stream *s, size_t n, uint64_t ns)
{
	uint64_t all = 0, least = UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		all += s[i].bytes;
		least = s[i].bytes < least ? s[i].bytes : least;
	}
	printf("%.1f %.2f\n", (double)all / 1e6 / ((double)ns / 1e9),
	       all ? (double)least * (double)n / (double)all : 0);
}

static int flow(char **v)
{
	size_t n = (size_t)atoi(v[2]);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	uint64_t start, now, length = (uint64_t)(atof(v[3]) * 1e9), begun = 0;
	struct flow_stream *s = xcalloc(n, sizeof(*s));
	char *b = xcalloc(1, 1 << 20);

	for (size_t i = 0; i < n; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};

		s[i].fd = open_one(v[0], v[1], v[4]);
		epoll_ctl(ep, EPOLL_CTL_ADD, s[i].fd, &e);
		if (write_full(s[i].fd, "F", 1) < 0)
			fail("asking for bytes");
	}
	start = now = clock_mono_ns();
	/* A fifth of the time more, before, so that all flow. */
	while (now - start < length + length / 5) {
		struct epoll_event e[64];
		int ready = epoll_wait(ep, e, 64, 1000);

		for (int i = 0; i < ready; i++) {
			struct flow_stream *from = &s[e[i].data.u64];
			/* MSG_TRUNC: taken, not copied. */
			ssize_t got = recv(from->fd, b, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);

			if (got <= 0 && errno != EAGAIN)
				fail("a stream ended");
			from->bytes += got > 0 ? (uint64_t)got : 0;
		}
		now = clock_mono_ns();
		if (!begun && now - start >= length / 5) {
			begun = now;
			for (size_t i = 0; i < n; i++)
				s[i].bytes = 0;
		}
	}
	print_flow(s, n, now - begun);
	free(s);
	free(b);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(uint32_t *us, size_t n)
{
	qsort(us, n, sizeof(*us), compare);
	printf("%u %u\n", us[n / 2], us[n * 99 / 100]);
}

/* Reads one answer: to its Content-Length, or its last chunk. Notes events. */
static void read_answer(int fd, uint64_t sent, uint32_t *first, uint32_t *late)
{
	static char b[HEAD];
	size_t n = 0, seen = 0, events = 0;
	char *end, *length;

	for (;;) {
		ssize_t got = recv(fd, b + n, sizeof(b) - 1 - n, 0);
		uint64_t now = clock_mono_ns();

		if (got <= 0)
			fail("an answer");
		n += (size_t)got;
		b[n] = '\0';
		end = strstr(b, "\r\n\r\n");
		if (!end)
			continue;
		if (strncmp(b, "HTTP/1.1 200", 12) != 0) {
			fprintf(stderr, "%s\n", b);
			exit(1);
		}
		length = strcasestr(b, "\r\ncontent-length:");
		if (length && length < end) {
			if (n >= (size_t)(end + 4 - b) + strtoul(length + 17, NULL, 10))
				return;
			continue;
		}
		for (char *e;
		     late && events < EVENTS && (e = strstr(b + seen, "t=")) && e + 23 <= b + n;
		     events++) {
			if (!events)
				*first = (uint32_t)((now - sent) / 1000);
			late[events] = (uint32_t)((now - strtoull(e + 2, NULL, 10)) / 1000);
			seen = (size_t)(e - b) + 23;
		}
		if (n >= 5 && !memcmp(b + n - 5, "0\r\n\r\n", 5))
			return;
	}
}

static int ask(char **v, bool events)
{
	size_t n = (size_t)atoi(v[2]);
	uint32_t *us = xcalloc(n, sizeof(*us)), *late = xcalloc(n * EVENTS, sizeof(*late));
	int fd = open_one(v[0], v[1], v[5]);
	char b[8192];
	int length =
	    snprintf(b, sizeof(b), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", v[3], v[1], v[4]);

	/* The first few are for connections and names. */
	for (size_t i = 0; i < n + 10; i++) {
		size_t at = i < 10 ? 0 : i - 10;
		uint64_t sent = clock_mono_ns();

		if (write_full(fd, b, (size_t)length) < 0)
			fail("a request");
		read_answer(fd, sent, &us[at], events ? &late[at * EVENTS] : NULL);
		if (!events)
			us[at] = (uint32_t)((clock_mono_ns() - sent) / 1000);
	}
	print(us, n);
	if (events)
		print(late, n * EVENTS);
	free(us);
	free(late);
	return 0;
}

static int hold(char **v)
{
	for (int i = 0, n = atoi(v[2]); i < n; i++)
		open_one(v[0], v[1], v[3]);
	puts("open");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "flow"))
		return flow(argv + 2);
	if (argc == 8 && !strcmp(argv[1], "ask"))
		return ask(argv + 2, false);
	if (argc == 8 && !strcmp(argv[1], "events"))
		return ask(argv + 2, true);
	if (argc == 6 && !strcmp(argv[1], "hold"))
		return hold(argv + 2);
	fprintf(stderr, "serve, flow, ask, events or hold: see the head of the source\n");
	return 2;
}
