/* From inside a session to its network proxy.
 *
 * Source: RFC 7617 (Basic). */
#include "cli/way.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static void base64(const char *in, size_t n, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)in[i] << 16;

		v |= i + 1 < n ? (uint32_t)(unsigned char)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)(unsigned char)in[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*out = '\0';
}

/* "http://user:password@127.0.0.1:port" */
static int parse_way(const char *url, struct way *w)
{
	char host[64];
	const char *at, *colon;
	size_t n;
	long port;

	if (!url || !str_starts(url, "http://"))
		return -1;
	url += strlen("http://");
	at = strchr(url, '@');
	n = at ? (size_t)(at - url) : 0;
	if (!at || n > 300)
		return -1;
	base64(url, n, w->auth);
	colon = strchr(at, ':');
	if (!colon || (size_t)(colon - at) > sizeof(host) - 1)
		return -1;
	memcpy(host, at + 1, (size_t)(colon - at - 1));
	host[colon - at - 1] = '\0';
	n = strspn(colon + 1, "0123456789");
	port = strtol(colon + 1, NULL, 10);
	if (!n || port < 1 || port > 65535 || (colon[1 + n] && colon[1 + n] != '/'))
		return -1;
	w->addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &w->addr.sin_addr) == 1 ? 0 : -1;
}

int way_find(struct way *w, const char *what, struct err *err)
{
	static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY",
					    "all_proxy",   "HTTP_PROXY",  "http_proxy"};

	if (!session_inside())
		return err_usage(err,
				 "%s is for programs inside a session: there it goes through the "
				 "session's network proxy",
				 what);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (parse_way(getenv(names[i]), w) == 0)
			return 0;
	return err_set(err, "this session has no network proxy (HTTPS_PROXY is not set, or was "
			    "changed): its network is open or blocked, not by name");
}

int way_connect(const struct way *w, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&w->addr, sizeof(w->addr)) < 0)
		return err_errno(err, errno, "can't reach the session's network proxy");
	return STEAL_FD(fd);
}

/* The head of the answer, byte by byte: what follows it is the connection's. */
int way_read_head(int fd, char head[WAY_HEAD_MAX], struct err *err)
{
	size_t n = 0;

	while (n < WAY_HEAD_MAX - 1) {
		ssize_t r = read(fd, head + n, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(err, errno, "the network proxy does not answer");
		if (r == 0)
			return err_set(err, "the network proxy closed the connection");
		head[++n] = '\0';
		if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
			return 0;
	}
	return err_set(err, "the network proxy's answer is too long");
}
