/*
 * Requests over TLS on connections that are kept, as many a second as come back: directly, or
 * through a proxy that is asked for a tunnel first. One blocking thread a connection.
 *
 *   bench_proxy_load ADDRESS:PORT HOST:PORT CONNECTIONS SECONDS PATH HEADERS [CONNECT-HEADERS]
 *
 * ADDRESS is where the connection goes, HOST who is meant. With CONNECT-HEADERS (perhaps empty) a
 * tunnel to HOST:PORT is asked for. Prints requests a second, p50 and p99 in microseconds.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "common/common.h"

enum { SAMPLES = 1 << 18, MAX_CONNECTIONS = 256 };

struct plan {
	struct sockaddr_in to;
	const char *host; /* HOST:PORT */
	char name[256];
	char request[4096], connect[4096];
	SSL_CTX *ctx;
	atomic_bool begin, stop;
	atomic_uint ready, failed;
};
struct one {
	struct plan *plan;
	pthread_t thread;
	uint64_t n;
	uint32_t *us;
};

/* Up to the empty line. */
static int read_plain_head(int fd)
{
	char b[4096];
	size_t n = 0;

	while (n < sizeof(b)) {
		ssize_t r = read(fd, b + n, 1);

		if (r <= 0)
			return -1;
		n++;
		if (n >= 4 && !memcmp(b + n - 4, "\r\n\r\n", 4))
			return strncmp(b, "HTTP/1.1 200", 12) == 0 ? 0 : -1;
	}
	return -1;
}

static SSL *open_one(struct plan *p)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	SSL *ssl = SSL_new(p->ctx);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&p->to, sizeof(p->to)) < 0)
		return NULL;
	if (*p->connect) {
		if (write_full(fd, p->connect, strlen(p->connect)) < 0 || read_plain_head(fd) < 0)
			return NULL;
	}
	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, p->name);
	return SSL_connect(ssl) == 1 ? ssl : NULL;
}

/* One request and its answer, which must be 200 with a Content-Length. */
static int once(SSL *ssl, const struct plan *p)
{
	char b[16384], *end = NULL, *length;
	size_t n = 0, need;

	if (SSL_write(ssl, p->request, (int)strlen(p->request)) <= 0)
		return -1;
	while (!end) {
		int r = SSL_read(ssl, b + n, (int)(sizeof(b) - n - 1));

		if (r <= 0)
			return -1;
		n += (size_t)r;
		b[n] = '\0';
		end = strstr(b, "\r\n\r\n");
	}
	length = strcasestr(b, "\r\ncontent-length:");
	if (strncmp(b, "HTTP/1.1 200", 12) != 0 || !length || length > end) {
		if (getenv("BENCH_VERBOSE"))
			fprintf(stderr, "%s\n", b);
		return -1;
	}
	need = (size_t)(end + 4 - b) + strtoul(length + 17, NULL, 10);
	while (n < need) {
		int r = SSL_read(ssl, b, sizeof(b));

		if (r <= 0)
			return -1;
		n += (size_t)r;
	}
	return 0;
}

static void *run(void *data)
{
	struct one *o = data;
	struct plan *p = o->plan;
	SSL *ssl = open_one(p);

	/* One for warming up: connections upstream, names, credentials. */
	if (!ssl || once(ssl, p) < 0)
		p->failed++;
	p->ready++;
	while (!p->begin)
		usleep(1000);
	while (!p->stop && !p->failed) {
		uint64_t t = clock_mono_ns();

		if (once(ssl, p) < 0) {
			p->failed++;
			break;
		}
		o->us[o->n % SAMPLES] = (uint32_t)((clock_mono_ns() - t) / 1000);
		o->n++;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(struct one *all, size_t n, double seconds)
{
	uint64_t total = 0, samples = 0;
	uint32_t *us;

	for (size_t i = 0; i < n; i++) {
		total += all[i].n;
		samples += all[i].n < SAMPLES ? all[i].n : SAMPLES;
	}
	us = xrealloc_array(NULL, samples + 1, sizeof(*us));
	samples = 0;
	for (size_t i = 0; i < n; i++) {
		size_t k = all[i].n < SAMPLES ? all[i].n : SAMPLES;

		memcpy(us + samples, all[i].us, k * sizeof(*us));
		samples += k;
	}
	qsort(us, samples, sizeof(*us), compare);
	printf("%.0f %u %u\n", (double)total / seconds, samples ? us[samples / 2] : 0,
	       samples ? us[samples * 99 / 100] : 0);
	free(us);
}

int main(int argc, char **argv)
{
	static struct plan p;
	static struct one all[MAX_CONNECTIONS];
	char *colon;
	size_t n;
	double seconds;
	uint64_t start;

	if (argc < 7 || !(colon = strrchr(argv[1], ':'))) {
		fprintf(stderr, "ADDRESS:PORT HOST:PORT CONNECTIONS SECONDS PATH HEADERS "
				"[CONNECT-HEADERS]\n");
		return 2;
	}
	p.to.sin_family = AF_INET;
	p.to.sin_port = htons((uint16_t)atoi(colon + 1));
	*colon = '\0';
	inet_pton(AF_INET, argv[1], &p.to.sin_addr);
	p.host = argv[2];
	snprintf(p.name, sizeof(p.name), "%.*s", (int)strcspn(argv[2], ":"), argv[2]);
	n = (size_t)atoi(argv[3]) % (MAX_CONNECTIONS + 1);
	seconds = atof(argv[4]);
	snprintf(p.request, sizeof(p.request), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", argv[5],
		 p.host, argv[6]);
	if (argc > 7)
		snprintf(p.connect, sizeof(p.connect), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
			 p.host, p.host, argv[7]);
	p.ctx = SSL_CTX_new(TLS_client_method());
	for (size_t i = 0; i < n; i++) {
		all[i].plan = &p;
		all[i].us = xcalloc(SAMPLES, sizeof(*all[i].us));
		pthread_create(&all[i].thread, NULL, run, &all[i]);
	}
	while (p.ready < n)
		usleep(1000);
	start = clock_mono_ns();
	p.begin = true;
	usleep((useconds_t)(seconds * 1e6));
	p.stop = true;
	seconds = (double)(clock_mono_ns() - start) / 1e9;
	for (size_t i = 0; i < n; i++)
		pthread_join(all[i].thread, NULL);
	if (p.failed) {
		fprintf(stderr, "%u connections failed\n", p.failed);
		return 1;
	}
	print(all, n, seconds);
	return 0;
}
