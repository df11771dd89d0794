/* rollback_place - a place of snapshots, opened with care. Internal to the room. */
#ifndef NONO_SESSIONS_ROLLBACK_PLACE_H
#define NONO_SESSIONS_ROLLBACK_PLACE_H

#include "sessions/rollback_store.h"

/* The directory with the id; err names it. */
int place_open(const char *path, const char *id, struct err *err);
/* No session that is running may write there. */
int place_unreached(const char *path, struct err *err);

#endif
