/* log_state - the log of a running session, between log.c, log_writer.c and log_emit.c. */
#ifndef NONO_AUDIT_LOG_STATE_H
#define NONO_AUDIT_LOG_STATE_H

#include "audit/attest.h"
#include "audit/audit.h"
#include "audit/format.h"
#include "audit/log_exe.h"
#include "audit/store.h"
#include "audit/trees.h"
#include "audit/writer.h"

#include <stdatomic.h>

/* What the writer's futex word says. */
enum { AWAKE = 0, ASLEEP, HURRY, STOP };

struct audit_log {
	struct ring ring;
	pthread_mutex_t drain;
	struct writer w; /* under drain */
	struct format_clock clock;
	struct session_meta meta;
	struct exe_hash exe;
	int dirfd;
	pthread_t thread;
	bool begun;
	_Atomic uint32_t word;
	_Atomic bool failed;
	_Atomic uint64_t lost, events, denials, commands;
	pthread_mutex_t network_lock;
	struct buf network;	   /* for session.json: what is between the brackets */
	struct buf snapshot_roots; /* the same, of audit_log_snapshots() */
	uint64_t n_network;
	bool tool_sandbox;
	struct audit_signer signer;
	const struct audit_redaction *redaction;
	struct trees trees;
};

/* seen: what the word was when the caller looked. Who changes it wakes; the others need not. */
void log_wake_writer(struct audit_log *log, uint32_t seen, uint32_t next);
int log_start_thread(struct audit_log *log, struct err *err);
/* Waits for it; what is in the ring stays there. */
void log_stop_thread(struct audit_log *log);
/* What was formatted goes to the file. drain held, or nobody else there. */
int log_write_out(struct audit_log *log);
/* Empties the ring, or waits for who does so. result: -1 if it could not be written. */
bool log_drain(struct audit_log *log, int *result);
/* A line that says how many events were lost. drain held, or nobody else there. */
void log_note_lost(struct audit_log *log);

#endif
