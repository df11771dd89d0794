/* "POST /.nono/open-url" on the proxy's own port: a program of the session wants a page opened in
 * the user's browser. The URL is in a header, so that no body is waited for. */
#include "network/proxy/job.h"

bool job_wants_open_url(const struct job *j)
{
	return http_text_is(j->x->request.target, "/.nono/open-url");
}

/* Never true: it is answered here. */
bool job_open_url(struct job *j)
{
	const struct http_text *url = http_get(&j->x->request, "X-Nono-Url", 0);
	_cleanup_free_ char *text = url ? xstrndup(url->p, url->n) : NULL;
	struct net_url u;
	struct err err = {0};

	str_copy(j->event.rule, sizeof(j->event.rule), NET_RULE_OPEN_URL);
	str_copy(j->event.path, sizeof(j->event.path), "");
	if (!text || j->x->request.body != HTTP_BODY_NONE) {
		job_answer(j, 400, "it takes the header X-Nono-Url, and no body");
		return false;
	}
	if (net_url_parse(text, &u, NULL) == 0) {
		str_copy(j->event.host, sizeof(j->event.host), u.host.name);
		j->event.port = u.port;
		snprintf(j->event.path, sizeof(j->event.path), "%.*s", (int)strcspn(u.path, "?#"),
			 u.path);
	}
	if (credentials_open_url(j->x->proxy->credentials, text, &err) == 0) {
		job_answer(j, 202, "opened in the user's browser");
		return false;
	}
	j->event.decision = NET_DENIED;
	job_answer(j, 403, "%s", err.msg);
	return false;
}
