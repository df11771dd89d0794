/*
 * log_exe - the SHA-256 of the program that a session runs. The file is opened when the session
 * starts, so it is that very file, and read piece by piece beside the events.
 */
#ifndef NONO_AUDIT_LOG_EXE_H
#define NONO_AUDIT_LOG_EXE_H

#include "audit/hash.h"

struct exe_hash {
	int fd; /* -1 = nothing to do */
	void *piece;
	uint64_t offset;
	SHA256_CTX ctx;
	char hex[HASH_HEX];
};

void exe_hash_start(struct exe_hash *x, const char *path); /* path may be NULL */
/* Reads one piece. True if there is more. */
bool exe_hash_step(struct exe_hash *x);
/* Reads the rest; "" if the file could not be read. A large program that ended at once is waited
 * for (0.3 s for 400 MB): a record without the identity would be worth less. */
void exe_hash_finish(struct exe_hash *x, char out[HASH_HEX]);
void exe_hash_free(struct exe_hash *x);

#endif
