/* confine - takes from nono-export what it needs no more. */
#ifndef NONO_AUDIT_EXPORT_CONFINE_H
#define NONO_AUDIT_EXPORT_CONFINE_H

#include "audit/audit.h"

/* What is open stays. Reading below the record's directory stays, and, unless local, connections by
 * TCP and UDP with what resolvers and TLS read. */
int confine(const char *session, bool local, struct err *err);
/* Reading and writing in the record's directory, and nothing else. */
int confine_keeper(const char *session, struct err *err);
/* Before it: name service modules are programs, and none can be loaded afterwards. */
void load_resolver(const char *where, bool is_url);

#endif
