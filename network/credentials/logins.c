/* Logins of the agent itself: its tokens stay here. */
#include <cjson/cJSON.h>

#include "network/credentials/proxy.h"

#define TOKENS_MAX 128
#define TOKEN_MIN  8 /* shorter ones are no secrets */

struct token {
	size_t login;
	char *phantom;
	size_t phantom_n;
	struct secret real;
};
struct login {
	const struct policy_login *policy;
	struct net_host host; /* of the token endpoint */
	uint16_t port;
	const char *path;
};
struct logins {
	struct login *v;
	size_t n;
	struct token tokens[TOKENS_MAX]; /* a ring: the oldest is forgotten */
	size_t next;
};

/* Members of an answer that are worth something. */
static const char *const members[] = {"access_token", "refresh_token", "id_token", "api_key"};

/* ---- start and end
 * -------------------------------------------------------------------------------- */

struct logins *logins_new(const struct policy_network *n, struct err *err)
{
	struct logins *l = xcalloc(1, sizeof(*l));

	l->v = xcalloc(n->n_logins ? n->n_logins : 1, sizeof(*l->v));
	for (; l->n < n->n_logins; l->n++) {
		struct login *to = &l->v[l->n];
		struct net_url url;

		to->policy = &n->logins[l->n];
		if (net_url_parse(to->policy->token_url, &url, err) < 0) {
			err_prefix(err, "login %s", to->policy->name);
			logins_free(l);
			return NULL;
		}
		to->host = url.host;
		to->port = url.port;
		to->path = *url.path ? url.path : "/";
	}
	return l;
}

static void forget(struct token *t)
{
	secret_free(&t->real);
	free(t->phantom);
	*t = (struct token){0};
}

void logins_free(struct logins *l)
{
	for (size_t i = 0; l && i < TOKENS_MAX; i++)
		forget(&l->tokens[i]);
	if (l)
		free(l->v);
	free(l);
}

/* ---- stand-ins
 * ------------------------------------------------------------------------------------ */

/* Programs read claims out of tokens of the form header.claims.signature: those stay, the
 * signature, without which they are worth nothing, does not. */
static char *make_phantom(const char *real)
{
	const char *dot = strrchr(real, '.');
	char random[65];

	random_hex(random, 32);
	if (str_starts(real, "eyJ") && dot && memchr(real, '.', (size_t)(dot - real)))
		return xasprintf("%.*s.nono%s", (int)(dot - real), real, random);
	if (str_starts(real, "sk-ant-"))
		return xasprintf("%.*snono-%s", (int)strcspn(real + 7, "-") + 8, real, random);
	return xasprintf("nono-%s", random);
}

/* The same token keeps its stand-in. */
static const char *phantom_for(struct logins *l, size_t login, const char *real, struct err *err)
{
	size_t n = strlen(real);
	struct token *t;

	for (size_t i = 0; i < TOKENS_MAX; i++) {
		t = &l->tokens[i];
		if (t->phantom && t->login == login &&
		    secret_equal(t->real.data, t->real.len, real, n))
			return t->phantom;
	}
	t = &l->tokens[l->next];
	l->next = (l->next + 1) % TOKENS_MAX;
	forget(t);
	if (secret_set(&t->real, real, n, err) < 0)
		return NULL;
	t->login = login;
	t->phantom = make_phantom(real);
	t->phantom_n = strlen(t->phantom);
	return t->phantom;
}

/* ---- answers
 * -------------------------------------------------------------------------------------- */

static bool is_member(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (strlen(members[i]) == n && !memcmp(members[i], name, n))
			return true;
	return false;
}

static int replace_members(struct logins *l, size_t login, cJSON *v, struct err *err)
{
	for (; v; v = v->next) {
		const char *phantom;

		if (cJSON_IsString(v) && v->string && is_member(v->string, strlen(v->string)) &&
		    strlen(v->valuestring) >= TOKEN_MIN) {
			phantom = phantom_for(l, login, v->valuestring, err);
			explicit_bzero(v->valuestring, strlen(v->valuestring));
			if (!phantom || !cJSON_SetValuestring(v, phantom))
				return -1;
		}
		if (v->child && replace_members(l, login, v->child, err) < 0)
			return -1;
	}
	return 0;
}

static int answer_json(struct logins *l, size_t login, cJSON *root, struct buf *out,
		       struct err *err)
{
	int r = replace_members(l, login, root, err);
	char *text = r == 0 ? cJSON_PrintUnformatted(root) : NULL;

	if (text)
		buf_adds(out, text);
	free(text);
	credential_wipe_json(root);
	cJSON_Delete(root);
	return r == 0 && !text ? err_set(err, "the answer of the login can't be written") : r;
}

/* "access_token=...&scope=..." */
static int answer_form(struct logins *l, size_t login, const char *body, size_t n, struct buf *out,
		       struct err *err)
{
	for (size_t at = 0; at < n;) {
		const char *p = body + at, *and = memchr(p, '&', n - at);
		size_t part = and? (size_t)(and-p) : n - at;
		const char *eq = memchr(p, '=', part);
		size_t name = eq ? (size_t)(eq - p) : part;
		const char *phantom;

		if (eq && is_member(p, name) && part - name - 1 >= TOKEN_MIN) {
			_cleanup_(secret_free) struct secret real = {0};

			if (target_unescape(&real, eq + 1, part - name - 1, err) < 0)
				return -1;
			phantom = phantom_for(l, login, real.data, err);
			if (!phantom)
				return -1;
			buf_addf(out, "%.*s=%s", (int)name, p, phantom);
		} else {
			buf_add(out, p, part);
		}
		if (and)
			buf_addc(out, '&');
		at += part + 1;
	}
	return 0;
}

static bool is_plain_form(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("{}\"<> \t\r\n", s[i])) /* NUL as well */
			return false;
	return true;
}

int credentials_login_answer(struct credentials *c, const struct policy_login *login,
			     const char *body, size_t n, struct buf *out, struct err *err)
{
	size_t index = (size_t)(login - c->config->network.logins);
	cJSON *root = cJSON_ParseWithLength(body, n);

	if (root)
		return answer_json(c->logins, index, root, out, err);
	/* Neither JSON nor a form, and tokens in it: nobody knows where they end. */
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (memmem(body, n, members[i], strlen(members[i])) && !is_plain_form(body, n))
			return err_set(err, "the answer of the login is of no known form");
	return answer_form(c->logins, index, body, n, out, err);
}

/* ---- requests
 * ------------------------------------------------------------------------------------- */

static const struct token *find_token(const struct logins *l, const char *s, size_t n)
{
	const struct token *found = NULL;

	for (size_t i = 0; i < TOKENS_MAX; i++)
		if (l->tokens[i].phantom &&
		    secret_equal(s, n, l->tokens[i].phantom, l->tokens[i].phantom_n))
			found = &l->tokens[i];
	return found;
}

const struct policy_login *credentials_login(const struct credentials *c,
					     const struct net_host *host, uint16_t port,
					     const struct credential_head *head)
{
	size_t n, path;
	const char *t = head->target(head->data, &n), *question = memchr(t, '?', n);

	path = question ? (size_t)(question - t) : n;
	for (size_t i = 0; i < c->logins->n; i++) {
		const struct login *l = &c->logins->v[i];

		if (l->port == port && str_eq(l->host.name, host->name) &&
		    strlen(l->path) == path && !memcmp(l->path, t, path))
			return l->policy;
	}
	return NULL;
}

static int add_json(struct secret *out, const struct secret *real, struct err *err)
{
	struct buf b = {0};
	int r;

	buf_reserve(&b, 6 * real->len + 3); /* so that it does not move */
	buf_add_json_str(&b, real->data, real->len);
	r = secret_add(out, b.data + 1, b.len - 2, err);
	explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return r;
}

static bool is_form(const struct credential_head *head)
{
	static const char form[] = "application/x-www-form-urlencoded";
	size_t n;
	const char *type = head->get(head->data, "content-type", 0, &n);

	return type && n >= sizeof(form) - 1 && !strncasecmp(type, form, sizeof(form) - 1);
}

/* The first stand-in of this login in the text, and where. */
static const struct token *next_token(const struct logins *l, size_t login, const char *body,
				      size_t n, size_t *where)
{
	const struct token *found = NULL;

	for (size_t i = 0; i < TOKENS_MAX; i++) {
		const struct token *t = &l->tokens[i];
		const char *p = t->phantom && t->login == login
				    ? memmem(body, n, t->phantom, t->phantom_n)
				    : NULL;

		if (p && (!found || (size_t)(p - body) < *where)) {
			*where = (size_t)(p - body);
			found = t;
		}
	}
	return found;
}

int credentials_login_request(struct credentials *c, const struct policy_login *login,
			      const struct credential_head *head, const char *body, size_t n,
			      struct secret *out, struct err *err)
{
	size_t index = (size_t)(login - c->config->network.logins), where = 0;
	bool form = is_form(head);
	const struct token *t;

	/* What comes back must be readable. */
	head->remove(head->data, "accept-encoding");
	while ((t = next_token(c->logins, index, body, n, &where))) {
		if (secret_add(out, body, where, err) < 0 ||
		    (form ? target_escape(out, t->real.data, t->real.len, err)
			  : add_json(out, &t->real, err)) < 0)
			return -1;
		body += where + t->phantom_n;
		n -= where + t->phantom_n;
	}
	return secret_add(out, body, n, err);
}

static bool goes_to(const struct logins *l, const struct token *t, const char *host)
{
	const struct login *login = &l->v[t->login];

	if (str_eq(login->host.name, host))
		return true;
	for (char **h = login->policy->hosts; h && *h; h++)
		if (net_pattern_matches(*h, host))
			return true;
	return false;
}

bool credentials_login_headers(struct credentials *c, const struct net_host *host,
			       const struct credential_head *head)
{
	bool any = false;

	if (!c->logins->n)
		return false;
	for (size_t i = 0; credential_key_headers[i]; i++) {
		const char *name = credential_key_headers[i];
		_cleanup_(secret_free) struct secret value = {0};
		const struct token *t;
		const char *v, *word;
		size_t n;

		v = head->get(head->data, name, 0, &n);
		if (!v || n > SECRET_MAX)
			continue;
		word = memrchr(v, ' ', n);
		word = word ? word + 1 : v;
		t = find_token(c->logins, word, n - (size_t)(word - v));
		if (!t || !goes_to(c->logins, t, host->name) ||
		    secret_set(&value, v, (size_t)(word - v), NULL) < 0 ||
		    secret_add(&value, t->real.data, t->real.len, NULL) < 0)
			continue;
		head->remove(head->data, name);
		any |= head->add(head->data, name, value.data, value.len) == 0;
	}
	return any;
}
