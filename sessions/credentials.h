/*
 * credentials - secrets that a program gets as variables of its environment: from a variable of
 * ours, a file, or the keyring. They are read before anything is started, and are in no record, no
 * log and no argument list.
 */
#ifndef NONO_SESSIONS_CREDENTIALS_H
#define NONO_SESSIONS_CREDENTIALS_H

#include "common/common.h"

/* wanted: "VARIABLE=reference", NULL-terminated, may be NULL. *out: "VARIABLE=secret", the same
 * number; env_credentials_free(). References: network/credentials/credentials.h, but cmd://, which
 * is for requests. Messages never hold a secret. */
int env_credentials_load(char *const *wanted, char ***out, struct err *err);
void env_credentials_free(char **v); /* wipes them */

#endif
