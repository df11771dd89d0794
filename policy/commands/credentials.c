/* What a tool has and its caller never sees: a socket, a file, a secret in a variable, or one that
 * the tool's own proxy puts into requests. */
#include "policy/commands/decode.h"
#include "policy/network/lists.h"
#include "policy/resolve.h"

static const char *const types[] = {"local-socket", "raw-file", "proxy", "ambient"};

/* ---- as a profile says it ------------------------------------------------------------------- */

static int take_type(const struct decoder *d, const struct doc *v, void *to)
{
	unsigned n;

	if (decode_choice(d, v, types, ARRAY_LEN(types), &n) < 0)
		return -1;
	*(enum command_credential_type *)to = (enum command_credential_type)n;
	return 0;
}

static int take_mode(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const modes[] = {"connect"};
	unsigned n;

	(void)to;
	return decode_choice(d, v, modes, ARRAY_LEN(modes), &n);
}

static int take_variable(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_string(d, v, to) < 0)
		return -1;
	if (!variable_name_ok(v->string) || !policy_env_settable(v->string) ||
	    str_eq(v->string, "PATH") || str_starts(v->string, "NONO_"))
		return doc_error(d->label, v, d->err, "the variable %.64s can't be set", v->string);
	return 0;
}

static int take_source(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const kinds[] = {"keystore", "command"};
	struct command_credential *c = to;
	const struct doc *type = doc_get(v, "type"), *key = doc_get(v, "key");
	const struct doc *command = doc_get(v, "command");
	unsigned n;

	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	if (!type)
		return doc_error(d->label, v, d->err, "a source needs a type");
	doc_each(m, v)
	{
		if (m != type && m != key && m != command)
			return doc_error(d->label, m, d->err, "a source has no member \"%.64s\"",
					 m->name);
	}
	if (decode_choice(d, type, kinds, ARRAY_LEN(kinds), &n) < 0)
		return -1;
	if (n == 0 && key && !command)
		return decode_string(d, key, &c->key);
	if (n == 1 && command && !key && decode_words(d, command, &c->command) == 0 && c->command.n)
		return 0;
	return doc_error(d->label, v, d->err, "keystore has a key, command a list of words");
}

#define CRED(member) offsetof(struct command_credential, member)
static const struct decode_row rows[] = {
    {"type", take_type, CRED(type)},
    {"path", decode_string, CRED(path)},
    {"mode", take_mode, 0},
    {"env_var", take_variable, CRED(env_var)},
    {"upstream", decode_string, CRED(upstream)},
    {"credential_key", decode_string, CRED(key)},
    {"base_url_env_var", take_variable, CRED(base_url_var)},
    {"inject_header", decode_string, CRED(header)},
    {"credential_format", decode_string, CRED(format)},
    {"source", take_source, 0},
    {"tls_ca", decode_string, CRED(tls_ca)},
    {"tls_client_cert", decode_string, CRED(tls_cert)},
    {"tls_client_key", decode_string, CRED(tls_key)},
    {0},
};

static int check(const struct decoder *d, const struct doc *v, const struct command_credential *c)
{
	bool file = c->type == CREDENTIAL_SOCKET || c->type == CREDENTIAL_FILE;
	const char *wrong = NULL;

	if (!doc_get(v, "type"))
		wrong = "which type of credential?";
	else if (file != (c->path != NULL))
		wrong = file ? "it needs a path" : "path belongs to local-socket and raw-file";
	else if ((c->type == CREDENTIAL_PROXY) != (c->upstream != NULL))
		wrong = c->upstream ? "upstream belongs to proxy" : "it needs an upstream";
	else if (c->type == CREDENTIAL_PROXY && !c->key == !c->command.n)
		wrong = "it needs a credential_key or a source";
	else if (c->type == CREDENTIAL_AMBIENT && (!c->env_var || c->command.n))
		wrong = "it needs an env_var, and a key at most";
	return wrong ? doc_error(d->label, v, d->err, "credential %s: %s", v->name, wrong) : 0;
}

static void clear(struct command_credential *c)
{
	char *const all[] = {c->path,	c->env_var, c->upstream, c->key,      c->base_url_var,
			     c->header, c->format,  c->tls_ca,	 c->tls_cert, c->tls_key};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]);
	words_free(&c->command);
	*c = (struct command_credential){.name = c->name};
}

struct command_credential *credential_find(const struct command_policies *p, const char *name)
{
	for (size_t i = 0; i < p->n_credentials; i++)
		if (str_eq(p->credentials[i].name, name))
			return &p->credentials[i];
	return NULL;
}

int decode_credentials(const struct decoder *d, const struct doc *v, void *policies)
{
	struct command_policies *p = policies;

	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		struct command_credential *c = credential_find(p, item->name);

		if (!command_name_ok(item->name))
			return doc_error(d->label, item, d->err,
					 "\"%.64s\" is no credential's name", item->name);
		if (!c) {
			p->credentials = xrealloc_array(p->credentials, p->n_credentials + 1,
							sizeof(*p->credentials));
			c = &p->credentials[p->n_credentials++];
			*c = (struct command_credential){.name = xstrdup(item->name)};
		}
		clear(c);
		if (decode_map(d, item, rows, c, "a credential") < 0 || check(d, item, c) < 0)
			return -1;
	}
	return 0;
}

void credentials_decoded_free(struct command_policies *p)
{
	for (size_t i = 0; i < p->n_credentials; i++) {
		clear(&p->credentials[i]);
		free(p->credentials[i].name);
	}
	free(p->credentials);
}
