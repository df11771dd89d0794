/* What the files of this room share. */
#ifndef NONO_CREDENTIALS_INTERNAL_H
#define NONO_CREDENTIALS_INTERNAL_H

#include <limits.h>

#include "network/credentials/credentials.h"

/* ---- references (reference.c) -----------------------------------------------------------------
 */

enum credential_kind {
	CREDENTIAL_ACCOUNT = 0,
	CREDENTIAL_KEYRING,
	CREDENTIAL_ENV,
	CREDENTIAL_FILE,
	CREDENTIAL_KERNEL,
	CREDENTIAL_CMD,
	CREDENTIAL_OP,
	CREDENTIAL_BW,
	CREDENTIAL_VAULT,
	CREDENTIAL_KINDS
};
struct credential_reference {
	enum credential_kind kind;
	const char *text; /* whole, for messages */
	const char *rest; /* behind "://" */
};
int credential_reference_parse(const char *text, struct credential_reference *out, struct err *err);
bool credential_is_account(const char *s);

/* ---- programs (run.c) -------------------------------------------------------------------------
 */

/* How nono-keyring ends. */
enum { KEYRING_NO_ENTRY = 3, KEYRING_NO_SERVICE = 4 };

/* ---- sources ----------------------------------------------------------------------------------
 */

struct credential_context {
	const struct policy_network *network;
	const struct credential_facts *facts;
	unsigned ttl_s;
	bool list;
};
#define CREDENTIAL_FOREVER UINT_MAX
/* One line, as editors and "echo" leave it: the line's end is taken off. NUL is an error. */
int credential_take_line(struct secret *s, const char *what, struct err *err);
int credential_from_command(const struct credential_reference *r, struct credential_context *c,
			    struct secret *out, struct err *err);
int credential_from_capture(const struct credential_reference *r, struct credential_context *c,
			    struct secret *out, struct err *err);

/* The helper for keyrings: exit code, -1 with err. "remove", "set" with input, ... */
int credential_keyring(const char *verb, const char *service, const char *account,
		       const struct secret *input, const char *what, struct secret *out,
		       struct err *err);
/* What its exit code means, for messages; 0 = done. */
int credential_keyring_status(int status, const char *what, struct err *err);
/* Of a keyring:// or an account; *service is to be freed. */
const char *credential_keyring_entry(const struct credential_reference *r, char **service);
long credential_kernel_find(const char *description);

/* "name\0value\0" ... */
int credential_list_add(struct secret *s, const char *name, const char *value, struct err *err);
const char *credential_list_get(const struct secret *s, const char *name);

/* cJSON copies what it reads: wiped before it is freed. */
struct cJSON;
void credential_wipe_json(struct cJSON *v);

/* List: access_key, secret_key, token (perhaps), region (perhaps). */
int credential_load_aws(const struct policy_route *route, struct secret *out, unsigned *ttl_s,
			struct err *err);
/* The access token. */
int credential_load_oauth(const struct policy_route *route, const struct policy_network *n,
			  struct secret *out, unsigned *ttl_s, struct err *err);

#endif
