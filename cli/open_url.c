/* nono open-url-helper: what BROWSER is inside a session. The page is opened outside, by the user's
 * browser, if the profile says so (open_urls). */
#include <poll.h>
#include <sys/socket.h>

#include "cli/way.h"

#define BODY_MAX   2048
#define TIMEOUT_MS 10000

static int send_url(int fd, const struct way *w, const char *url, struct err *err)
{
	_cleanup_free_ char *request =
	    xasprintf("POST /.nono/open-url HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		      "Proxy-Authorization: Basic %s\r\nX-Nono-Url: %s\r\n"
		      "Connection: close\r\n\r\n",
		      w->auth, url);

	if (write_full(fd, request, strlen(request)) < 0)
		return err_errno(err, errno, "can't write to the network proxy");
	return 0;
}

static int read_answer(int fd, struct err *err)
{
	_cleanup_free_ char *head = xcalloc(1, WAY_HEAD_MAX);
	char body[BODY_MAX], shown[2 * BODY_MAX];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int status = 0;
	size_t n = 0;
	ssize_t r;

	if (way_read_head(fd, head, err) < 0)
		return -1;
	if (sscanf(head, "HTTP/1.%*1[01] %3d", &status) == 1 && status / 100 == 2)
		return 0;
	while (n < sizeof(body) - 1 && poll(&p, 1, TIMEOUT_MS) > 0 &&
	       (r = read(fd, body + n, sizeof(body) - 1 - n)) > 0)
		n += (size_t)r;
	while (n && (body[n - 1] == '\n' || body[n - 1] == '\r'))
		n--;
	text_printable(shown, sizeof(shown), body, n);
	return err_set(err, "%s", str_starts(shown, "nono: ") ? shown + 6 : shown);
}

static int open_run(struct cli *cli, struct err *err)
{
	const char *url = cli->args[0];
	_cleanup_close_ int fd = -1;
	struct way way;

	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return err_usage(err, "that is no URL: it has a character that must be "
					      "escaped");
	if (way_find(&way, "nono open-url-helper", err) < 0)
		return -1;
	fd = way_connect(&way, err);
	if (fd < 0 || send_url(fd, &way, url, err) < 0)
		return -1;
	return read_answer(fd, err);
}

const struct command command_open_url = {
    .name = "open-url-helper",
    .group = GROUP_HIDDEN,
    .usage = "URL",
    .summary = "Open a page in the user's browser, from inside a session",
    .min_args = 1,
    .max_args = 1,
    .arg = "a URL",
    .run = open_run,
};
