/*
 * app - the state of one running front end and the seams between its files. Everything runs in
 * the loop thread, except that connections to brokers are made in worker threads.
 */
#ifndef NONO_TUI_APP_H
#define NONO_TUI_APP_H

#include <uv.h>

#include "tui/agents.h"
#include "tui/canvas.h"
#include "tui/config.h"
#include "tui/dialog.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/output.h"
#include "tui/scroll.h"
#include "tui/starter.h"
#include "tui/term.h"
#include "tui/theme.h"
#include "tui/tui.h"
#include "tui/watch.h"

#define FRAME_NS     16000000ull
#define GUARD_NS     500000000ull
#define TABS_MAX     32
#define REQUESTS_MAX 256
#define MESSAGE_NS   5000000000ull
#define REACTION_NS  150000000ull /* nobody answers sooner what has just been shown */
#define STALL_NS     300000000ull

/* ---- panes and tabs (panes.c, layout_store.c) --------------------------- */

enum pane_kind { PANE_TERMINAL = 0, PANE_AUDIT, PANE_VIOLATIONS, PANE_NETWORK, PANE_REVIEW };

struct audit_view;
struct review;
struct pane {
	struct tui *tui;
	enum pane_kind kind;
	struct agent *agent; /* NULL: of all sessions (audit, violations) */
	struct rect area;    /* with title */
	struct rect title;   /* h 0: none */
	struct rect body;
	bool shown;
	uint64_t drawn_gen; /* terminal: what the picture has of its screen, and of what size */
	int drawn_cols, drawn_rows;
	bool drawn_reverse;
	struct scroll_view scroll;
	int crop_x, crop_y; /* left and top of the agent's screen that is shown */
	struct audit_view *audit;
	struct review *review;
	struct list_view { /* violations, network: the session of the chosen row; the first seen */
		char agent[SESSION_ID_LEN + 1];
		size_t first;
	} list;
	struct violations_view {
		/* By what it is, not by its place: rows come and go while a finger is on a key. */
		char target[1024], op[16], tool[65];
		bool show_hidden;
		size_t left_out; /* hidden, as of the last look */
	} violations;
	struct network_view {
		char host[256]; /* what is chosen */
		uint16_t port;
		unsigned sort; /* enum network_sort */
		bool only_refused;
		char filter[64];
	} network;
};

struct tab {
	char name[32];
	struct layout layout;
	struct pane *focus;
	bool zoomed;
	enum preset preset;
};

struct pane *pane_new(struct tui *t, enum pane_kind kind, struct agent *a);
void pane_free(struct pane *p);
struct tab *tab_current(struct tui *t);
struct pane *pane_focused(struct tui *t); /* NULL: nothing is open */
struct tab *tab_new(struct tui *t);	  /* becomes current; NULL: too many */
void tab_select(struct tui *t, size_t i);
void pane_focus(struct tui *t, struct pane *p);
/* Into the current tab beside the focused pane, or into a tab of its own if how is SPLIT_LEAF or
 * there is no room. */
void pane_open(struct tui *t, struct pane *p, enum split how);
void pane_close(struct tui *t, struct pane *p);
struct pane *pane_find(struct tui *t, enum pane_kind kind, const struct agent *a, struct tab **tab);
struct pane *pane_at(struct tui *t, int x, int y);
void panes_arrange(struct tui *t); /* geometry, and which screens are wanted */
bool agent_has_pane(struct tui *t, const struct agent *a);
void layout_store(struct tui *t);   /* if it changed */
bool layout_restore(struct tui *t); /* false: nothing to restore */

/* ---- drawing ------------------------------------------------------------ */

void draw_frame(struct tui *t);
/* Only screens have changed: draws their new rows over the picture before. False: it needs a whole
 * one. */
bool draw_changes(struct tui *t);
void draw_terminal(struct pane *p, bool focused);
bool draw_terminal_changes(struct pane *p, bool focused);
void draw_audit(struct pane *p, bool focused);
void draw_review(struct pane *p, bool focused);
void draw_list(struct pane *p, bool focused); /* violations, network */
void draw_statusline(struct tui *t, int y);
struct agent *statusline_hit(struct tui *t, int x); /* session under the mouse */

/* ---- panes' keys: true if used ------------------------------------------ */

bool terminal_wheel(struct pane *p, const struct input_event *ev);
bool audit_key(struct pane *p, const struct input_event *ev);
bool audit_text(struct pane *p); /* the filter is being typed */
void audit_paste(struct pane *p, const char *text, size_t n);
/* The session's events about text, in the audit pane of this tab or in a new one. */
void audit_show_events(struct tui *t, struct agent *a, const char *text, bool denied);
bool audit_poll(struct pane *p); /* new events; true: there are more already */
void audit_view_free(struct audit_view *v);
void audit_scroll(struct pane *p, int lines);
bool list_pane_key(struct pane *p, const struct input_event *ev);
void list_pane_scroll(struct pane *p, int lines);
void network_poll(struct pane *p);
bool review_key(struct pane *p, const struct input_event *ev);
void review_poll(struct pane *p);
void review_scroll(struct pane *p, int lines);
struct review *review_new(struct tui *t, const char *id);
void review_free(struct review *r); /* NULL is fine */
void violations_poll(struct pane *p);
void violations_changed(struct agent *a); /* ask again soon */

/* ---- requests (requests.c, dialog_request.c) ----------------------------- */

struct request_box {
	bool open;
	char agent[SESSION_ID_LEN + 1], id[16]; /* what is shown */
	uint64_t opened_ns; /* monotonic; set anew whenever another request is shown */
	/* Since when nobody types, as seen from a loop that was not held up; when it looked last.
	 */
	uint64_t quiet_ns, looked_ns;
	bool ready;   /* keys answer; it has been drawn so, or is with the next frame */
	bool partial; /* the target is too long for the dialog as it was drawn: no key allows it */
	bool confirm_all;
};
struct request_entry {
	struct agent *a;
	struct open_request *r;
};
struct open_request *agent_request(struct agent *a, const char *id);
size_t requests_queue(struct tui *t, struct request_entry *out); /* out: REQUESTS_MAX */
size_t requests_count(struct tui *t);
void requests_changed(struct tui *t); /* something opened or was answered */
/* Also what was dismissed; that of the agent first, if it asks (NULL: the oldest). */
void requests_show(struct tui *t, const struct agent *first);
bool requests_shown(struct tui *t, struct request_entry *out);
void requests_show_entry(struct tui *t, const struct request_entry *e);
void requests_step(struct tui *t, int step);
void request_answer(struct agent *a, const char *id, bool grant, const char *scope);
void request_always(struct agent *a, const char *id);
void requests_count_all(struct tui *t); /* what is open now is what "all" means */
void requests_answer_all(struct tui *t, bool grant, const char *scope);
/* May a key answer? opened, last_key: monotonic ns. */
bool requests_armed(uint64_t now, uint64_t opened, uint64_t last_key);
/* Looks at the clock, at least every STALL_NS. Keys that waited while we were held up would come
 * all at once after a seeming silence: a gap between two looks starts the silence anew. */
void requests_look(struct request_box *b, uint64_t now, uint64_t last_key);
void requests_draw(struct tui *t);
bool requests_key(struct tui *t, const struct input_event *ev); /* false: it goes to the pane */

/* ---- input (input.c, mouse.c, bindings.c, actions.c) -------------------- */

void input_event(void *data, const struct input_event *ev);
void input_mouse(struct tui *t, const struct input_event *ev);
void mouse_update(struct tui *t); /* which reports we need from the terminal */

struct binding {
	uint32_t key;
	unsigned mods;
	const char *help;
	void (*fn)(struct tui *t, int arg);
	int arg;
	bool repeat; /* may be pressed again without the prefix for a moment */
};
const struct binding *bindings(size_t *n);
const struct binding *binding_find(uint32_t key, unsigned mods);

void act_detach(struct tui *t, int arg);
void act_help(struct tui *t, int arg);
void act_new(struct tui *t, int arg);
void act_split(struct tui *t, int how);
void act_focus(struct tui *t, int dir);
void act_resize(struct tui *t, int dir_and_cells);
void act_zoom(struct tui *t, int arg);
void act_swap(struct tui *t, int step);
void act_kill(struct tui *t, int arg);
void act_restart(struct tui *t, int arg);
void act_tab_step(struct tui *t, int step);
void act_tab(struct tui *t, int i);
void act_tab_close(struct tui *t, int arg);
void act_tab_rename(struct tui *t, int arg);
void act_layout(struct tui *t, int arg); /* the next one */
void act_preset(struct tui *t, int preset);
void act_cycle(struct tui *t, int step);
void act_clipboard(struct tui *t, int arg);
void act_paste(struct tui *t, int arg);
/* Into the clipboard of the person's terminal; only what they asked for or can see. */
void tui_clipboard(struct tui *t, const char *text, size_t n);
void act_scroll(struct tui *t, int pages);
void act_audit(struct tui *t, int arg);
void act_violations(struct tui *t, int arg);
void act_network(struct tui *t, int arg);
void act_review(struct tui *t, int arg);
void act_snapshot(struct tui *t, int arg);
void snapshot_leave(struct tui *t); /* one that runs ends as soon as it can */
void act_sessions(struct tui *t, int arg);
void act_next_needy(struct tui *t, int arg);
void act_requests(struct tui *t, int arg);
void act_mouse(struct tui *t, int arg);
void act_numbers(struct tui *t, int arg);
void act_pane_close(struct tui *t, int arg);
void act_show_agent(struct tui *t, struct agent *a, enum split how);
/* Starts a program and shows it; replaces pane replace if not NULL. */
int start_agent(struct tui *t, const char *profile, const char *dir, const char *command,
		enum split how, const char *replace_agent, struct err *err);
void restart_due(struct tui *t); /* starts again what has ended for that */

/* ---- coming and going (loop.c, open.c, farewell.c) -------------------------------- */

void loop_start(struct tui *t);
int open_first_panes(struct tui *t, struct err *err);
void farewell_begin(struct tui *t, struct agent *a); /* the session we are here for has ended */
void farewell_history(struct tui *t, const struct agent *a, uint64_t first, size_t count, int cols,
		      const struct pty_cell *cells);
void farewell_check(struct tui *t);

/* ---- the whole ----------------------------------------------------------- */

struct tui {
	const struct tui_options *options;
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_timer_t frame_timer, tick_timer, esc_timer, end_timer, poll_timer, registry_timer;
	uv_signal_t signals[5];
	uv_fs_event_t registry_watch;
	bool registry_watched, registry_changed;
	uint64_t registry_ns; /* last read, monotonic */

	struct terminal term;
	bool have_term;
	struct watch *term_watch;
	struct keys keys;
	struct strings strings;
	struct canvas canvas;
	struct output output;
	struct theme theme;
	bool dirty;	   /* something changed */
	bool whole;	   /* ... other than rows of screens */
	bool urgent;	   /* the next frame shows what a key did: drawn at once */
	bool held;	   /* some screen's host waits for a word until then */
	bool echo;	   /* a key went to the focused agent, its next picture is the answer */
	uint64_t frame_ns; /* last frame, monotonic */
	uint64_t first_ns; /* the first frame waits for the focused screen until then */
	char outer_title[PTY_TITLE_MAX];
	char *state_dir;

	struct agent **agents;
	size_t n_agents;
	struct tab tabs[TABS_MAX];
	size_t n_tabs, tab;
	bool layout_changed; /* write it at the next tick */

	uint32_t prefix_key;
	unsigned prefix_mods;
	bool prefix; /* the next key is a command */
	uint64_t repeat_until;
	struct {	     /* what the person has copied from a scrollback */
		uint32_t id; /* of the question */
		struct buf text;
	} copy;
	uint32_t find_id;     /* of the last search in a scrollback */
	uint64_t last_key_ns; /* last key that went to a pane */
	bool mouse_on;
	struct layout_node *dragging;
	bool numbers; /* pane numbers are shown */
	uint64_t numbers_ns;

	struct dialog *dialog;
	struct request_box requests;
	struct tui_config config;
	struct starter starter;
	struct snapshot_job *snapshot; /* is being taken by the key for it; NULL: none */
	struct { /* what a program wants in the clipboard, until the person agrees */
		char from[SESSION_NAME_MAX];
		struct buf text;
	} clip;
	struct { /* a session that is being ended to be started again */
		char id[SESSION_ID_LEN + 1];
		char *profile, *dir, *command;
	} restart;
	char message[512];
	bool message_bad;
	uint64_t message_ns;
	struct {
		int x, w;
		struct agent *agent;
	} bar[128];
	size_t n_bar;

	bool quit, detached;
	int exit_code;
	char goodbye[256]; /* printed after the terminal is restored */
	struct {
		struct agent *agent;		 /* NULL: it has not ended */
		uint64_t deadline_ns, next, end; /* lines of the scrollback to fetch */
		bool asked;
	} farewell;
	struct buf last_screen; /* what an ended program leaves in the shell's screen */
};

void tui_dirty(struct tui *t);
void tui_screen_dirty(struct tui *t); /* rows of a screen, nothing else */
void tui_quit(struct tui *t, int code);
void tui_message(struct tui *t, bool bad, const char *fmt, ...) _printf_(3, 4);
void tui_agent_ended(struct tui *t, struct agent *a);
static inline const struct style *style(const struct tui *t, enum theme_style s)
{
	return &t->theme.v[s];
}

#endif
