/* cmd://NAME: a program of the profile that prints the secret. */
#include <cjson/cJSON.h>

#include "network/credentials/internal.h"

#define CAPTURE_TIMEOUT_S 5

int credential_list_add(struct secret *s, const char *name, const char *value, struct err *err)
{
	return secret_add(s, name, strlen(name) + 1, err) < 0 ||
		       secret_add(s, value, strlen(value) + 1, err) < 0
		   ? -1
		   : 0;
}

const char *credential_list_get(const struct secret *s, const char *name)
{
	for (size_t at = 0; at < s->len;) {
		const char *n = s->data + at, *v = n + strlen(n) + 1;

		if (v >= s->data + s->len)
			break;
		if (str_eq(n, name))
			return v;
		at = (size_t)(v - s->data) + strlen(v) + 1;
	}
	return NULL;
}

static const struct policy_capture *find(const struct policy_network *n, const char *name)
{
	for (size_t i = 0; n && i < n->n_captures; i++)
		if (str_eq(n->captures[i].name, name))
			return &n->captures[i];
	return NULL;
}

static bool in_list(char *const *v, const char *name)
{
	for (; v && *v; v++)
		if (!strcasecmp(*v, name))
			return true;
	return false;
}

static char *setting(const char *name, const char *value)
{
	return xasprintf("%s=%s", name, value);
}

/* What the command may know of the request. */
static char **environment(const struct policy_capture *p, const struct credential_facts *f)
{
	char **v = xcalloc(7, sizeof(*v));

	v[0] = setting("NONO_CAPTURE_CREDENTIAL", p->name);
	v[1] = setting("NONO_SESSION_ID", f->session);
	v[2] = setting("NONO_REQUEST_HOST", f->host);
	v[3] = setting("NONO_REQUEST_METHOD", f->method);
	v[4] = setting("NONO_REQUEST_PATH", f->path);
	return v;
}

static void request_json(const struct policy_capture *p, const struct credential_facts *f,
			 struct buf *out)
{
	const struct {
		const char *name, *value;
	} members[] = {{"credential", p->name},
		       {"session_id", f->session},
		       {"host", f->host},
		       {"method", f->method},
		       {"path", f->path}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		buf_addf(out, "%s\"%s\":", i ? "," : "{", members[i].name);
		buf_add_json_str(out, members[i].value, strlen(members[i].value));
	}
	buf_adds(out, "}\n");
}

void credential_wipe_json(cJSON *v)
{
	for (; v; v = v->next) {
		if (v->valuestring)
			explicit_bzero(v->valuestring, strlen(v->valuestring));
		credential_wipe_json(v->child);
	}
}

/* {"headers": {"Name": "value"}} of those that it may set, or {"value": "secret"}. */
static int take_json(const struct policy_capture *p, const cJSON *root, struct secret *out,
		     bool *list, struct err *err)
{
	const cJSON *headers = cJSON_GetObjectItemCaseSensitive(root, "headers"), *h;
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, "value");

	if (cJSON_IsString(value))
		return secret_set(out, value->valuestring, strlen(value->valuestring), err);
	if (!cJSON_IsObject(headers))
		return err_set(err,
			       "credential cmd://%s: the command must print {\"headers\": {...}} "
			       "or {\"value\": \"...\"}",
			       p->name);
	*list = true;
	cJSON_ArrayForEach(h, headers)
	{
		if (!in_list(p->headers, h->string))
			return err_set(err,
				       "credential cmd://%s: the command may not set the header "
				       "%.60s (allow_headers)",
				       p->name, h->string);
		if (!cJSON_IsString(h))
			return err_set(err, "credential cmd://%s: a header is no text", p->name);
		if (credential_list_add(out, h->string, h->valuestring, err) < 0)
			return -1;
	}
	return out->len ? 0 : err_set(err, "credential cmd://%s: no header", p->name);
}

static int read_json(const struct policy_capture *p, struct secret *printed, struct secret *out,
		     bool *list, struct err *err)
{
	cJSON *root = cJSON_ParseWithLength(printed->data, printed->len);
	int r;

	if (!root)
		return err_set(err, "credential cmd://%s: what it prints is no JSON", p->name);
	r = take_json(p, root, out, list, err);
	credential_wipe_json(root);
	cJSON_Delete(root);
	return r;
}

int credential_from_capture(const struct credential_reference *r, struct credential_context *c,
			    struct secret *out, struct err *err)
{
	static const struct credential_facts none;
	const struct policy_capture *p = find(c->network, r->rest);
	const struct credential_facts *facts = c->facts ? c->facts : &none;
	_cleanup_(secret_free) struct secret printed = {0};
	_cleanup_(buf_free) struct buf input = {0};
	struct secret *into = p && p->json ? &printed : out;
	char what[300], **env;
	int status = 0, done;

	if (!p)
		return err_set(err, "credential %s: the profile has no such credential_capture",
			       r->text);
	c->ttl_s = p->ttl_s;
	snprintf(what, sizeof(what), "credential %.250s", r->text);
	if (p->stdin_json)
		request_json(p, facts, &input);
	env = environment(p, facts);
	done = credential_run(
	    &(struct credential_run){.argv = p->command,
				     .env = env,
				     .input = p->stdin_json ? input.data : NULL,
				     .input_n = input.len,
				     .timeout_s = p->timeout_s ? p->timeout_s : CAPTURE_TIMEOUT_S,
				     .what = what},
	    into, &status, err);
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(env);
	if (done < 0)
		return -1;
	if (status)
		return err_set(err, "%s: '%s' ended with code %d", what, p->command[0], status);
	return p->json ? read_json(p, &printed, out, &c->list, err) : 0;
}
