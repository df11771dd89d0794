/* OAuth2 client credentials (RFC 6749 4.4): a token for the client itself. The request is made by a
 * program of its own, nono-token, which links libcurl. */
#include <cjson/cJSON.h>

#include "network/credentials/internal.h"

#define OAUTH_TIMEOUT_S 40
#define OAUTH_TTL_S	300 /* of a token that does not say */

/* Names and values of what nono-token reads: see token/main.c. */
static int make_input(const struct policy_route *r, const struct policy_network *n,
		      struct secret *input, struct err *err)
{
	const struct {
		const char *name, *reference;
	} secrets[] = {{"client_id", r->oauth.client_id},
		       {"client_secret", r->oauth.client_secret}};

	if (credential_list_add(input, "token_url", r->oauth.token_url, err) < 0 ||
	    (r->oauth.scope && credential_list_add(input, "scope", r->oauth.scope, err) < 0) ||
	    (r->tls_ca && credential_list_add(input, "tls_ca", r->tls_ca, err) < 0) ||
	    (n && n->upstream_proxy &&
	     credential_list_add(input, "proxy", n->upstream_proxy, err) < 0))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		_cleanup_(secret_free) struct secret s = {0};

		if (credential_load(secrets[i].reference, n, NULL, &s, NULL, NULL, err) < 0 ||
		    credential_list_add(input, secrets[i].name, s.data, err) < 0)
			return -1;
	}
	return 0;
}

static int take_answer(const struct policy_route *r, const struct secret *printed,
		       struct secret *out, unsigned *ttl_s, struct err *err)
{
	cJSON *root = cJSON_ParseWithLength(printed->data, printed->len);
	const char *token =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "access_token"));
	const char *type =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "token_type"));
	const cJSON *expires = cJSON_GetObjectItemCaseSensitive(root, "expires_in");
	double left = cJSON_IsNumber(expires) ? expires->valuedouble : OAUTH_TTL_S;
	int done;

	if (!token || !*token)
		done = err_set(err, "%s: the answer holds no access_token", r->oauth.token_url);
	else if (type && strcasecmp(type, "bearer"))
		done = err_set(err, "%s: a token of the type %.20s", r->oauth.token_url, type);
	else
		done = secret_set(out, token, strlen(token), err);
	/* Renewed before it ends. */
	left -= left > 600 ? 60 : left / 10;
	*ttl_s = left < 1 ? 1 : left > 86400 ? 86400 : (unsigned)left;
	credential_wipe_json(root);
	cJSON_Delete(root);
	return done;
}

int credential_load_oauth(const struct policy_route *route, const struct policy_network *n,
			  struct secret *out, unsigned *ttl_s, struct err *err)
{
	_cleanup_free_ char *helper = credential_helper("nono-token", err);
	_cleanup_(secret_free) struct secret input = {0}, printed = {0};
	char what[300];
	int status;

	if (!helper || make_input(route, n, &input, err) < 0)
		return -1;
	snprintf(what, sizeof(what), "token of %.200s", route->oauth.token_url);
	if (credential_run(&(struct credential_run){.argv = (char *[]){helper, NULL},
						    .input = input.data,
						    .input_n = input.len,
						    .timeout_s = OAUTH_TIMEOUT_S,
						    .what = what},
			   &printed, &status, err) < 0)
		return -1;
	/* What went wrong is the program's output then; it never prints what it sent. */
	if (status)
		return err_set(err, "%s: %.200s", what, printed.len ? printed.data : "failed");
	return take_answer(route, &printed, out, ttl_s, err);
}
