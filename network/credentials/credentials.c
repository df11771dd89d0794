/* The proxy's side: which secrets are there, which are being asked for, who waits. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "network/credentials/proxy.h"

#define SECOND_NS	1000000000ull
#define SLOTS_MAX	64		 /* a route */
#define FAILURE_KEPT_NS (3 * SECOND_NS)	 /* an agent that tries again opens no dialog each time */
#define REFETCH_NS	(10 * SECOND_NS) /* a refused secret is not asked for more often */

extern char **environ;

/* ---- start and end
 * --------------------------------------------------------------------------------- */

/* What libraries look at later, and is no secret, stays. */
static bool harmless(const char *setting)
{
	static const char *const names[] = {
	    "PATH=",	      "HOME=",	       "LANG=",		"TZ=",
	    "SSL_CERT_FILE=", "SSL_CERT_DIR=", "ASAN_OPTIONS=", "UBSAN_OPTIONS="};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(setting, names[i]))
			return true;
	return false;
}

static void wipe_environment(void)
{
	size_t kept = 0;

	for (char **e = environ; e && *e; e++)
		if (harmless(*e))
			environ[kept++] = *e;
		else
			explicit_bzero(*e, strlen(*e));
	if (environ)
		environ[kept] = NULL;
}

static const char *phantom_of(const struct net_config *c, const char *name)
{
	size_t n = strlen(name);

	for (char **p = c->phantoms; p && *p; p++)
		if (!strncmp(*p, name, n) && (*p)[n] == '=')
			return *p + n + 1;
	return NULL;
}

static const struct policy_capture *capture_of(const struct net_config *c,
					       const struct policy_route *r)
{
	for (size_t i = 0; r->key && str_starts(r->key, "cmd://") && i < c->network.n_captures; i++)
		if (str_eq(c->network.captures[i].name, r->key + strlen("cmd://")))
			return &c->network.captures[i];
	return NULL;
}

static int prepare_route(const struct net_config *c, const struct policy_route *p,
			 struct credential_route *r, struct err *err)
{
	const struct policy_capture *capture = capture_of(c, p);
	struct net_url url;

	r->policy = p;
	r->phantom = phantom_of(c, p->name);
	r->phantom_n = r->phantom ? strlen(r->phantom) : 0;
	if (net_url_parse(p->upstream, &url, err) < 0)
		return err_prefix(err, "route %s", p->name);
	r->host = url.host;
	r->port = url.port;
	if (capture && capture->cache_path_regex) {
		if (regcomp(&r->scope_regex, capture->cache_path_regex, REG_EXTENDED) != 0)
			return err_set(err,
				       "credential_capture %s: cache_path_regex is no regular "
				       "expression",
				       capture->name);
		r->has_scope = true;
	}
	return p->key ? credential_reference_check(p->key, err) : 0;
}

static int start_keys(struct credentials *c, struct err *err)
{
	int sock[2], size = 4 * SECRET_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return err_errno(err, errno, "can't make a socket");
	for (size_t i = 0; i < 2; i++)
		setsockopt(sock[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->pid = fork();
	if (c->pid == 0)
		keys_main(c->config, sock[1]);
	close(sock[1]);
	c->keys = sock[0];
	if (c->pid < 0)
		return err_errno(err, errno, "can't fork");
	return fd_set_nonblock(c->keys, true) < 0 ? err_errno(err, errno, "socket") : 0;
}

struct credentials *credentials_start(const struct net_config *config, struct err *err)
{
	struct credentials *c = xcalloc(1, sizeof(*c));

	c->config = config;
	c->keys = -1;
	c->pid = -1;
	c->n = config->network.routes.n;
	c->routes = xcalloc(c->n ? c->n : 1, sizeof(*c->routes));
	for (size_t i = 0; i < c->n; i++)
		if (prepare_route(config, &config->network.routes.v[i], &c->routes[i], err) < 0)
			goto failed;
	if ((c->n || policy_opens_urls(&config->network)) &&
	    (start_keys(c, err) < 0 || secret_reserve(&c->received, SECRET_MAX, err) < 0))
		goto failed;
	c->logins = logins_new(&config->network, err);
	if (!c->logins)
		goto failed;
	wipe_environment();
	return c;
failed:
	credentials_free(c);
	return NULL;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct credential_slot *s;

		while ((s = c->routes[i].slots)) {
			c->routes[i].slots = s->next;
			secret_free(&s->value);
			free(s);
		}
		if (c->routes[i].has_scope)
			regfree(&c->routes[i].scope_regex);
	}
	if (c->keys >= 0)
		close(c->keys);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	secret_free(&c->received);
	secret_free(&c->room);
	logins_free(c->logins);
	free(c->routes);
	free(c);
}

int credentials_fd(const struct credentials *c)
{
	return c->keys;
}

/* ---- slots
 * ----------------------------------------------------------------------------------------- */

/* The part of the path that the profile says secrets differ by. */
static void scope_of(const struct credential_route *r, const struct credential_facts *f,
		     char out[256])
{
	regmatch_t m[2];

	out[0] = '\0';
	if (!r->has_scope || regexec(&r->scope_regex, f->path, 2, m, 0) != 0)
		return;
	if (m[1].rm_so >= 0)
		m[0] = m[1];
	snprintf(out, 256, "%.*s", (int)(m[0].rm_eo - m[0].rm_so), f->path + m[0].rm_so);
}

/* Makes room: the one that was got first and that nobody uses. */
static bool drop_oldest(struct credential_route *r)
{
	struct credential_slot **oldest = NULL, *s;

	for (struct credential_slot **p = &r->slots; *p; p = &(*p)->next)
		if (!(*p)->wants && !(*p)->pending &&
		    (!oldest || (*p)->fetched_ns < (*oldest)->fetched_ns))
			oldest = p;
	if (!oldest)
		return false;
	s = *oldest;
	*oldest = s->next;
	secret_free(&s->value);
	free(s);
	r->n_slots--;
	return true;
}

static struct credential_slot *slot_for(struct credential_route *r,
					const struct credential_facts *f)
{
	struct credential_slot *s;
	char scope[256];

	scope_of(r, f, scope);
	for (s = r->slots; s; s = s->next)
		if (str_eq(s->scope, scope))
			return s;
	if (r->n_slots >= SLOTS_MAX && !drop_oldest(r))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->route = r;
	str_copy(s->scope, sizeof(s->scope), scope);
	s->next = r->slots;
	r->slots = s;
	r->n_slots++;
	return s;
}

static int ask(struct credentials *c, struct credential_slot *s, const struct credential_facts *f,
	       struct err *err)
{
	struct keys_request q = {
	    .id = ++c->last_id, .route = (uint32_t)(s->route - c->routes), .facts = *f};

	str_copy(q.facts.session, sizeof(q.facts.session), c->config->session_id);
	if (c->keys < 0)
		return err_set(err, "the process that keeps the credentials has ended");
	if (send(c->keys, &q, KEYS_REQUEST_SIZE, MSG_NOSIGNAL) < 0)
		return err_errno(err, errno, "the credentials can't be asked for");
	s->pending = true;
	s->id = q.id;
	return 0;
}

static void link_want(struct credential_slot *s, struct credential_want *w)
{
	w->slot = s;
	w->prev = &s->wants;
	w->next = s->wants;
	if (w->next)
		w->next->prev = &w->next;
	s->wants = w;
}

int credentials_want(struct credentials *c, const struct policy_route *route,
		     const struct credential_facts *facts, struct credential_want *w,
		     struct err *err)
{
	struct credential_slot *s = slot_for(credential_route(c, route), facts);
	uint64_t now = clock_mono_ns();

	w->slot = NULL;
	w->prev = NULL;
	w->waits = false;
	if (!s)
		return err_set(err, "too many requests wait for the credential of the route %s",
			       route->name);
	if (s->value.data && now < s->good_until_ns) {
		link_want(s, w);
		return 1;
	}
	if (!s->pending && s->failed_ns && now < s->failed_ns + FAILURE_KEPT_NS) {
		*err = s->failure;
		return -1;
	}
	if (!s->pending && ask(c, s, facts, err) < 0)
		return -1;
	w->waits = true;
	link_want(s, w);
	return 0;
}

void credentials_cancel(struct credential_want *w)
{
	if (!w->slot)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->slot = NULL;
	w->prev = NULL;
	w->next = NULL;
	w->waits = false;
}

/* ---- afterwards
 * ------------------------------------------------------------------------------------ */

void credentials_answered(struct credentials *c, const struct policy_route *route,
			  const struct credential_want *w, unsigned status)
{
	struct credential_slot *s = w->slot;

	(void)c;
	(void)route;
	if (s && (status == 401 || status == 403) && clock_mono_ns() > s->fetched_ns + REFETCH_NS)
		s->good_until_ns = 0;
}

void credentials_sweep(struct credentials *c)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < c->n; i++)
		for (struct credential_slot *s = c->routes[i].slots; s; s = s->next)
			if (!s->wants && !s->pending && s->value.data && now >= s->good_until_ns)
				secret_free(&s->value);
}

void credentials_redact(const struct credentials *c, char *text)
{
	for (size_t i = 0; c && i < c->n; i++) {
		const struct credential_route *r = &c->routes[i];
		char *p;

		while (r->phantom_n > 3 && (p = strstr(text, r->phantom))) {
			memcpy(p, "***", 3);
			memmove(p + 3, p + r->phantom_n, strlen(p + r->phantom_n) + 1);
		}
	}
}
