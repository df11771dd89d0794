/*
 * signer - the process that holds the key which the audit log is signed with: nono-sign, started
 * before the broker gives up rights, at the other end of a socket. It signs what it is given until
 * the socket ends.
 */
#ifndef NONO_SESSIONS_SIGNER_H
#define NONO_SESSIONS_SIGNER_H

#include "audit/audit.h"
#include "policy/policy.h"

struct signer {
	int fd; /* -1: none */
	pid_t pid;
	char key_id[65];
	char *public_key; /* base64 of its DER */
};

/* A file that is named by a relative path gets its whole one (caller frees), all else stays as it
 * is: the broker of a session in the background works in /. Nothing is looked at. */
int signer_key(const char *key, char **out, struct err *err);
/* key: a file in PEM, "pkcs11:...", or a reference to a credential (credentials.h). p: whose
 * program must not be able to read the file; may be NULL. Fails if the key can't be had. */
int signer_start(const char *key, const struct policy *p, struct signer *s, struct err *err);
/* Waits 10 s at most. data is the struct signer: as audit_log_sign() wants it. */
int signer_sign(void *data, const char *statement, size_t n, struct buf *bundle, struct err *err);
void signer_stop(struct signer *s);

#endif
