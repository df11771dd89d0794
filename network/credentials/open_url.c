/* Pages that an agent asks to be opened in the user's browser: a login, mostly. Only of origins
 * that the policy names; by the keys process, which is outside. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "network/credentials/proxy.h"

#define APART_NS   1000000000ull
#define OPENED_MAX 40 /* a session */

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
	return err_set(err, "pages of %s are not opened (the profile's open_urls)", u.host.name);
}

int credentials_open_url(struct credentials *c, const char *url, struct err *err)
{
	struct keys_request q = {.route = KEYS_OPEN_URL};
	uint64_t now = clock_mono_ns();

	if (!c)
		return err_set(err, "no page is opened here");
	if (credential_url_check(&c->config->network, url, err) < 0)
		return -1;
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

/* ---- opening it
 * ---------------------------------------------------------------------------------- */

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
void keys_open_url(const struct policy_network *n, const char *url)
{
	pid_t pid;

	if (credential_url_check(n, url, NULL) < 0)
		return;
	pid = fork();
	if (pid == 0)
		become(url);
}
