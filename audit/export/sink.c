#include "audit/export/confine.h"
#include "audit/export/export.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TIMEOUT_S 15

enum kind { SINK_FD = 0, SINK_HTTP, SINK_TCP, SINK_TLS, SINK_UDP, SINK_UNIX };

struct sink {
	enum kind kind;
	enum export_format format;
	char *where, *port; /* URL, path, host */
	int fd;		    /* -1 = not connected */
	CURL *curl;
	struct curl_slist *headers;
	struct buf batch;
	struct buf ends; /* of size_t: where each message of the batch ends */
	size_t n, sent;	 /* sent: messages of the batch that need not be sent again */
};

/* ---- what a URL means ------------------------------------------------------------------------ */

static int host_port(struct sink *s, const char *p, const char *port, struct err *err)
{
	const char *colon = strrchr(p, ':'), *end = p + strlen(p);

	if (*p == '[') {
		const char *close = strchr(p, ']');
		if (!close)
			return err_usage(err, "\"%.100s\" is no host", p);
		colon = close[1] == ':' ? close + 1 : NULL;
		s->where = xstrndup(p + 1, (size_t)(close - p - 1));
	} else {
		s->where = xstrndup(p, (size_t)((colon ? colon : end) - p));
	}
	s->port = xstrdup(colon ? colon + 1 : port);
	return s->where[0] ? 0 : err_usage(err, "a sink's URL needs a host");
}

static int understand(struct sink *s, const char *url, struct err *err)
{
	if (str_eq(url, "-")) {
		s->fd = dup(1);
		return 0;
	}
	if (str_starts(url, "file:///")) {
		s->where = xstrdup(url + 7);
		return 0;
	}
	if (str_starts(url, "http://") || str_starts(url, "https://")) {
		s->kind = SINK_HTTP;
		s->format = str_ends(url, "/v1/logs") ? FORMAT_OTLP : FORMAT_NDJSON;
		s->where = xstrdup(url);
		return 0;
	}
	s->format = FORMAT_SYSLOG;
	if (str_starts(url, "syslog://")) {
		s->kind = SINK_TCP;
		return host_port(s, url + 9, "601", err);
	}
	if (str_starts(url, "syslog+tls://")) {
		s->kind = SINK_TLS;
		return host_port(s, url + 13, "6514", err);
	}
	if (str_starts(url, "syslog+udp://")) {
		s->kind = SINK_UDP;
		return host_port(s, url + 13, "514", err);
	}
	s->kind = SINK_UNIX;
	if (str_starts(url, "syslog+unix:///")) {
		s->where = xstrdup(url + 14);
		return 0;
	}
	s->format = FORMAT_JOURNALD;
	if (str_eq(url, "journald:") || str_starts(url, "journald:///")) {
		s->where = xstrdup(url[9] ? url + 11 : "/run/systemd/journal/socket");
		return 0;
	}
	return err_usage(err,
			 "\"%.100s\" is no sink: file:///PATH, http(s)://..., syslog://HOST:PORT, "
			 "syslog+tls://HOST:PORT, syslog+udp://HOST:PORT, syslog+unix:///PATH or "
			 "journald:",
			 url);
}

struct sink *sink_open(const char *url, int format, struct err *err)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	s->fd = -1;
	if (understand(s, url, err) < 0) {
		sink_free(s);
		return NULL;
	}
	if (format >= 0)
		s->format = (enum export_format)format;
	return s;
}

enum export_format sink_format(const struct sink *s)
{
	return s->format;
}

static void disconnect(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->kind == SINK_TLS) {
		tls_end(s->curl);
		s->curl = NULL;
	}
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	disconnect(s);
	curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->headers);
	buf_free(&s->batch);
	buf_free(&s->ends);
	free(s->where);
	free(s->port);
	free(s);
}

/* ---- a batch --------------------------------------------------------------------------------- */

static bool stream(const struct sink *s)
{
	return s->kind == SINK_FD || s->kind == SINK_HTTP;
}

void sink_add(struct sink *s, const struct export_item *it)
{
	if (s->format == FORMAT_OTLP && s->n == 0)
		export_otlp_open(&s->batch, it->session);
	else if (s->format == FORMAT_OTLP)
		buf_addc(&s->batch, ',');
	export_item(&s->batch, s->format, it);
	if (stream(s) && s->format != FORMAT_OTLP)
		buf_addc(&s->batch, '\n');
	buf_add(&s->ends, &s->batch.len, sizeof(s->batch.len));
	s->n++;
}

bool sink_full(const struct sink *s)
{
	return s->n >= EXPORT_BATCH_EVENTS || s->batch.len >= EXPORT_BATCH_BYTES;
}

/* ---- ways ------------------------------------------------------------------------------------ */

/* Half a line that a full disk left is taken back: it comes again whole. */
static int to_file(struct sink *s, struct err *err)
{
	off_t before = lseek(s->fd, 0, SEEK_END);

	if (write_full(s->fd, s->batch.data, s->batch.len) == 0)
		return 0;
	err_errno(err, errno, "can't write the events");
	if (before >= 0 && s->where && ftruncate(s->fd, before) < 0)
		return -1;
	return -1;
}

static size_t ignore(char *p, size_t size, size_t n, void *data)
{
	(void)p;
	(void)data;
	return size * n;
}

/* "Name=value,Name=value", as OpenTelemetry's exporters take them. */
static void add_headers(struct sink *s)
{
	const char *more = getenv("OTEL_EXPORTER_OTLP_HEADERS");
	_cleanup_free_ char *copy = xstrdup(more ? more : "");
	char *save = NULL;

	s->headers = curl_slist_append(NULL, s->format == FORMAT_OTLP
						 ? "Content-Type: application/json"
						 : "Content-Type: application/x-ndjson");
	for (char *h = strtok_r(copy, ",", &save); h; h = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(h, '=');
		_cleanup_free_ char *line = NULL;
		if (!eq)
			continue;
		line = xasprintf("%.*s: %s", (int)(eq - h), h, eq + 1);
		s->headers = curl_slist_append(s->headers, line);
	}
}

static int to_http(struct sink *s, struct err *err)
{
	char reason[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode r;

	if (!s->curl) {
		s->curl = curl_easy_init();
		add_headers(s);
		curl_easy_setopt(s->curl, CURLOPT_URL, s->where);
		curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
		curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, ignore);
		curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
		curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "nono/" NONO_VERSION);
		tls_trust(s->curl);
	}
	curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, s->batch.data);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE, (long)s->batch.len);
	r = curl_easy_perform(s->curl);
	curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, NULL);
	if (r != CURLE_OK)
		return err_set(err, "%s", reason[0] ? reason : curl_easy_strerror(r));
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300 ? 0
					     : err_set(err, "the sink answers with %ld", status);
}

static int connect_net(struct sink *s, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = s->kind == SINK_TCP ? SOCK_STREAM : SOCK_DGRAM};
	struct addrinfo *list = NULL;
	struct timeval limit = {.tv_sec = TIMEOUT_S};
	int r = getaddrinfo(s->where, s->port, &hints, &list);

	if (r)
		return err_set(err, "%s: %s", s->where, gai_strerror(r));
	for (struct addrinfo *a = list; a && s->fd < 0; a = a->ai_next) {
		s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (s->fd < 0)
			continue;
		setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(s->fd, a->ai_addr, a->ai_addrlen) < 0) {
			err_errno(err, errno, "can't reach %s:%s", s->where, s->port);
			disconnect(s);
		}
	}
	freeaddrinfo(list);
	return s->fd < 0 ? -1 : 0;
}

static int connect_unix(struct sink *s, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (!str_copy(a.sun_path, sizeof(a.sun_path), s->where))
		return err_set(err, "the socket's path is too long");
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		err_errno(err, errno, "can't reach %s", s->where);
		disconnect(s);
		return -1;
	}
	return 0;
}

/* A peer that has closed would still take bytes, and they would be lost. */
static bool closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int send_message(struct sink *s, const char *p, size_t n)
{
	char head[24];
	int len;

	if (s->kind != SINK_TCP && s->kind != SINK_TLS)
		return send(s->fd, p, n, MSG_NOSIGNAL) < 0 ? -1 : 0;
	len = snprintf(head, sizeof(head), "%zu ", n); /* RFC 6587 3.4.1, RFC 5425 4.3 */
	if (s->kind == SINK_TLS)
		return tls_send(s->curl, head, (size_t)len, TIMEOUT_S * 1000) < 0
			   ? -1
			   : tls_send(s->curl, p, n, TIMEOUT_S * 1000);
	return send_all(s->fd, head, (size_t)len) < 0 ? -1 : send_all(s->fd, p, n);
}

static int reach(struct sink *s, struct err *err)
{
	if ((s->kind == SINK_TCP && s->fd >= 0 && closed(s->fd)) ||
	    (s->kind == SINK_TLS && s->curl && tls_closed(s->curl)))
		disconnect(s);
	if (s->fd >= 0 || (s->kind == SINK_TLS && s->curl))
		return 0;
	if (s->kind == SINK_UNIX)
		return connect_unix(s, err);
	if (s->kind != SINK_TLS)
		return connect_net(s, err);
	s->curl = tls_connect(s->where, s->port, TIMEOUT_S, err);
	return s->curl ? 0 : -1;
}

static int to_socket(struct sink *s, struct err *err)
{
	const size_t *ends = (const size_t *)(const void *)s->ends.data;
	bool whole = s->kind == SINK_TCP || s->kind == SINK_TLS; /* none of it counts as sent */

	if (reach(s, err) < 0)
		return -1;
	for (size_t i = whole ? 0 : s->sent; i < s->n; i++) {
		size_t from = i ? ends[i - 1] : 0;
		if (send_message(s, s->batch.data + from, ends[i] - from) < 0) {
			err_errno(err, errno, "can't send to %s", s->where);
			disconnect(s);
			return -1;
		}
		s->sent = i + 1;
	}
	return 0;
}

int sink_flush(struct sink *s, struct err *err)
{
	size_t before = s->batch.len;
	int r;

	if (!s->n)
		return 0;
	if (s->format == FORMAT_OTLP) {
		export_otlp_close(&s->batch);
		if (s->kind != SINK_HTTP)
			buf_addc(&s->batch, '\n');
	}
	r = s->kind == SINK_FD	   ? to_file(s, err)
	    : s->kind == SINK_HTTP ? to_http(s, err)
				   : to_socket(s, err);
	if (r < 0) {
		s->batch.len = before;
		return -1;
	}
	buf_clear(&s->batch);
	buf_clear(&s->ends);
	s->n = s->sent = 0;
	return 0;
}

/* ---- rights ---------------------------------------------------------------------------------- */

int sink_prepare(struct sink *s, struct err *err)
{
	if (s->kind != SINK_FD && s->kind != SINK_UNIX)
		load_resolver(s->where, s->kind == SINK_HTTP);
	if (s->kind != SINK_FD || s->fd >= 0)
		return 0;
	s->fd = open(s->where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return s->fd < 0 ? err_errno(err, errno, "can't open %s", s->where) : 0;
}

int sink_confine(const struct sink *s, const char *session, struct err *err)
{
	bool local = s->kind == SINK_FD || s->kind == SINK_UNIX;

	return confine(session, local, err);
}
