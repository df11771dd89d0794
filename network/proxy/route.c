/*
 * Credentials of a request: whose stand-in it holds, how fast, the secret, its place; and logins.
 */
#include "network/proxy/job.h"

#include <openssl/crypto.h>

static void inject(struct job *j);

static struct credential_head head_of(struct job *j, char method[24])
{
	struct credential_head h;

	http_credential_head(&j->x->request, method, &h);
	return h;
}

static bool refuse_phantom(struct job *j, enum credential_check check)
{
	j->event.decision = NET_DENIED;
	str_copy(j->event.auth_outcome, sizeof(j->event.auth_outcome), "failed");
	str_copy(j->event.category, sizeof(j->event.category), "authentication_failed");
	job_answer(j, 401,
		   check == CREDENTIAL_NONE
		       ? "the route %s wants the session's stand-in for the key: it is in %s"
		       : "the key is not the session's stand-in of the route %s: that is in %s",
		   j->route->name, j->route->env_var ? j->route->env_var : "the environment");
	return false;
}

bool job_check_phantom(struct job *j)
{
	struct proxy *p = j->x->proxy;
	const char *mechanism = NULL;
	char method[24];
	struct credential_head h = head_of(j, method);
	enum credential_check check = CREDENTIAL_NONE;

	if (p->credentials)
		check = credentials_check(p->credentials, j->route, &h, &mechanism);
	if (mechanism)
		str_copy(j->event.auth_mechanism, sizeof(j->event.auth_mechanism), mechanism);
	if (check != CREDENTIAL_OK)
		return refuse_phantom(j, check);
	str_copy(j->event.auth_outcome, sizeof(j->event.auth_outcome), "succeeded");
	return true;
}

/* ---- the secret ---- */

static void unavailable(struct job *j, const struct err *err)
{
	str_copy(j->event.category, sizeof(j->event.category), "managed_credential_unavailable");
	text_printable(j->event.reason, sizeof(j->event.reason), err->msg, strlen(err->msg));
	job_answer(j, 503, "the credential of the route %s can't be had: %s", j->route->name,
		   err->msg);
}

static void on_secret(struct credential_want *w, bool ok, const struct err *err)
{
	struct job *j = w->data;

	if (!ok) {
		j->wanting = false;
		unavailable(j, err);
		return;
	}
	j->have_secret = true;
	inject(j);
}

static void want(struct job *j)
{
	struct proxy *p = j->x->proxy;
	struct credential_facts facts = {0};
	struct err err;
	int rc;

	str_copy(facts.host, sizeof(facts.host), j->host.name);
	str_copy(facts.method, sizeof(facts.method), j->event.method);
	str_copy(facts.path, sizeof(facts.path), j->event.path);
	str_copy(facts.session, sizeof(facts.session), p->config->session_id);
	j->want = (struct credential_want){.done = on_secret, .data = j};
	j->wanting = true;
	rc = credentials_want(p->credentials, j->route, &facts, &j->want, &err);
	if (rc < 0) {
		j->wanting = false;
		unavailable(j, &err);
	} else if (rc > 0) {
		j->have_secret = true;
		inject(j);
	}
}

static void on_paced(struct deadline *d)
{
	want((struct job *)(void *)((char *)d - offsetof(struct job, pause)));
}

static void inject(struct job *j)
{
	struct exchange *x = j->x;
	const struct http_text *host = http_get(&x->request, "Host", 0);
	const char *mode = NULL;
	char method[24];
	struct credential_head h = head_of(j, method);
	struct err err;

	if (!j->have_secret || (j->collect && !x->request_ended))
		return;
	if (j->collect) {
		x->request.body = HTTP_BODY_LENGTH;
		x->request.length = j->body.len;
	}
	if (credentials_inject(x->proxy->credentials, j->route, &h, &j->want,
			       host ? host->p : j->host.name, j->collect ? j->body.data : NULL,
			       j->body.len, &mode, &err) < 0) {
		unavailable(j, &err);
		return;
	}
	j->injected = true;
	if (mode)
		str_copy(j->event.injection, sizeof(j->event.injection), mode);
	job_connect(j);
}

static void with_route(struct job *j)
{
	struct proxy *p = j->x->proxy;
	unsigned retry_s = 0;
	uint64_t wait_us = credentials_pace(p->credentials, j->route, &retry_s);
	char method[24], retry[16];
	struct credential_head h = head_of(j, method);

	str_copy(j->event.route, sizeof(j->event.route), j->route->name);
	if (wait_us == UINT64_MAX) {
		snprintf(retry, sizeof(retry), "%u", retry_s);
		job_answer_with(j, 429, "Retry-After", retry, "the route %s is used too often",
				j->route->name);
		return;
	}
	if (credentials_needs_body(p->credentials, j->route, &h))
		job_collect(j);
	if (j->answered)
		return;
	if (wait_us)
		deadline_set(p, &j->pause, (wait_us + 999) / 1000, on_paced);
	else
		want(j);
}

/* ---- logins ---- */

static void login_complete(struct job *j)
{
	struct exchange *x = j->x;
	char method[24];
	struct credential_head h = head_of(j, method);
	struct err err;

	if (credentials_login_request(x->proxy->credentials, j->login, &h, j->body.data,
				      j->body.len, &j->login_body, &err) < 0) {
		job_answer(j, 400, "%s", err.msg);
		return;
	}
	x->request.body = HTTP_BODY_LENGTH;
	x->request.length = j->login_body.len;
	job_connect(j);
}

void job_body_complete(struct job *j)
{
	if (j->login)
		login_complete(j);
	else
		inject(j);
}

/* ---- which of these ---- */

void job_credentials(struct job *j)
{
	struct proxy *p = j->x->proxy;
	char method[24];
	struct credential_head h = head_of(j, method);
	const struct policy_route *found;
	bool here = false;

	if (!p->credentials) {
		job_connect(j);
		return;
	}
	if (j->by_route) {
		with_route(j);
		return;
	}
	j->login = credentials_login(p->credentials, &j->host, j->port, &h);
	if (j->login) {
		job_collect(j);
		if (!j->answered && j->x->request_ended)
			login_complete(j);
		return;
	}
	if (credentials_login_headers(p->credentials, &j->host, &h)) {
		j->injected = true;
		job_connect(j);
		return;
	}
	found = credentials_find(p->credentials, &j->host, j->port, &h, &here);
	if (!found) {
		/* What looks like a key and is not the stand-in is somebody's mistake. */
		const char *mechanism;

		j->route = here ? j->verdict.route : NULL;
		if (j->route && credentials_check(p->credentials, j->route, &h, &mechanism) ==
				    CREDENTIAL_WRONG) {
			refuse_phantom(j, CREDENTIAL_WRONG);
			return;
		}
		j->route = NULL;
		job_connect(j);
		return;
	}
	j->route = found;
	if (job_check_phantom(j))
		with_route(j);
}

void job_forget_credentials(struct job *j)
{
	if (j->wanting)
		credentials_cancel(&j->want);
	j->wanting = false;
	deadline_clear(j->x->proxy, &j->pause);
	if (j->body.data)
		OPENSSL_cleanse(j->body.data, j->body.cap);
	if (j->login_answer.data)
		OPENSSL_cleanse(j->login_answer.data, j->login_answer.cap);
	buf_free(&j->body);
	buf_free(&j->login_answer);
	secret_free(&j->login_body);
}
