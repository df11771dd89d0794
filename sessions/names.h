/*
 * names - names of sessions, unique among live ones.
 *
 * A name in use is a symbolic link <state>/sessions/names/NAME -> "ID.PID.STARTTIME". Making a link
 * is atomic and says who holds it, so that 64 starts at once need no lock and no look at all
 * records; a holder that is gone is replaced.
 */
#ifndef NONO_SESSIONS_NAMES_H
#define NONO_SESSIONS_NAMES_H

#include "common/common.h"
#include "sessions/sessions.h"

/* Takes wanted, or makes up an adjective-noun if it is NULL. pid is the supervisor's. */
int name_take(const char *wanted, const char *id, pid_t pid, char out[SESSION_NAME_MAX],
	      struct err *err);
/* Which live session has this name; false if none. A look, no lock. */
bool name_holder(const char *name, char id[SESSION_ID_LEN + 1]);
/* The session has ended but its broker lingers: the name is free, the broker still known as dead or
 * alive (under "-ID"). */
void name_retire(const char *name, const char *id);
/* Gives it back if this session holds it; NULL: the retired one. */
void name_release(const char *name, const char *id);
/* Calls fn for every holder that is dead, then removes its link. */
void names_sweep(void (*fn)(void *data, const char *id), void *data);

#endif
