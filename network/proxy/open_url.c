/* "POST /.nono/open-url" on the proxy's own port: a program of the session wants a page opened in
 * the user's browser. The URL is in a header, so that no body is waited for. A page whose site the
 * policy does not name is asked for where anybody can be asked. */
#include "network/proxy/job.h"

bool job_wants_open_url(const struct job *j)
{
	return http_text_is(j->x->request.target, "/.nono/open-url");
}

static void refuse(struct job *j, const char *why)
{
	if (j->event.decision == NET_ALLOWED || j->event.decision == NET_APPROVE_GRANTED)
		j->event.decision = NET_DENIED;
	job_answer(j, 403, "%s", why);
}

static void on_opened(struct credential_page *page, const struct err *err)
{
	struct job *j = page->data;
	struct proxy *p = j->x->proxy;

	if (err) {
		refuse(j, err->msg);
		return;
	}
	if (page->fds[0] < 0) {
		job_answer(j, 202, "opened in the user's browser");
		return;
	}
	callback_listen(p, page->port, page->fds, j->event.host);
	job_answer(j, 202,
		   "opened in the user's browser; for %d minutes port %u of its machine leads "
		   "to the session's",
		   CALLBACK_MS / 60000, page->port);
}

static void open_page(struct job *j, bool approved)
{
	struct proxy *p = j->x->proxy;
	struct err err = {0};

	j->page.done = on_opened;
	j->page.data = j;
	if (credentials_page_open(p->credentials, j->url, approved,
				  callback_possible(p) &&
				      !callback_renew(p, credentials_page_port(j->url)),
				  &j->page, &err) < 0)
		refuse(j, err.msg);
}

static void on_answer(struct ask *a)
{
	struct job *j = a->data;

	j->asking = false;
	j->event.decision = (uint8_t)a->decision;
	if (a->decision == NET_APPROVE_GRANTED) {
		open_page(j, true);
		return;
	}
	job_answer(j, 403, "the page was not opened%s%s", *a->why ? ": " : "", a->why);
}

static void ask(struct job *j)
{
	uint16_t port = credentials_page_port(j->url);

	if (port)
		snprintf(j->event.reason, sizeof(j->event.reason),
			 "its answer goes to port %u of the session", port);
	j->event.decision = NET_APPROVE_REQUESTED;
	j->event.time_ns = clock_real_ns();
	j->asking = true;
	j->ask = (struct ask){.answered = on_answer, .data = j};
	ask_start(j->x->proxy, &j->ask, &j->event, 0, NULL);
	j->event.reason[0] = '\0';
}

/* Never true: it is answered here, now or later. */
bool job_open_url(struct job *j)
{
	const struct http_text *url = http_get(&j->x->request, "X-Nono-Url", 0);
	struct proxy *p = j->x->proxy;
	struct net_url u;
	struct err err = {0};
	int listed;

	str_copy(j->event.rule, sizeof(j->event.rule), NET_RULE_OPEN_URL);
	str_copy(j->event.path, sizeof(j->event.path), "");
	if (!url || j->x->request.body != HTTP_BODY_NONE) {
		job_answer(j, 400, "it takes the header X-Nono-Url, and no body");
		return false;
	}
	j->url = xstrndup(url->p, url->n);
	if (net_url_parse(j->url, &u, NULL) == 0) {
		str_copy(j->event.host, sizeof(j->event.host), u.host.name);
		j->event.port = u.port;
		snprintf(j->event.path, sizeof(j->event.path), "%.*s", (int)strcspn(u.path, "?#"),
			 u.path);
	}
	listed = credentials_page_check(p->credentials, j->url, &err);
	if (listed == 0)
		open_page(j, false);
	else if (listed > 0 && p->config->network.ask && p->link.fd >= 0)
		ask(j);
	else
		refuse(j, err.msg);
	return false;
}
