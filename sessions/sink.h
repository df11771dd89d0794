/*
 * sink - the process that brings a session's events elsewhere while they are written: nono-export.
 * Made before the supervisor and not below it, so that it outlives the session and no end of it
 * takes along what is not delivered; the log waits for nothing it does.
 */
#ifndef NONO_SESSIONS_SINK_H
#define NONO_SESSIONS_SINK_H

#include "sessions/sessions.h"

/* Does nothing without o->audit_sink. Fails if that is no sink or the program is missing. */
int sink_process_start(const struct session_options *o, const char *id, struct err *err);

#endif
