/* attest - the signature of a session's record: an in-toto statement about its log, in a bundle
 * that nono-sign makes and checks. */
#ifndef NONO_AUDIT_ATTEST_H
#define NONO_AUDIT_ATTEST_H

#include "audit/audit.h"
#include "audit/store.h"

#include <cjson/cJSON.h>

#define ATTEST_TYPE "https://nono.sh/attestation/audit-session/alpha"

/* Writes the bundle and says so in m. What fails is said on standard error: the record of a session
 * that is over must be written all the same. */
void attest(struct session_meta *m, int dirfd, const struct audit_signer *s);

struct attestation {
	bool present, ok; /* ok: what there is holds, and what was asked for is there */
	char key_id[65], error[300];
	bool key_id_matches, signature, root, session;
	int expected; /* 1, 0; -1 = no key was given */
};
void attestation_check(const struct session_meta *m, int dirfd,
		       const struct audit_verify_options *o, struct attestation *out);
cJSON *attestation_json(const struct attestation *a);
void attestation_print(const struct attestation *a);

#endif
