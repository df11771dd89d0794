/* audit - what the subcommands of nono audit share. */
#ifndef NONO_CLI_AUDIT_H
#define NONO_CLI_AUDIT_H

#include "cli/cli.h"

#define ROW(type, member) .offset = offsetof(struct type, member)

extern const struct command command_audit_prove, command_audit_checkpoint, command_audit_check,
    command_audit_export;

/* A session by its id, what begins it, or its name. */
int audit_session(const char *what, char id[65], struct err *err);

#endif
