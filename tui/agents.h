/*
 * agents - the sessions as the front end knows them: agents.c, agent_calls.c, agent_connect.c,
 * agent_screen.c. Loop thread.
 */
#ifndef NONO_TUI_AGENTS_H
#define NONO_TUI_AGENTS_H

#include "tui/dialog.h"
#include "tui/tui.h"
#include "tui/watch.h"

#define CALLS_MAX 32

struct agent;
typedef void (*call_fn)(struct agent *a, const cJSON *answer, int fd, const char *ctx);

struct pending_call {
	int seq;
	call_fn fn;
	char *ctx;
};

struct open_request {
	struct session_request_info info;
	bool dismissed; /* Esc: stays open, not shown by itself */
	bool counted;	/* was among "all" when the person was told how many that are */
};

#define HISTORY_PIECE  64 /* lines; a multiple of it begins a piece */
#define HISTORY_PIECES 16 /* more than the tallest pane shows */

struct history_cache { /* rows fetched from the scrollback */
	struct history_piece {
		uint64_t first;
		size_t count; /* 0: free */
		int cols;
		uint64_t used;
		struct pty_cell *cells;
		size_t cap; /* cells */
	} pieces[HISTORY_PIECES];
	uint64_t clock;
	uint64_t asked_first, asked_count; /* under way; count 0: nothing */
	uint64_t nothing, nothing_gen;	   /* asked for in vain, with the screen of then */
};

struct violation_item {
	char target[1024], op[16], program[256], rule[256];
	char tool[65]; /* refused to it, "" = to the agent */
	uint64_t count, first_ns, last_ns;
	bool hidden, grantable;
};

struct host_item { /* a host that a session spoke with through the network proxy */
	char host[256], last[TIME_STR_MAX], rule[128], program[256];
	uint16_t port, status;
	uint64_t connections, requests, denied, errors, bytes_in, bytes_out;
};

struct agent {
	struct tui *tui;
	char id[SESSION_ID_LEN + 1];
	char name[SESSION_NAME_MAX];
	char *profile, *workdir;
	char **command;
	bool terminal;
	uint64_t started_ns; /* CLOCK_REALTIME */
	bool listed;	     /* in the last listing */
	bool ended;
	int exit_code;
	uint64_t ended_ns; /* monotonic */
	bool connecting;
	unsigned failures; /* connections that did not work, in a row */
	struct session_client *control;
	struct watch *control_watch;
	bool control_over; /* free it when its own callbacks are done */
	struct session_state state;
	struct pending_call calls[CALLS_MAX];
	struct open_request **requests;
	size_t n_requests;

	struct pty_client *screen;
	struct watch *screen_watch;
	bool screen_asked, screen_over;
	int view_cols, view_rows; /* size told to the host */
	bool visible;		  /* in a pane of the current picture */
	struct history_cache history;
	uint32_t copy_id; /* of the text it was asked for; 0: what it sends was not asked for */

	struct host_item *hosts;
	size_t n_hosts;
	bool hosts_asked;
	uint64_t hosts_ns; /* when asked last, monotonic */
	char network[16];  /* "proxy", "open", "blocked", "" = unknown */
	struct violation_item *violations;
	size_t n_violations;
	bool violations_asked;
	uint64_t violations_ns, violations_seen; /* when asked last; state.denied then */
	uint64_t screen_over_ns;		 /* monotonic */
	bool dropped; /* nono detach let this client go, the session goes on */
};

void agents_refresh(struct tui *t);			    /* reads the registry */
struct agent *agents_get(struct tui *t, const char *id);    /* by exact id; NULL */
struct agent *agents_add_id(struct tui *t, const char *id); /* also an ended one; NULL */
void agents_connect(struct tui *t);	 /* connects what is not, visible ones first */
void agent_connect_now(struct agent *a); /* in this thread: for the first picture */
void agents_free(struct tui *t);
/* agents.c, for agent_connect.c: callbacks of a connection; it is made. */
struct session_client_events agent_events(struct agent *a);
void agent_connected(struct agent *a, struct session_client *c);
enum session_activity agent_activity(const struct agent *a);
const char *agent_profile(const struct agent *a);
/* Sends op; fn gets the answer (NULL answer: the connection is gone). False: not connected. */
bool agent_call(struct agent *a, const char *op, cJSON *args, call_fn fn, const char *ctx);
bool answer_ok(const cJSON *answer);
const char *answer_error(const cJSON *answer);
/* Is the client one that may, and does the session live? Else that is said. */
bool agent_may_change(struct agent *a);
/* An answer with the diff of a profile: shown; confirmed (with ctx) is who writes it. fd is closed.
 */
void agent_show_change(struct agent *a, const cJSON *answer, int fd, const char *title,
		       const char *ctx, dialog_fn confirmed);
void agent_stop(struct agent *a, bool force);
void agent_screen_want(struct agent *a, bool visible, int cols, int rows);
void agent_screen_close(struct agent *a);
void agent_flush(struct agent *a); /* after input was queued */
/* Row of the screen or the scrollback, cols cells; NULL: there is none, or it was asked for. Good
 * until the next event. */
const struct pty_cell *agent_row(struct agent *a, const struct pty_screen *s, uint64_t line,
				 int *cols);
void agent_history_got(struct agent *a, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells);
void agent_history_forget(struct agent *a);
void agent_control_closed(struct agent *a);

#endif
