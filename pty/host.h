/* What the files of the screen host share. One thread. */
#ifndef NONO_PTY_HOST_H
#define NONO_PTY_HOST_H

#include "pty/delta.h"
#include "pty/input.h"
#include "pty/recording.h"

#define HOST_CLIENTS_MAX 64
#define TO_AGENT_MAX	 (PTY_FRAME_MAX + (64u << 10)) /* typed and pasted, not yet read */
#define REPLIES_MAX	 (64u << 10) /* answers are dropped when so much waits already */
#define EVENTS_MAX	 (2u << 20)  /* bells, notifications, clipboard for a client that is slow */

struct host_client {
	int fd;
	bool read_only, hello, over;
	bool in_flight; /* a delta was sent and not acknowledged */
	bool typed;	/* since the last delta: its echo should not wait */
	struct delta_base base;
	uint64_t sent_ns, sent_bytes; /* the last delta: when, how much output there had been */
	int cols, rows;
	bool want_history;
	uint64_t history_first, history_count;
	struct host_copy *copy; /* under way; NULL: nothing is */
	struct host_find *find; /* under way; NULL: nothing is */
	struct buf in, out;
};

struct host_row;
struct host_find {
	uint32_t id;
	bool back, wrapped;
	struct pty_needle needle;
	uint64_t line, left; /* looked at next; lines after it */
	int low, high;	     /* columns in which a match may begin there */
	struct pty_row_text text;
	struct host_row *row;
};

struct host {
	int master, control; /* -1: closed */
	struct terminal *t;
	struct host_client *clients[HOST_CLIENTS_MAX];
	size_t n_clients;
	struct buf to_agent;
	struct recorder recorder;
	struct pty_control message; /* under way */
	size_t message_got;
	int message_fd;
	bool exited, ended, quit;
	uint64_t retry_ns;	/* when to look again at a terminal nobody has open; 0: no */
	uint64_t hold_ns;	/* since when synchronized output holds a delta back; 0: not */
	uint64_t last_event_ns; /* bell, notification, clipboard */
	unsigned events_left;
	struct pty_report report, reported;
	uint64_t reported_ns;
	size_t report_sent; /* bytes of `reported` that are out; sizeof: all */
	uint8_t *chunk;	    /* output: read, and parsed up to chunk_at */
	size_t chunk_at, chunk_len;
};

/* host_client.c */
void host_client_add(struct host *h, int fd, bool read_only);
void host_client_free(struct host_client *c);
void host_client_read(struct host *h, struct host_client *c);
void host_client_send(struct host_client *c);
/* A frame for every client that is not too slow for it. */
void host_broadcast(struct host *h, enum frame_type type, const void *p, size_t n);
/* Sends what is due; returns when to come again (0: nothing waits for time). */
uint64_t host_deltas(struct host *h, uint64_t now);

struct host_copy {
	uint32_t id;
	uint64_t line, end_line; /* next; last */
	int col, end_col;	 /* first in the next line, last in the last one */
	bool cut;		 /* there was more than a client gets */
	struct buf out;
	struct pty_row_text text;
	struct host_row *row;
};

/* host_rows.c: rows of the scrollback and, behind them, of the screen. */
struct host_row *host_row_new(void); /* free() it; NULL without memory */
uint64_t host_rows_end(const struct terminal *t);
bool host_row_read(struct host_row *r, const struct terminal *t, uint64_t line);
bool host_row_goes_on(const struct host_row *r);
void host_row_reveal_nothing(struct host_row *r); /* concealed cells become blanks */
/* Cells from..to-1. */
void host_row_text(struct host_row *r, int from, int to, bool fold, struct pty_row_text *out);

/* host_copy.c */
void host_copy_begin(struct host *h, struct host_client *c, struct reader *r);
void host_copy_end(struct host_client *c);
bool host_copy_step(struct host *h, struct host_client *c); /* false: it is answered */

/* host_find.c */
void host_find_begin(struct host *h, struct host_client *c, struct reader *r);
void host_find_end(struct host_client *c);
/* Goes on with a search; false: it is answered. */
bool host_find_step(struct host *h, struct host_client *c);

/* host_report.c */
uint64_t host_report(struct host *h, uint64_t now, bool at_once);

/* host.c */
void host_set_size(struct host *h, int cols, int rows);

#endif
