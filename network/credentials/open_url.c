/* Pages that an agent asks to be opened in the user's browser: a login, mostly. Of origins that the
 * policy names, or that a person agreed to; by the keys process, which is outside. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "network/credentials/proxy.h"

#define APART_NS    1000000000ull
#define OPENED_MAX  40	 /* a session */
#define PORT_LOWEST 1024 /* that an answer may come to */

/* ---- may it -------------------------------------------------------------------------------------
 */

/* Nothing that a shell script between here and the browser could take for something else. */
static bool plain(const char *url)
{
	for (const char *c = url; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"'`\\$<>|;(){}^*", *c))
			return false;
	return true;
}

static bool same_origin(const struct net_url *u, const char *origin)
{
	struct net_url o;

	return net_url_parse(origin, &o, NULL) == 0 && str_eq(o.scheme, u->scheme) &&
	       o.port == u->port && str_eq(o.host.name, u->host.name);
}

static bool is_localhost(const struct net_url *u)
{
	return str_eq(u->host.name, "localhost") || str_ends(u->host.name, ".localhost") ||
	       str_eq(u->host.name, "127.0.0.1") || str_eq(u->host.name, "::1");
}

int credential_url_check(const struct policy_network *n, const char *url, struct err *err)
{
	struct net_url u;

	if (strlen(url) >= OPEN_URL_MAX || !plain(url))
		return err_set(err, "the URL is too long, or has characters that must be escaped");
	if (net_url_parse(url, &u, err) < 0)
		return -1;
	if (!str_eq(u.scheme, "https") && !(str_eq(u.scheme, "http") && is_localhost(&u)))
		return err_set(err, "only https pages, and those of this machine, are opened");
	if (n->open_localhost && is_localhost(&u))
		return 0;
	for (char **o = n->open_urls; o && *o; o++)
		if (same_origin(&u, *o))
			return 0;
	err_set(err, "pages of %s are not opened (the profile's open_urls)", u.host.name);
	return 1;
}

uint16_t credentials_page_port(const char *url)
{
	_cleanup_(secret_free) struct secret text = {0};
	struct target_part part;
	struct net_url u;

	if (!target_query(url, strlen(url), "redirect_uri", &part) ||
	    target_unescape(&text, url + part.start, part.end - part.start, NULL) < 0 ||
	    net_url_parse(text.data, &u, NULL) < 0 || !str_eq(u.scheme, "http") ||
	    !is_localhost(&u) || u.port < PORT_LOWEST)
		return 0;
	return u.port;
}

/* ---- the proxy's side
 * ---------------------------------------------------------------------------- */

int credentials_page_check(struct credentials *c, const char *url, struct err *err)
{
	return c ? credential_url_check(&c->config->network, url, err)
		 : err_set(err, "no page is opened here");
}

static int send_page(struct credentials *c, const char *url, bool approved, bool forward,
		     uint32_t id, struct err *err)
{
	struct keys_request q = {
	    .id = id, .route = KEYS_OPEN_URL, .approved = approved, .forward = forward};
	uint64_t now = clock_mono_ns();

	if (c->opened >= OPENED_MAX || (c->opened_ns && now < c->opened_ns + APART_NS))
		return err_set(err, "too many pages are opened");
	if (c->keys < 0)
		return err_set(err, "the process that opens pages has ended");
	str_copy(q.url, sizeof(q.url), url);
	if (send(c->keys, &q, sizeof(q), MSG_NOSIGNAL) < 0)
		return err_errno(err, errno, "the page can't be opened");
	c->opened++;
	c->opened_ns = now;
	return 0;
}

int credentials_page_open(struct credentials *c, const char *url, bool approved, bool forward,
			  struct credential_page *page, struct err *err)
{
	int listed = credentials_page_check(c, url, err);

	page->prev = NULL;
	page->fds[0] = page->fds[1] = -1;
	page->port = credentials_page_port(url);
	if (listed < 0 || (listed > 0 && !approved))
		return -1;
	page->id = ++c->last_id;
	if (send_page(c, url, approved, forward && page->port, page->id, err) < 0)
		return -1;
	page->next = c->pages;
	page->prev = &c->pages;
	if (page->next)
		page->next->prev = &page->next;
	c->pages = page;
	return 0;
}

void credentials_page_cancel(struct credential_page *page)
{
	if (!page->prev)
		return;
	*page->prev = page->next;
	if (page->next)
		page->next->prev = page->prev;
	page->prev = NULL;
}

bool credential_page_answered(struct credentials *c, const struct keys_answer *a, const int fds[2])
{
	struct credential_page *page = c->pages;
	struct err err = {0};

	while (page && page->id != a->id)
		page = page->next;
	if (!page)
		return false;
	credentials_page_cancel(page);
	page->fds[0] = fds[0];
	page->fds[1] = fds[1];
	if (!a->ok)
		err_set(&err, "%s", a->text);
	page->done(page, a->ok ? NULL : &err);
	return true;
}

/* ---- opening it
 * ---------------------------------------------------------------------------------- */

/* Where the browser brings the login's answer, on this machine's loopback. */
static int listen_at(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool six = family == AF_INET6;
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		 six ? sizeof(v6) : sizeof(v4)) < 0 ||
	    listen(fd, 16) < 0)
		return -1;
	return STEAL_FD(fd);
}

static int listen_for_answer(uint16_t port, int fds[2], struct err *err)
{
	fds[0] = listen_at(AF_INET, port);
	if (fds[0] < 0)
		return err_errno(err, errno,
				 "the login's answer would come to port %u of this machine, which "
				 "can't be listened at",
				 port);
	fds[1] = listen_at(AF_INET6, port); /* -1: where there is no such address */
	return 0;
}

static _Noreturn void become(const char *url)
{
	const char *browser = getenv("BROWSER");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setsid();
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(126);
	execlp("xdg-open", "xdg-open", url, (char *)NULL);
	if (browser && *browser && !strpbrk(browser, " :%"))
		execlp(browser, browser, url, (char *)NULL);
	_exit(127);
}

/* The browser may live longer than the session: nothing ends it. */
int keys_open_url(const struct policy_network *n, const struct keys_request *q, int fds[2],
		  struct err *err)
{
	int listed = credential_url_check(n, q->url, err);
	uint16_t port = credentials_page_port(q->url);
	pid_t pid;

	if (listed < 0 || (listed > 0 && !(q->approved && n->ask)))
		return -1;
	if (q->forward && port && listen_for_answer(port, fds, err) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become(q->url);
	return pid < 0 ? err_errno(err, errno, "no process to open the page with") : 0;
}
